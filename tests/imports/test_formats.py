"""The format readers: every text as it was, from any place on, in pieces of any size, in bounded memory."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Fault, Refused
from app.domain.formats.csv import MAX_LINES_A_ROW, CsvReader
from app.domain.formats.csv_header import read_header
from app.domain.formats.json import JsonReader
from app.domain.formats.ndjson import NdjsonReader
from app.domain.formats.parquet import PiecedFile, Table
from app.domain.formats.row import Mark, Row, TextReader

ROOT = Path(__file__).parent.parent.parent
BLNS = ROOT.parent / "shared" / "data" / "corpora" / "blns" / "blns.json"
MAX_BYTES = 5000
IN_UTC = pa.timestamp("ms", "UTC")
SIZES = (1, 7, 100, 1_000_000)


@pytest.fixture(scope="module")
def naughty() -> list[str]:
    if not BLNS.exists():
        pytest.skip("the corpus of naughty strings is not here")
    return list(json.loads(BLNS.read_text("utf-8")))


def pieces(body: bytes, size: int) -> Iterator[tuple[bytes, bool]]:
    for at in range(0, len(body), size):
        yield body[at : at + size], at + size >= len(body)


def read(reader: TextReader, body: bytes, size: int) -> list[Row]:
    rows: list[Row] = []
    for piece, last in pieces(body, size):
        rows += reader.feed(piece, last=last)
        reader.check()
    return rows


def csv_reader(body: bytes) -> tuple[Callable[[Mark], CsvReader], Mark]:
    header = read_header(body, delimiter=None, encoding="utf-8", whole=True)
    return lambda mark: CsvReader(header, mark, max_bytes=MAX_BYTES), header.start


def goes_on_anywhere(make: Callable[[Mark], TextReader], start: Mark, body: bytes) -> list[Row]:
    """The rows of a body, the same in pieces of any size and from behind any row."""
    whole = read(make(start), body[start.position :], len(body))
    rng = Random(7)
    for size in SIZES:
        assert read(make(start), body[start.position :], size) == whole, size
        behind = rng.randrange(len(whole))
        mark = whole[behind].after
        assert read(make(mark), body[mark.position :], size) == whole[behind + 1 :], (size, behind)
    return whole


def values(rows: list[Row]) -> list[Any]:
    """Each row's value, or the code of what is wrong with it."""
    return [row.value.code if isinstance(row.value, Fault) else row.value for row in rows]


def as_csv(rows: list[list[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def test_every_naughty_string_passes_csv_as_it_is(naughty: list[str]) -> None:
    body = as_csv([["id", "said"], *([n, said] for n, said in enumerate(naughty))])
    rows = goes_on_anywhere(*csv_reader(body), body)
    for row, said in zip(rows, naughty, strict=True):
        if "\0" in said:
            assert values([row]) == ["nul_character"]
        else:
            assert isinstance(row.value, dict)
            assert row.value["said"] == said


@pytest.mark.parametrize("dump", [{"indent": 1}, {"ensure_ascii": False}])
def test_every_naughty_string_passes_json_as_it_is(naughty: list[str], dump: dict[str, Any]) -> None:
    items = [{"key": n, "said": [said, {said: said}]} for n, said in enumerate(naughty)]
    body = json.dumps(items, **dump).encode("utf-8", "surrogatepass")
    rows = goes_on_anywhere(lambda mark: JsonReader(mark, max_bytes=MAX_BYTES), Mark(), body)
    assert values(rows) == items


def test_every_naughty_string_passes_ndjson_as_it_is(naughty: list[str]) -> None:
    items = [{"key": n, "said": said} for n, said in enumerate(naughty)]
    body = "\n".join(json.dumps(each, ensure_ascii=False) for each in items).encode("utf-8", "surrogatepass")
    rows = goes_on_anywhere(lambda mark: NdjsonReader(mark, max_bytes=MAX_BYTES), Mark(), body)
    assert values(rows) == items


def parquet(table: Any, **options: Any) -> Table:
    body = io.BytesIO()
    pq.write_table(table, body, **options)
    return opened(body.getvalue())


def opened(body: bytes, size: int = 777) -> Table:
    return Table(PiecedFile(len(body), size, lambda number: body[number * size : (number + 1) * size]))


def rows_of(table: Table, start: int = 0) -> list[Row]:
    return [row for rows in table.batches(start) for row in rows]


def test_every_naughty_string_passes_parquet_as_it_is(naughty: list[str]) -> None:
    table = pa.table({"id": list(range(len(naughty))), "said": naughty, "in": [[each] for each in naughty]})
    for options in ({"row_group_size": 50}, {"use_dictionary": False, "compression": "zstd"}):
        for row, said in zip(rows_of(parquet(table, **options)), naughty, strict=True):
            if "\0" in said:
                assert values([row]) == ["nul_character"]
            else:
                assert isinstance(row.value, dict)
                assert (row.value["said"], row.value["in"]) == (said, [said])


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=2, max_size=2)
    )
)
def test_what_a_csv_writer_wrote_is_read_back(cells: list[list[str]]) -> None:
    body = as_csv([["id", "a", "b"], *([n, *row] for n, row in enumerate(cells))])
    make, start = csv_reader(body)
    for size in SIZES:
        rows = read(make(start), body[start.position :], size)
        assert values(rows) == [{"id": str(n), "a": a, "b": b} for n, (a, b) in enumerate(cells)]


