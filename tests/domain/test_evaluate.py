"""Evaluations: files read, people found as the pipeline finds them, and every mistake explained."""

import gzip
from collections import Counter
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from app.core.errors import NotFound, Refused
from app.core.runtime import Runtime
from app.domain.evaluate.cases import MAX_RECORDS, few, letter
from app.domain.evaluate.histogram import histogram
from app.domain.evaluate.labelled import Columns, header, rows, truth
from app.domain.evaluate.mapping import Mapped, mapped
from app.domain.evaluate.mistakes import kind
from app.domain.evaluate.outcome import Outcome, Used, figures, outcome
from app.domain.evaluate.people import members
from app.domain.evaluate.report import percent, report
from app.domain.evaluate.scores import MOST_BITS, Scores
from app.domain.matching import Matcher
from app.domain.pipeline import STEPS
from app.domain.pipeline.batch import Batch
from app.domain.tokens import key_token
from app.identity.policy import Policy
from tests.make import DAWN, record, tenant

WORTH = {"first_name": 4.0, "last_name": 6.0, "city": 3.0}
COLUMNS = Columns({name: [name] for name in ("first_name", "last_name", "city", "email")})


def bits(one: Mapping[str, str], other: Mapping[str, str]) -> float:
    return sum(
        worth if one[name] == other[name] else -worth for name, worth in WORTH.items() if name in one and name in other
    )


TOY: Any = Matcher(
    version=7,
    automatic=10.0,
    review=4.0,
    max_holders=5,
    columns=frozenset(WORTH),
    features=dict,
    keys=lambda each: [each["last_name"]] if "last_name" in each else [],
    bits=bits,
    dump=orjson.dumps,
    load=orjson.loads,
)


def explain(one: Mapping[str, str], other: Mapping[str, str]) -> list[tuple[str, str, float]]:
    return [("place", "another", -1.0), ("gender", "unknown", 0.01), ("<names> & more", "alike", bits(one, other))]


def file(place: Path, name: str, *lines: str) -> Path:
    written = place / name
    written.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return written


def evaluated(place: Path, *lines: str, matcher: Matcher | None = TOY) -> Outcome:
    """The outcome for lines of `id,cluster,first_name,last_name,city,email`; without a cluster one is not labelled."""
    data = file(place, "people.csv", "id,cluster,first_name,last_name,city,email", *lines)
    used = Used(matcher, explain) if matcher else None
    held = members(rows(data, COLUMNS), Policy())
    return outcome(Mapped(COLUMNS, ()), held, truth(data), Policy(), used)


def ids(found: Outcome, places: Sequence[int]) -> list[str]:
    return [found.found.members[id].row.id for id in places]


# Reading


def test_a_row_is_its_traits_and_identifiers_and_empty_cells_are_not_there(tmp_path: Path) -> None:
    data = file(tmp_path, "a.csv", "id,source,given,no,street,town,card", "1,crm, Ann ,12,High Street,Ely,9", "2,,,,,,")
    columns = Columns(
        {"first_name": ["given"], "address.street": ["no", "street"], "address.city": ["town"]}, {"card": ["card"]}
    )
    one, other = rows(data, columns)
    assert one.traits == {"first_name": "Ann", "address": {"street": "12 High Street", "city": "Ely"}}
    assert (one.id, one.source, one.identifiers) == ("1", "crm", (("card", "9"),))
    assert (other.traits, other.identifiers, other.source) == ({}, (), "file")


def test_files_are_read_as_imports_read_them(tmp_path: Path) -> None:
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress(b'\xef\xbb\xbfid;last_name\r\n1;"O""Hara; Ann"\r\n'))
    assert header(packed) == ("id", "last_name")
    (row,) = rows(packed, Columns({"last_name": ["last_name"]}))
    assert row.traits == {"last_name": 'O"Hara; Ann'}


