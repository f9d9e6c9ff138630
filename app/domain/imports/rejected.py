"""The rejected rows of an import, as a file to look at and to mend: CSV or NDJSON.

Spreadsheets take a cell that begins with `=` for a formula (CWE-1236), so such cells get an apostrophe in front.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain.claims import Json

FIRST_COLUMNS = ("row", "code", "pointer", "detail")
TEXT_COLUMN = "text"
"""Where a row that could not be taken apart stands as a whole."""

OTHER_COLUMN = "other"
MAX_COLUMNS = 1000
PAGE = 200
# As OWASP lists them, with the full-width forms that spreadsheets read alike.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

_imports = Queries("imports")


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One rejected row: where it was, what is wrong, and its own fields."""

    id: int
    number: int
    code: str
    pointer: str
    detail: str
    fields: Mapping[str, Json]


async def page(tx: Tx, keyring: Keyring, import_id: int, after: tuple[int, int]) -> list[RejectedRow]:
    """The rejected rows behind (number, id) `after`; an empty list at the end."""
    rows = await _imports.rows(tx, "rejected", import_id=import_id, after=after[0], after_id=after[1], many=PAGE)
    return [
        RejectedRow(
            row["id"],
            row["position"],
            row["code"],
            row["pointer"],
            row["detail"],
            fields(orjson.loads(keyring.open(row["body"], "quarantine", "body", row["id"]))),
        )
        for row in rows
    ]


def fields(body: Mapping[str, Json]) -> Mapping[str, Json]:
    """A row's own fields, from what is kept of it."""
    row, message = body.get("row"), body.get("message")
    if isinstance(row, dict):
        return row
    return message if isinstance(message, dict) else {TEXT_COLUMN: message}


def csv_head(columns: Sequence[str], *, raw: bool) -> bytes:
    return _line([*FIRST_COLUMNS, *(_cell(name, raw=raw) for name in columns), OTHER_COLUMN])


def csv_row(row: RejectedRow, columns: Sequence[str], *, raw: bool) -> bytes:
    """One line. Fields without a column stand together as JSON in the last one."""
    known = set(columns)
    other = {name: value for name, value in row.fields.items() if name not in known}
    cells: list[Json] = [row.number, row.code, row.pointer, row.detail]
    cells += [row.fields.get(name) for name in columns]
    return _line(_cell(each, raw=raw) for each in (*cells, other or None))


def ndjson_row(row: RejectedRow) -> bytes:
    said = {"row": row.number, "code": row.code, "pointer": row.pointer, "detail": row.detail, "fields": row.fields}
    return orjson.dumps(said) + b"\n"


def _cell(value: Json, *, raw: bool) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return "'" + text if not raw and isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


def _line(cells: Iterable[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()