BAD_CSV = (
    b'id,a\n1,"x"\n2,"open\n3,c\n4,5" disk\n5,"a"b\n6,\xff\n8,a,b\n9\n\n10,"l1\nl2"\n11,"' + b"q" * 6000 + b'\n12,"end"'
)


def test_a_stray_quote_costs_its_line_alone() -> None:
    rows = goes_on_anywhere(*csv_reader(BAD_CSV), BAD_CSV)
    assert [(row.number, row.value["a"] if isinstance(row.value, dict) else values([row])[0]) for row in rows] == [
        (2, "x"),
        (3, "unbalanced_quote"),
        (4, "c"),
        (5, '5" disk'),
        (6, "unbalanced_quote"),
        (7, "bad_encoding"),
        (8, "wrong_field_count"),
        (9, "wrong_field_count"),
        (11, "l1\nl2"),
        (13, "row_too_large"),
        (14, "end"),
    ]


def test_an_open_quote_does_not_swallow_the_file() -> None:
    body = b'id,a\n1,"open\n' + b"".join(b"%d,x\n" % n for n in range(2, 20_000))
    make, start = csv_reader(body[:100])
    found = values(read(make(start), body[start.position :], 4096))
    assert found[0] == "unbalanced_quote"
    assert len(found) == 19_999
    assert found.count("unbalanced_quote") == 1


def test_a_row_of_too_many_lines_is_a_stray_quote() -> None:
    body = b'id\n"open\n' + b"x\n" * MAX_LINES_A_ROW + b'"\nlast\n'
    found = values(goes_on_anywhere(*csv_reader(body), body))
    assert found == ["unbalanced_quote", *[{"id": "x"}] * MAX_LINES_A_ROW, "unbalanced_quote", {"id": "last"}]


@pytest.mark.parametrize("size", SIZES)
def test_no_reader_holds_more_than_a_piece_and_a_row(size: int) -> None:
    text = b"x" * 20_000
    bodies: list[tuple[TextReader, bytes]] = [
        (NdjsonReader(Mark(), max_bytes=MAX_BYTES), b'{"a": 1}\n"' + text + b'"\n{"a": 2}\n'),
        (JsonReader(Mark(), max_bytes=MAX_BYTES), b'[{"a": 1}, {"b": ["' + text + b'\\"", {}]}, {"a": 2}]'),
        (JsonReader(Mark(), max_bytes=MAX_BYTES), b'[{"a": 1}, "' + text + b'", {"a": 2}]'),
        (JsonReader(Mark(), max_bytes=MAX_BYTES), b'[{"a": 1}, ' + b"1" * 20_000 + b', {"a": 2}]'),
        (JsonReader(Mark(), max_bytes=MAX_BYTES), b'[{"a": 1}, ' + b'["]",' * 999 + b"1" + b"]" * 999 + b', {"a": 2}]'),
    ]  # fmt: skip
    for reader, body in bodies:
        rows: list[Row] = []
        for piece, last in pieces(body, size):
            rows += reader.feed(piece, last=last)
            assert len(reader._buffer) <= MAX_BYTES + 2 * len(piece)  # type: ignore[attr-defined]
        assert values(rows) == [{"a": 1}, "row_too_large", {"a": 2}]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a": NaN}', "malformed"),
        ('{"a": 1e400}', "number_out_of_range"),
        ('{"a": "\\ud800"}', "lone_surrogate"),
        ('{"a": "\\u0000"}', "nul_character"),
        ('{"a": 1, "a": 2}', "duplicate_key"),
        ("[" * 40 + "]" * 40, "too_deep"),
        ('{"a" 1}', "malformed"),
        ("nonsense", "malformed"),
    ],
)
def test_an_item_that_breaks_a_rule_takes_no_other_along(text: str, code: str) -> None:
    body = f'[{{"a": 0}}, {text}, {{"b": 1}}]'.encode()
    rows = goes_on_anywhere(lambda mark: JsonReader(mark, max_bytes=MAX_BYTES), Mark(), body)
    assert values(rows) == [{"a": 0}, code, {"b": 1}]
    lines = f'{{"a": 0}}\n{text}\n{{"b": 1}}'.encode()
    rows = goes_on_anywhere(lambda mark: NdjsonReader(mark, max_bytes=MAX_BYTES), Mark(), lines)
    assert values(rows) == [{"a": 0}, code, {"b": 1}]


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"[1", b"[1,", b"[1,]", b"[,1]", b"[{} {}]", b"[1]]", b"[1] x", b"7", b"[}"]
)
@pytest.mark.parametrize("size", [1, 100])
def test_an_array_with_broken_brackets_is_refused(body: bytes, size: int) -> None:
    reader = JsonReader(Mark(), max_bytes=MAX_BYTES)
    with pytest.raises(Refused):
        read(reader, body or b" ", size)