def test_a_file_of_many_pieces_keeps_every_row(tmp_path: Path) -> None:
    many = 30_000
    data = file(tmp_path, "c.csv", "id,last_name", *(f'{n},"Name, {n}"' for n in range(many)))
    assert data.stat().st_size > 256 * 1024
    found = list(rows(data, Columns({"last_name": ["last_name"]})))
    assert [row.traits["last_name"] for row in found] == [f"Name, {n}" for n in range(many)]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["id,name", "1,a", "1,b"], "Line 3 of d.csv repeats the id of another row; give each record an id"),
        (["id,name", " ,a"], "Line 2 of d.csv has no id"),
        (["id,name", "1,a,more"], "Line 2 has 3 fields and the header 2"),
        (["key,name", "1,a"], "d.csv has no column 'id'; it has key, name."),
        ([""], "begins with an empty line"),
    ],
)
def test_a_file_that_cannot_be_evaluated_says_where_and_why(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        list(rows(file(tmp_path, "d.csv", *lines), Columns({"name": ["name"]})))


def test_a_file_that_is_not_there_or_broken_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none\.csv cannot be read: No such file"):
        header(tmp_path / "none.csv")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"id,a\n" * 1000)[:40])
    with pytest.raises(NotFound, match="cannot be read"):
        header(tmp_path / "cut.csv.gz")


def test_the_truth_names_an_entity_for_each_record_once(tmp_path: Path) -> None:
    assert truth(file(tmp_path, "e.csv", "ID,Cluster", "1,a", "2,a", "3,", "1,a")) == {"1": "a", "2": "a"}
    assert truth(file(tmp_path, "f.csv", "nr,id,entity", "7,1,a"), "nr") == {"7": "a"}
    with pytest.raises(Refused, match=r"Line 3 of g\.csv puts a record into a second entity"):
        truth(file(tmp_path, "g.csv", "id,cluster", "1,a", "1,b"))
    with pytest.raises(Refused, match=r"must have the columns id and cluster; it has a, b\."):
        truth(file(tmp_path, "h.csv", "a,b", "1,2"))
    with pytest.raises(Refused, match="labels no record"):
        truth(file(tmp_path, "i.csv", "id,cluster", "1,"))


# Mapping


def test_a_column_called_like_a_trait_is_that_trait() -> None:
    held = ["id", "source", "cluster", "First Name", "surname", "deviceId", "email", "middle_name", "address", "x"]
    found = mapped(held, ["last_name=surname"], reads=["middle_name", "address"])
    assert dict(found.columns.traits) == {
        "first_name": ("First Name",),
        "last_name": ("surname",),
        "email": ("email",),
        "middle_name": ("middle_name",),
    }
    assert dict(found.columns.identifiers) == {"device_id": ("deviceId",)}
    assert found.unused == ("address", "x")


def test_a_column_with_a_meaning_is_guessed_no_other_and_nothing_is_without_guessing() -> None:
    held = ["id", "city", "email", "device_id"]
    found = mapped(held, ["address.city=city"])
    assert (dict(found.columns.traits), dict(found.columns.identifiers)) == (
        {"address.city": ("city",), "email": ("email",)},
        {"device_id": ("device_id",)},
    )
    assert mapped(held, ["phone=email"], guess=False).unused == ("city", "device_id")


def test_the_mapping_of_a_file_names_several_columns_and_its_own_id() -> None:
    held = ["nr", "from", "a+b", "a", "b", "card"]
    found = mapped(held, ["city=a+b", "name=a + b + card"], ["Loyalty Card=card"], id="nr", source="from").columns
    assert dict(found.traits) == {"city": ("a+b",), "name": ("a", "b", "card")}
    assert (dict(found.identifiers), found.id, found.source) == ({"loyalty_card": ("card",)}, "nr", "from")


