"""What every format reads: rows, each with the place it came from and the place to go on from."""

import base64
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from app.core.errors import Fault
from app.domain.claims import Json

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place between two rows. `position` counts bytes, in Parquet rows; `line` is the line that begins there, from 1,
    in formats without lines the item."""

    position: int = 0
    line: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number` is how people find it: its line, or its place among the items, from 1.

    `value` is what it says, or what is wrong with it; `raw` the same as JSON, word for word where it was JSON.
    `own` are members that say how it stood in the file, for what is set aside.
    """

    number: int
    after: Mark
    raw: bytes
    value: Json | Fault
    own: dict[str, Json] = field(default_factory=dict)


class TextReader(Protocol):
    """Reads a text format. It never holds more than its pieces and one row of the size allowed."""

    def feed(self, piece: bytes, *, last: bool) -> list[Row]:
        """The rows that end in this piece, which follows the one before without a gap."""

    def check(self) -> None:
        """Raise Refused where nothing behind the rows of the last piece can be read."""


def broken(number: int, after: Mark, text: bytes, fault: Fault, own: dict[str, Json] | None = None) -> Row:
    """A row that is not what its format asks for: its text is kept, and its bytes where they are no text."""
    try:
        return Row(number, after, orjson.dumps(text.decode()), fault, own or {})
    except UnicodeDecodeError:
        exact = {"base64": base64.b64encode(text).decode("ascii")}
        return Row(
            number, after, orjson.dumps(text.decode("utf-8", "backslashreplace")), fault, {**exact, **(own or {})}
        )


def too_large(max_bytes: int) -> Fault:
    return Fault("", "row_too_large", f"A row has at most {max_bytes} bytes; its beginning was kept.")
