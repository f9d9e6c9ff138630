"""An explanation as a graph in DOT, the language of Graphviz."""

from collections.abc import Mapping

from app.api.pictures.words import label, refusal, shown
from app.core.ids import PublicIds
from app.domain.explain import Explanation, Link
from app.domain.source_records import SourceRecord

LONGEST = 200


def dot(explanation: Explanation, ids: PublicIds) -> str:
    """An undirected graph: a box for each record, a line for each link, a dashed red one for each that was refused."""
    inside = {record.id for record in explanation.records}
    outside = {
        record.id: record for link in explanation.refused for record in (link.a, link.b) if record.id not in inside
    }
    others = sorted(outside.values(), key=lambda record: record.rank)
    # Numbers of this graph's own: a row's number is nobody's business.
    node = {record.id: f"n{number}" for number, record in enumerate([*explanation.records, *others], start=1)}
    title = f"Profile {ids.encode(explanation.profile_id)}, version {explanation.version}"
    lines = [
        "graph profile {",
        "  rankdir=LR;",
        f"  label={_quoted(title)};",
        '  node [shape=box, fontname="sans-serif"];',
    ]
    lines += [f"  {node[record.id]} [label={_quoted(*_name(record))}];" for record in explanation.records]
    lines += [
        f"  {node[record.id]} [label={_quoted(*_name(record), f'in {_home(record, ids)}')}, style=dashed];"
        for record in others
    ]
    lines += [f"  {_ends(link, node)} [label={_quoted(label(link))}];" for link in explanation.links]
    lines += [
        f"  {_ends(link, node)} [label={_quoted(label(link), refusal(link))}, style=dashed, color=red, fontcolor=red];"
        for link in explanation.refused
    ]
    return "\n".join([*lines, "}", ""])


def _name(record: SourceRecord) -> tuple[str, str]:
    return record.source.name, record.state.key


def _home(record: SourceRecord, ids: PublicIds) -> str:
    return "no profile" if record.profile_id is None else ids.encode(record.profile_id)


def _ends(link: Link, node: Mapping[int, str]) -> str:
    return f"{node[link.a.id]} -- {node[link.b.id]}"


def _quoted(*lines: str) -> str:
    """A quoted string of lines. In DOT a backslash begins an escape, and a quote ends the string."""
    plain = (shown(line, LONGEST).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(plain) + '"'