@pytest.mark.parametrize(
    ("traits", "identifiers", "given", "said"),
    [
        (["first_name"], [], {}, "--map first_name is no pair; write --map trait=column."),
        (["first_name=none"], [], {}, r"--map: there is no column 'none'\. There are id, given, email\."),
        (["given=first_name"], [], {}, r"the column stands last: --map first_name=given\."),
        (["name=given", "Name=email"], [], {}, "--map Name=... is given twice"),
        (["address=given"], [], {}, r"address has parts: map address\.street, address\.city"),
        (["email.part=given"], [], {}, "email has no parts"),
        (["!!=given"], [], {}, "a trait's name has letters"),
        ([], ["edited_record=given"], {}, "a namespace is a word of its own"),
        ([], ["card="], {}, "--identifier card= is no pair; write --identifier namespace=column."),
        ([], [], {"id": "nr"}, "--id-column: there is no column 'nr'"),
        ([], [], {"source": "nr"}, "--source-column: there is no column 'nr'"),
        ([], [], {"guess": False}, "Say what the columns mean: --map trait=column"),
    ],
)
def test_a_mapping_that_cannot_be_meant_says_what_to_write(
    traits: list[str], identifiers: list[str], given: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refused, match=said):
        mapped(["id", "given", "email"], traits, identifiers, **given)


def test_a_file_without_an_id_is_told_to_name_one() -> None:
    with pytest.raises(Refused, match=r"--id-column NAME\. There are a, b\."):
        mapped(["a", "b"])


# People


async def test_the_people_are_those_that_the_pipeline_finds(rt: Runtime, tmp_path: Path) -> None:
    rng = Random(20_261_124)
    said = [
        {
            "first_name": rng.choice(["Ann", "Bob"]),
            "last_name": rng.choice(["Weber", "Weber", "Kim", "Roy", "Sole", "Lutz", "Moor", "Nagy", "Oda", "Pons"]),
            "city": rng.choice(["Ely", "Ulm", ""]),
            "email": rng.choice(["", "", "ann@mail.example", "bob@mail.example"]),
        }
        for _ in range(40)
    ]
    lines = [
        f"{n},{n},{each['first_name']},{each['last_name']},{each['city']},{each['email']}"
        for n, each in enumerate(said)
    ]
    found = evaluated(tmp_path, *lines)

    async def bring(batch: Batch) -> None:
        batch.matcher = TOY

    one = await tenant(rt)
    await one.append([record(str(n), {k: v for k, v in each.items() if v}) for n, each in enumerate(said)])
    await one.processor(steps=(("bring", bring), *STEPS)).drain(one.id)
    kept = {row["key_token"]: row["profile_id"] for row in await one.rows("SELECT * FROM source_records")}
    theirs = [kept[key_token(one.keyring, one.sources["crm"].id, str(n))] for n in range(len(said))]
    ours = [found.found.clusters[str(n)] for n in range(len(said))]
    assert {kind(tie) for tie in found.found.ties if tie.refused is None} == {"email", "match"}
    assert any(tie.refused for tie in found.found.ties)
    assert [ours.index(each) for each in ours] == [theirs.index(each) for each in theirs]


def test_without_a_model_only_shared_identifiers_make_people(tmp_path: Path) -> None:
    lines = ["1,a,Ann,Weber,Ely,ann@mail.example", "2,a,Ann,Weber,Ely,ann@mail.example", "3,a,Ann,Weber,Ely,"]
    found = evaluated(tmp_path, *lines, matcher=None)
    assert (found.evaluation.right, found.evaluation.missed, found.found.compared) == (1, 2, 0)
    assert found.mistakes.why == {"nothing_shared": 1}
    assert figures(found)["matching"] is None


def test_a_key_that_too_many_carry_compares_nobody(tmp_path: Path) -> None:
    five = [f"{n},a,Ann,Weber,," for n in range(5)]
    assert evaluated(tmp_path, *five).found.compared == 10
    found = evaluated(tmp_path, *five, "5,a,Ann,Weber,,")
    assert (found.found.compared, dict(found.mistakes.why)) == (0, {"never_compared": 1})