def test_parquet_values_are_exact() -> None:
    table = pa.table(
        {
            "ns": pa.array([123456789123456789, None], pa.timestamp("ns", "Europe/Paris")),
            "local": pa.array([datetime(2026, 1, 2, 3, 4, 5), None]),  # noqa: DTZ001
            "day": pa.array([date(1990, 3, 3), None]),
            "exact": pa.array([Decimal("12345678901234567890.12"), Decimal("12.50")], pa.decimal128(38, 2)),
            "float": [1.5, float("nan")],
            "bytes": [b"\xff\0", None],
            "list": pa.array([[1, None], []], pa.list_(pa.int8())),
            "times": pa.array([[[datetime(2020, 1, 1, tzinfo=UTC)]], None], pa.list_(pa.list_(IN_UTC))),
            "struct": pa.array([{"a": date(2020, 1, 2), "b": None}, None]),
            "map": pa.array([[("a", 1.0)], None], pa.map_(pa.string(), pa.float32())),
            "word": pa.array(["x", "x"]).dictionary_encode(),
            "nothing": pa.nulls(2),
        }
    )  # fmt: skip
    assert values(rows_of(parquet(table))) == [
        {
            "ns": "1973-11-29T21:33:09.123456789Z",
            "local": "2026-01-02T03:04:05.000000",
            "day": "1990-03-03",
            "exact": "12345678901234567890.12",
            "float": 1.5,
            "bytes": "/wA=",
            "list": [1, None],
            "times": [["2020-01-01T00:00:00.000Z"]],
            "struct": {"a": "2020-01-02"},
            "map": {"a": 1.0},
            "word": "x",
        },
        {"exact": 12.5, "list": [], "word": "x"},
    ]


def test_a_parquet_row_that_json_cannot_say_is_rejected_alone() -> None:
    bad_text = pa.array([b"fine", b"\xff\xfe", b"fine", b"fine"]).view(pa.string())
    table = pa.table(
        {"a": bad_text, "b": [1.0, 1.0, float("inf"), 1.0], "c": pa.array([1, 1, 1, 2**64 - 1], pa.uint64())}
    )
    assert values(rows_of(parquet(table))) == [
        {"a": "fine", "b": 1.0, "c": 1},
        "bad_encoding",
        "no_json_value",
        "number_out_of_range",
    ]


def test_parquet_goes_on_from_any_row() -> None:
    table = parquet(pa.table({"id": list(range(2500))}), row_group_size=700)
    whole = rows_of(table)
    assert [row.number for row in whole] == list(range(1, 2501))
    for start in (0, 1, 699, 700, 701, 2499, 2500):
        assert rows_of(table, start) == whole[start:]


def test_a_damaged_parquet_file_is_refused_with_one_sentence() -> None:
    held = io.BytesIO()
    pq.write_table(pa.table({"id": list(range(5000)), "a": [str(n) * 5 for n in range(5000)]}), held)
    whole = held.getvalue()
    rng = Random(3)
    bodies = [b"", b"PAR1", whole[:-100], whole[: len(whole) // 2]]
    bodies += [whole[:at] + b"\xff" * 64 + whole[at + 64 :] for at in (rng.randrange(4, 20_000) for _ in range(20))]
    for body in bodies:
        try:
            assert all(isinstance(row.value, dict | Fault) for row in rows_of(opened(body)))
        except Refused as refused:
            assert str(refused).startswith(("This is no whole Parquet file", "Column"))  # noqa: PT017
