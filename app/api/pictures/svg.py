"""An explanation as an SVG that needs nothing else: boxes, lines and words, each escaped, the same bytes every time."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from app.api.pictures.tree import Place, places
from app.api.pictures.words import label, refusal, shown
from app.core.ids import PublicIds
from app.domain.explain import Explanation, Link
from app.domain.source_records import SourceRecord

MAX_RECORDS = 150
"""Records, and refused links, that are drawn; the data has all."""
MAX_REFUSED = 100

MARGIN, BOX, TALL = 24, 190, 46
COLUMN, ROW = BOX + 170, 66
TOP = 76
REFUSED_GAP, REFUSED_ROW = 520, 92
COLOURS = {"identifier": "#33658a", "match": "#7b4fa3", "decision": "#2e7d32"}
RED = "#c62828"

STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.t{font-size:16px;font-weight:600}.s{font-weight:600}"
    ".q{font-size:11px;fill:#666}.l{font-size:11px}.b{fill:#fff;stroke:#555;stroke-width:1.2}"
    f".o{{fill:#fafafa;stroke:#999;stroke-dasharray:4 3}}.r{{stroke:{RED};stroke-width:1.6;stroke-dasharray:6 4}}"
    f".w{{font-size:11px;fill:{RED}}}"
)


def svg(explanation: Explanation, ids: PublicIds) -> str:
    """A picture of why a profile is one person. Boxes are records, lines are links, dashed red ones were refused."""
    drawn = explanation.records[:MAX_RECORDS]
    stand = places(drawn, explanation.links)
    below = TOP + int(ROW * (1 + max((place.row for place in stand.values()), default=0)))
    refused = explanation.refused[:MAX_REFUSED]
    parts = [
        *_head(explanation, ids, len(drawn)),
        *(part for place in stand.values() for part in _link(place, stand)),
        *(part for place in stand.values() for part in _box(place.record, *_corner(place))),
        *_refusals(refused, explanation, ids, below),
    ]
    columns = max((place.column for place in stand.values()), default=0)
    width = max(MARGIN * 2 + columns * COLUMN + BOX, MARGIN * 2 + 2 * BOX + REFUSED_GAP if refused else 640)
    height = below + (40 + REFUSED_ROW * len(refused) if refused else 0) + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img"><style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _head(explanation: Explanation, ids: PublicIds, drawn: int) -> Iterator[str]:
    name = f"Profile {ids.encode(explanation.profile_id)}, version {explanation.version}"
    records, left_out = len(explanation.records), len(explanation.refused) - MAX_REFUSED
    said = f"{records} {'record' if records == 1 else 'records'}, the oldest at the left"
    if drawn < records:
        said += f"; the oldest {drawn} are drawn"
    if left_out > 0 or not explanation.all_refused:
        said += f"; the first {MAX_REFUSED} refused links are drawn"
    yield f"<title>{escape(name)}</title><desc>{escape(said)}.</desc>"
    yield f'<text class="t" x="{MARGIN}" y="32">{escape(name)}</text>'
    yield f'<text class="q" x="{MARGIN}" y="52">{escape(said)}</text>'


def _corner(place: Place) -> tuple[int, int]:
    return MARGIN + place.column * COLUMN, TOP + round(place.row * ROW)


def _box(record: SourceRecord, x: int, y: int, home: str | None = None) -> Iterator[str]:
    """A record; `home` names the profile that it is in, should that be another one."""
    source, key = record.source.name, record.state.key
    yield f"<g><title>{escape(shown(f'{source} / {key}', 500))}</title>"
    yield f'<rect class="{"b" if home is None else "o"}" x="{x}" y="{y}" width="{BOX}" height="{TALL}" rx="6"/>'
    yield f'<text class="s" x="{x + 12}" y="{y + 19}">{escape(shown(source, 24))}</text>'
    yield f'<text x="{x + 12}" y="{y + 36}">{escape(shown(key, 23))}</text>'
    if home is not None:
        yield f'<text class="q" x="{x + 12}" y="{y + TALL + 14}">{escape(home)}</text>'
    yield "</g>"


def _link(place: Place, stand: dict[int, Place]) -> Iterator[str]:
    """The line from the record before to this one, with its label where it arrives."""
    link = place.hangs_on
    if link is None or place.parent_id is None:
        return
    (x1, y1), (x2, y2) = _corner(stand[place.parent_id]), _corner(place)
    x1, y1, y2 = x1 + BOX, y1 + TALL // 2, y2 + TALL // 2
    bend = x1 + 40
    colour = COLOURS[link.kind]
    yield f"<g><title>{escape(shown(link.reason, 500))}</title>"
    yield (
        f'<path d="M{x1} {y1}C{bend} {y1} {x1 + 10} {y2} {bend + 10} {y2}H{x2}" fill="none" stroke="{colour}" '
        f'stroke-width="1.6"/><text class="l" style="fill:{colour}" x="{x2 - 6}" y="{y2 - 6}" '
        f'text-anchor="end">{escape(shown(label(link), 22))}</text></g>'
    )


def _refusals(refused: Sequence[Link], explanation: Explanation, ids: PublicIds, top: int) -> Iterator[str]:
    """Each refused link for itself, under the tree: lines across it would hide what holds."""
    if not refused:
        return
    yield f'<text class="t" x="{MARGIN}" y="{top + 24}">Refused links</text>'
    middle, right = MARGIN + BOX + REFUSED_GAP // 2, MARGIN + BOX + REFUSED_GAP
    for number, link in enumerate(refused):
        y = top + 44 + number * REFUSED_ROW
        line = y + TALL // 2
        yield f'<line class="r" x1="{MARGIN + BOX}" y1="{line}" x2="{right}" y2="{line}"/>'
        for text, at, kind in ((shown(label(link), 60), line - 8, "w s"), (shown(refusal(link), 92), line + 17, "w")):
            yield f'<text class="{kind}" x="{middle}" y="{at}" text-anchor="middle">{escape(text)}</text>'
        own, other = (link.a, link.b) if link.a.profile_id == explanation.profile_id else (link.b, link.a)
        for record, x in ((own, MARGIN), (other, right)):
            yield from _box(record, x, y, _home(record, explanation, ids))


def _home(record: SourceRecord, explanation: Explanation, ids: PublicIds) -> str | None:
    if record.profile_id == explanation.profile_id:
        return None
    return "in no profile" if record.profile_id is None else f"in profile {ids.encode(record.profile_id)}"