# Mistakes


def test_a_false_union_names_the_link_that_made_it(tmp_path: Path) -> None:
    shared = "eve@mail.example"
    found = evaluated(
        tmp_path, f"1,a,Ann,Weber,Ely,{shared}", f"2,a,,,,{shared}", "3,b,Ann,Weber,Ely,", f"4,c,Bo,Kim,,{shared}"
    )
    (union,) = found.mistakes.unions
    assert (ids(found, union.records), union.entities, union.wrong) == (["1", "2", "3"], 2, 2)
    assert [(link.kind, ids(found, [link.a, link.b]), link.score) for link in union.links] == [
        ("match", ["1", "3"], 13.0)
    ]
    assert found.mistakes.through == {"match": 1}


def test_a_false_union_through_records_that_are_not_labelled_has_no_link_of_its_own(tmp_path: Path) -> None:
    lines = ["1,a,,,,ann@mail.example", "2,,Ann,Weber,Ely,ann@mail.example", "3,b,Ann,Weber,Ely,"]
    found = evaluated(tmp_path, *lines)
    assert [union.links for union in found.mistakes.unions] == [()]
    assert (found.unlabelled, found.evaluation.records) == (1, 2)
    assert "joined through records that the truth does not name" in report(found, "x", "toy", DAWN)


@pytest.mark.parametrize(
    ("lines", "why", "best"),
    [
        (["1,a,Ann,Weber,,", "2,a,,Weber,,"], "review", 6.0),
        (["1,a,Ann,Weber,,", "2,a,Bo,Weber,,"], "low", 2.0),
        (["1,a,Ann,Weber,,", "2,a,Ann,Kim,,"], "never_compared", None),
        (["1,a,Ann,,,eve@mail.example", "2,a,Bo,,,eve@mail.example"], "veto:first_name", None),
        ([f"{n},{'a' if n < 2 else n},,,,eve@mail.example" for n in range(13)], "generic:email", None),
    ],
)
def test_an_entity_is_torn_for_a_reason(tmp_path: Path, lines: list[str], why: str, best: float | None) -> None:
    found = evaluated(tmp_path, *lines)
    (torn,) = found.mistakes.torn
    assert (torn.why, torn.missed, torn.best and torn.best.bits) == (why, 1, best)
    assert [ids(found, part) for part in torn.parts] == [[lines[0][0]], [lines[1][0]]]


def test_of_several_scores_between_the_parts_the_best_is_told(tmp_path: Path) -> None:
    found = evaluated(tmp_path, "1,a,Ann,Weber,,", "2,a,,Weber,,", "3,a,Bo,Weber,,")
    assert [torn.best and torn.best.bits for torn in found.mistakes.torn] == [6.0]


def test_only_pairs_that_are_not_one_person_wait(tmp_path: Path) -> None:
    sure, unsure = ["1,a,Ann,Weber,Ely,", "2,a,Ann,Weber,Ely,"], "3,a,,Weber,,"
    assert evaluated(tmp_path, *sure).waiting == 0
    found = evaluated(tmp_path, *sure, unsure)
    assert (len(found.found.pairs), found.waiting) == (3, 2)


def test_records_that_only_one_of_the_files_has_are_counted(tmp_path: Path) -> None:
    held = members(
        rows(file(tmp_path, "a.csv", "id,first_name", "1,Ann", "2,Bo"), Columns({"first_name": ["first_name"]})),
        Policy(),
    )
    found = outcome(Mapped(COLUMNS, ()), held, {"1": "a", "7": "a", "8": "b"}, Policy(), None)
    assert (found.unlabelled, found.absent, found.evaluation.missed) == (1, 2, 1)


