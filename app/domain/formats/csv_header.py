"""The first line of a CSV file: its columns, its delimiter and how its lines end."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.errors import Refused
from app.domain.formats.row import BOM, Mark
from app.domain.trait_names import trait_name

DELIMITERS = (b",", b";", b"\t", b"|")
MAX_COLUMNS = 1000
QUOTED = re.compile(rb'"(?:[^"]++|"")*+"')
"""One quoted field, its quotes included."""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns in order, and where the rows begin."""

    names: tuple[str, ...]
    delimiter: bytes
    terminator: bytes
    encoding: str
    start: Mark


@dataclass(frozen=True, slots=True)
class Split:
    """A row taken apart: its fields as bytes without quotes, and where the next row begins."""

    fields: list[bytes]
    end: int


class NeedMore(Exception):
    """The row goes on behind what is at hand."""


class Unbalanced(Exception):
    """A quote is not closed, or something stands behind the closing one."""


def read_header(first: bytes, *, delimiter: str | None, encoding: str, whole: bool) -> Header:
    """The header of a file that begins with `first`; `whole` when that is all of it. Raises Refused.

    Without a `delimiter` it is the one of `, ; tab |` that the first line holds most often, the first of equals.
    """
    at = len(BOM) if first.startswith(BOM) else 0
    terminator = b"\n" if b"\n" in first or b"\r" not in first else b"\r"
    line = first[at:].partition(terminator)[0]
    if not line.strip():
        raise Refused("The file begins with an empty line; a CSV file begins with its column names.", code="no_header")
    chosen = delimiter.encode() if delimiter else max(DELIMITERS, key=QUOTED.sub(b"", line).count)
    try:
        split = split_row(first, at, chosen, terminator, last=whole)
        names = [field.decode(encoding).strip() for field in split.fields]
    except (NeedMore, Unbalanced):
        raise Refused("The header of this CSV file is too long or has an open quote.", code="bad_header") from None
    except UnicodeDecodeError:
        raise Refused(
            f"The header is not {encoding}; name the file's encoding: utf-8, utf-16, latin-1 or cp1252.",
            code="bad_encoding",
        ) from None
    lines = 1 + first.count(terminator, at, split.end)
    return Header(_checked(names), chosen, terminator, encoding, Mark(split.end, lines))


def split_row(buffer: bytes, at: int, delimiter: bytes, terminator: bytes, *, last: bool) -> Split:
    """The fields of the row that begins at `at`. `last`: nothing follows the buffer. Raises NeedMore or Unbalanced."""
    fields: list[bytes] = []
    while True:
        if buffer[at : at + 1] == b'"':
            match = QUOTED.match(buffer, at)
            # A quote at the very end may be the first half of an escaped one.
            if match is None or (match.end() >= len(buffer) - 1 and not last):
                if last:
                    raise Unbalanced
                raise NeedMore
            fields.append(buffer[at + 1 : match.end() - 1].replace(b'""', b'"'))
            at = match.end()
            if buffer[at : at + 1] == b"\r" and terminator == b"\n":
                at += 1
            if at >= len(buffer) or buffer.startswith(terminator, at):
                return Split(fields, min(at + 1, len(buffer)))
            if not buffer.startswith(delimiter, at):
                raise Unbalanced
            at += 1
            continue
        end = buffer.find(terminator, at)
        if end < 0 and not last:
            raise NeedMore
        line_end = end if end >= 0 else len(buffer)
        stop = buffer.find(delimiter, at, line_end)
        if stop < 0:
            field = buffer[at:line_end]
            fields.append(field.removesuffix(b"\r") if terminator == b"\n" else field)
            return Split(fields, min(line_end + 1, len(buffer)))
        fields.append(buffer[at:stop])
        at = stop + 1


def _checked(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with a name for each column that has none. No sentence quotes one: the first line may be data."""
    if len(names) > MAX_COLUMNS:
        raise Refused(f"A CSV file has at most {MAX_COLUMNS} columns.", code="bad_header")
    named = [name or f"column_{number}" for number, name in enumerate(names, 1)]
    first: dict[str, int] = {}
    for number, name in enumerate(named, 1):
        if "\0" in name or not all(trait_name(part) for part in name.split(".")):
            raise Refused(f"Column {number} of the header has no usable name; give it one.", code="bad_header")
        if name in first:
            raise Refused(f"Columns {first[name]} and {number} of the header have one name.", code="bad_header")
        first[name] = number
    return tuple(named)
