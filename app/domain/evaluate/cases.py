"""The worst mistakes as tables of the records concerned, for people who know the data. Every value is escaped."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import chain
from typing import Final, TypeAlias

from app.domain import because
from app.domain.evaluate.mistakes import FalseUnion, Torn, said_of
from app.domain.evaluate.outcome import Outcome
from app.domain.evaluate.people import Member
from app.identity.cluster import Tie

MAX_CASES: Final = 20
MAX_RECORDS: Final = 12
"""Records that one mistake shows, those of its links first."""

MAX_LINKS: Final = 4
LEAST_BITS: Final = 0.05

Group: TypeAlias = tuple[str, Sequence[int]]
"""A letter, and the records by their places."""


def false_unions(outcome: Outcome) -> str:
    """The people who hold most wrong pairs."""
    return "".join(_union(outcome, each) for each in outcome.mistakes.unions[:MAX_CASES])


def torn_people(outcome: Outcome) -> str:
    """The true people whose parts miss most pairs."""
    return "".join(_torn(outcome, each) for each in outcome.mistakes.torn[:MAX_CASES])


def letter(number: int) -> str:
    """A, B, ... Z, AA, AB ..."""
    return (letter(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)


def _union(outcome: Outcome, union: FalseUnion) -> str:
    of_entity: dict[str | None, list[int]] = {}
    for id in union.records:
        of_entity.setdefault(outcome.labels[id], []).append(id)
    groups = [(letter(number), ids) for number, ids in enumerate(of_entity.values())]
    letters = {id: name for name, ids in groups for id in ids}
    head = f"{union.entities} true people in one: {len(union.records):,} records, {_many(union.wrong, 'wrong pair')}"
    links = [_link(outcome, tie, letters) for tie in union.links[:MAX_LINKS]]
    if not links:
        links = ["They are joined through records that the truth does not name."]
    if len(union.links) > MAX_LINKS:
        links.append(f"And {len(union.links) - MAX_LINKS:,} more such links.")
    return _case(outcome, head, links, groups, [id for tie in union.links for id in (tie.a, tie.b)])


def _torn(outcome: Outcome, torn: Torn) -> str:
    groups = [(letter(number), ids) for number, ids in enumerate(torn.parts)]
    letters = {id: name for name, ids in groups for id in ids}
    records = sum(len(part) for part in torn.parts)
    head = f"One true person in {len(torn.parts):,}: {records:,} records, {_many(torn.missed, 'missed pair')}"
    why = [escape(said_of(torn.why))]
    first: list[int] = []
    if torn.refused is not None:
        why.append(f"The link that was refused: {_link(outcome, torn.refused, letters)}")
        first += [torn.refused.a, torn.refused.b]
    is_told = torn.refused is not None and torn.refused.kind == "match"
    if torn.best is not None and not (is_told and {*first} == {torn.best.a, torn.best.b}):
        between = _between(outcome, torn.best.a, torn.best.b, letters)
        made_of = _made_of(outcome, torn.best.a, torn.best.b)
        why.append(f"The best score between its parts: {torn.best.bits:.1f} bits, {between}.{made_of}")
        first += [torn.best.a, torn.best.b]
    return _case(outcome, head, why, groups, first)


def _many(many: int, of: str) -> str:
    return f"{many:,} {of}{'' if many == 1 else 's'}"


def _link(outcome: Outcome, tie: Tie, letters: dict[int, str]) -> str:
    reason = because.link(tie.kind, tie.identifier and tie.identifier.namespace, tie.score, None)
    value = f" <code><bdi>{escape(tie.identifier.value)}</bdi></code>" if tie.identifier is not None else ""
    made_of = _made_of(outcome, tie.a, tie.b) if tie.kind == "match" else ""
    return f"{_between(outcome, tie.a, tie.b, letters)}: {escape(reason)}{value}{made_of}"


def _made_of(outcome: Outcome, a: int, b: int) -> str:
    """What a score is the sum of; parts that say next to nothing are left out."""
    parts = [
        f"{escape(what)} {bits:+.1f} ({escape(how)})"
        for what, how, bits in outcome.explained(a, b)
        if abs(bits) >= LEAST_BITS
    ]
    return f' <span class="soft">{", ".join(parts)}</span>' if parts else ""


def _between(outcome: Outcome, a: int, b: int, letters: dict[int, str]) -> str:
    names = [(letters.get(id, ""), outcome.found.members[id].row) for id in (a, b)]
    return " and ".join(f"{_badge(name)} <bdi>{escape(row.source)} {escape(row.id)}</bdi>" for name, row in names)


def _badge(name: str) -> str:
    return f'<b class="badge g{(ord(name[-1]) - ord("A")) % 6}">{name}</b>' if name else ""


def _case(outcome: Outcome, head: str, why: Iterable[str], groups: Sequence[Group], first: Sequence[int]) -> str:
    shown = few(groups, first)
    columns = _columns([outcome.found.members[id] for _, id in shown])
    heads = "".join(f"<th>{escape(name)}</th>" for name in ("", "source", "id", *columns))
    rows = "".join(_row(name, outcome.found.members[id], columns) for name, id in shown)
    more = sum(len(ids) for _, ids in groups) - len(shown)
    left_out = f"<p>And {_many(more, 'more record')}.</p>" if more else ""
    reasons = "".join(f"<li>{each}</li>" for each in why)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<article><h3>{head}</h3><ul>{reasons}</ul><div class="wide">{table}</div>{left_out}</article>'


def few(groups: Sequence[Group], first: Sequence[int]) -> list[tuple[str, int]]:
    """The records to show under their letters: those of the links, then one of each group in turn."""
    turns = [ids[turn] for turn in range(MAX_RECORDS) for _, ids in groups if turn < len(ids)]
    chosen = set(list(dict.fromkeys(chain(first, turns)))[:MAX_RECORDS])
    return [(name, id) for name, ids in groups for id in ids if id in chosen]


def _columns(members: Sequence[Member]) -> list[str]:
    """The columns in which any of the records says something, in the order of the mapping."""
    filled = {name for member in members for name, _, _ in _values(member)}
    order = dict.fromkeys(chain(members[0].row.names, sorted(filled)))
    return [name for name in order if name in filled]


def _values(member: Member) -> Iterator[tuple[str, str, bool]]:
    """(column, value as the file has it, whether it could be read)."""
    row = member.row
    for name, value in zip(row.names, row.values, strict=True):
        if value:
            yield name, value, name.partition(".")[0] not in member.state.unread
    for namespace, value in row.identifiers:
        yield namespace, value, f"identifier:{namespace}" not in member.state.unread


def _row(name: str, member: Member, columns: Sequence[str]) -> str:
    cells: dict[str, list[str]] = {}
    for column, value, is_read in _values(member):
        shown = f"<bdi>{escape(value)}</bdi>"
        cells.setdefault(column, []).append(shown if is_read else f'<s title="Could not be read.">{shown}</s>')
    own = [_badge(name), f"<bdi>{escape(member.row.source)}</bdi>", f"<bdi>{escape(member.row.id)}</bdi>"]
    said = [", ".join(cells.get(column, ())) for column in columns]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in (*own, *said))}</tr>"