def test_the_worst_mistakes_come_first(tmp_path: Path) -> None:
    email = ",eve@mail.example"
    lines = [f"{n},a,,,{email}" for n in range(3)] + ["3,a,,,,", "4,b,,,,", "5,b,,,,"]
    found = evaluated(tmp_path, *lines)
    assert [(len(torn.parts), torn.missed) for torn in found.mistakes.torn] == [(2, 3), (2, 1)]
    assert [ids(found, part) for part in found.mistakes.torn[0].parts] == [["0", "1", "2"], ["3"]]


def test_scores_are_counted_for_what_they_are_worth_and_only_between_labelled_records() -> None:
    scores = Scores(["a", "a", "b", None, "a"], review=4.0)
    scores.seen(0, 4, 4.0)
    for a, b, worth in ((0, 1, 3.9), (0, 2, -0.5), (0, 3, 9.0), (1, 2, float("inf")), (0, 1, float("-inf"))):
        scores.seen(a, b, worth)
    assert scores.alike == {4: 1, 3: 1, -MOST_BITS: 1}
    assert scores.apart == {-1: 1, MOST_BITS - 1: 1}
    assert scores.low == {(0, 1): -MOST_BITS}


# The report


class Page(HTMLParser):
    """The tags of a page, their attributes, and its text; every element is closed in its order."""

    EMPTY = frozenset(("meta", "line", "rect", "br"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(found: Outcome, **given: Any) -> Page:
    return Page(report(found, given.get("data", "people.csv"), "the toy model", DAWN))


def test_the_report_needs_nothing_but_itself_and_runs_no_script(tmp_path: Path) -> None:
    written = report(evaluated(tmp_path, "1,a,Ann,Weber,Ely,", "2,b,Ann,Weber,Ely,"), "people.csv", "the toy", DAWN)
    page = Page(written)
    assert page.open == []
    assert not page.seen & {"script", "link", "img", "iframe", "object", "a", "form", "base"}
    assert not page.attributes & {"src", "href", "style"}
    assert not any(name.startswith("on") for name in page.attributes)
    assert "//" not in written
    assert "url(" not in written
    assert "default-src 'none'" in written


def test_every_word_of_the_data_is_text_in_the_report(tmp_path: Path) -> None:
    names = ("<i>id</i>", "<u>source</u>", "<b>name</b>", "<a href='x'>card</a>", "<script>alert(1)</script>")
    nr, source, name, card, other = names
    lines = [f"{nr}{n},{source},{'one' if n < 2 else 'two'},{name},{card},{other}" for n in range(3)]
    lines += [f"{nr}3,{source},two,{other},,"]
    data = file(tmp_path, "p.csv", "id,source,cluster,first_name,card,<em>odd</em>", *lines)
    columns = Columns({"first_name": ["first_name"], "last_name": ["<em>odd</em>"]}, {"card": ["card"]})
    held = members(rows(data, columns), Policy())
    found = outcome(Mapped(columns, ("<tt>unused</tt>",)), held, truth(data), Policy(), None)
    assert (len(found.mistakes.unions), len(found.mistakes.torn)) == (1, 1)
    page = Page(report(found, "<u>&.csv", "<u>model</u>", DAWN))
    assert page.open == []
    assert not page.seen & {"i", "u", "a", "em", "tt", "script"}
    for said in (*names, "<em>odd</em>", "<tt>unused</tt>", "<u>&.csv", "<u>model</u>"):
        assert said in page.text, said
    assert page.text.count("Evaluation of <u>&.csv") == 1


def test_the_report_says_the_figures_and_the_worst_mistakes_in_words(tmp_path: Path) -> None:
    lines = ["1,a,Ann,Weber,Ely,", "2,b,Ann,Weber,Ely,", "3,b,Ann,Kim,Ulm,bad@@", "4,c,Ann,Kim,,"]
    page = page_of(evaluated(tmp_path, *lines))
    for said in (
        "people.csv: 4 records of 3 true people; 2 people found. The toy model. 01 March 2026.",
        "0.0 %of what was put together belongs together.2 wrong pairs",
        "2 true people in one: 2 records, 1 wrong pair",
        "They are alike: 13.0 bits. <names> & more +13.0 (alike), place -1.0 (another)",
        "One true person in 2: 2 records, 1 missed pair",
        "linked from 10.0",
        "They share no identifier and no live blocking key, so they were never compared.",
    ):
        assert said in page.text, said
    assert "s" in page.seen, "a value that could not be read is marked"


def test_a_mistake_of_many_records_shows_some_of_each_side(tmp_path: Path) -> None:
    shared = ",,,eve@mail.example"
    lines = [f"{n},{'a' if n < 11 else 'b'},{shared}" for n in range(12)] + [f"{n},b,,,," for n in range(12, 40)]
    found = evaluated(tmp_path, *lines)
    page = page_of(found)
    assert "One true person in 29: 29 records" in page.text
    assert "And 17 more records." in page.text
    assert "2 true people in one: 12 records, 11 wrong pairs" in page.text


def test_the_records_that_a_link_joins_are_shown_whatever_else_is_left_out() -> None:
    groups = [("A", range(30)), ("B", range(30, 60)), ("C", [60])]
    shown = few(groups, [29, 59])
    assert len(shown) == MAX_RECORDS
    assert {("A", 29), ("B", 59), ("C", 60), ("A", 0), ("B", 30)} <= {*shown}


def test_a_perfect_outcome_has_a_report_too(tmp_path: Path) -> None:
    page = page_of(evaluated(tmp_path, "1,a,Ann,Weber,Ely,", "2,a,Ann,Weber,Ely,"))
    assert "Nothing: every person found is a true one." in page.text
    assert "100.0 %" in page.text
    alone = page_of(evaluated(tmp_path, "1,a,,,,", matcher=None))
    assert "No model was used" in alone.text


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (1.0, "100.0 %"),
        (0.0, "0.0 %"),
        (0.5, "50.0 %"),
        (0.01, "1.0 %"),
        (0.9996, "99.96 %"),
        (0.999_999_99, "over 99.9999 %"),
        (1e-9, "under 0.0001 %"),
    ],
)
def test_only_all_of_it_is_a_hundred_percent(share: float, said: str) -> None:
    assert percent(share) == said


def test_the_picture_stands_pairs_of_one_person_up_and_of_two_down_beside_the_thresholds() -> None:
    scores = Scores([], 4.0, alike=Counter({10: 500, 20: 5}), apart=Counter({-7: 500, 10: 1}))
    drawn = list(ElementTree.fromstring(histogram(scores, 4.0, 10.0)).iter())  # noqa: S314  our own picture
    bars = {str(each[0].text).split(" to ")[0] + str(each.get("class")): each for each in drawn if each.tag == "rect"}
    place = {name: {at: float(bar.get(at, "")) for at in ("x", "y", "width", "height")} for name, bar in bars.items()}
    assert set(place) == {"10alike", "20alike", "-7apart", "10apart"}
    ground = place["10apart"]["y"]
    assert place["-7apart"]["y"] == ground
    for name in ("10alike", "20alike"):
        assert place[name]["y"] + place[name]["height"] == pytest.approx(ground, abs=0.2)
    assert place["10alike"]["height"] == place["-7apart"]["height"] > place["20alike"]["height"] > 0
    review, automatic = (float(each.get("x1", "")) for each in drawn if each.get("class") == "threshold")
    assert automatic == place["10alike"]["x"] == place["10apart"]["x"]
    assert place["-7apart"]["x"] < review < automatic < place["20alike"]["x"]


def test_a_threshold_that_nobody_reaches_is_not_drawn_and_no_pair_needs_a_picture() -> None:
    empty = histogram(Scores([], 4.0), 4.0, float("inf"))
    assert empty.count('class="threshold"') == 1
    assert "<rect" not in empty


def test_parts_are_lettered_beyond_the_alphabet() -> None:
    assert [letter(n) for n in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
