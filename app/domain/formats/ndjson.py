"""NDJSON: one JSON text a line. A line that is none is refused alone; empty lines are passed over."""

from itertools import accumulate

from app.core import strictjson
from app.core.errors import Fault
from app.domain.formats.row import BOM, Mark, Row, broken, too_large


class NdjsonReader:
    """Reads lines; `value` is the value of the JSON text, or what is wrong with it."""

    def __init__(self, start: Mark, *, max_bytes: int) -> None:
        self._mark = start
        self._max = max_bytes
        self._buffer = b""
        self._oversize: tuple[bytes, int] | None = None

    def feed(self, piece: bytes, *, last: bool) -> list[Row]:
        buffer = self._buffer + piece
        if self._mark.position == 0 and buffer.startswith(BOM):
            buffer = buffer[len(BOM) :]
            self._mark = Mark(len(BOM), self._mark.line)
        rows: list[Row] = []
        if self._oversize is not None:
            buffer = self._pass_over(buffer, rows, last)
        end = len(buffer) if last else buffer.rfind(b"\n") + 1
        if end:
            rows += self._lines(buffer[:end])
        self._buffer = buffer[end:]
        if len(self._buffer) > self._max:
            self._oversize = self._buffer[: self._max], len(self._buffer)
            self._buffer = b""
        return rows

    def check(self) -> None:
        """A broken line ends nothing."""

    def _lines(self, block: bytes) -> list[Row]:
        lines = block.split(b"\n")
        ends = list(accumulate(len(line) + 1 for line in lines))
        start, number = self._mark.position, self._mark.line
        # Lines that are too long are not parsed: an empty line in their place keeps the numbers.
        short = [line if len(line) <= self._max else b"" for line in lines]
        rows = [
            Row(found, Mark(start + min(ends[found - number], len(block)), found + 1), raw, value)
            for found, raw, value in strictjson.parse_lines(b"\n".join(short), max_bytes=len(block), first_line=number)
        ]
        for at, line in enumerate(lines):
            if len(line) > self._max:
                after = Mark(start + min(ends[at], len(block)), number + at + 1)
                rows.append(broken(number + at, after, line[: self._max], too_large(self._max)))
        rows.sort(key=lambda row: row.number)
        self._mark = Mark(start + len(block), number + block.count(b"\n"))
        return [_kept(row) for row in rows]

    def _pass_over(self, buffer: bytes, rows: list[Row], last: bool) -> bytes:
        """Drop the rest of a line that is too long; return what follows it."""
        assert self._oversize is not None, "called only then"
        kept, length = self._oversize
        end = buffer.find(b"\n")
        if end < 0 and not last:
            self._oversize = kept, length + len(buffer)
            return b""
        length += end + 1 if end >= 0 else len(buffer)
        number = self._mark.line
        self._mark = Mark(self._mark.position + length, number + 1)
        self._oversize = None
        rows.append(broken(number, self._mark, kept, too_large(self._max)))
        return buffer[end + 1 :] if end >= 0 else b""


def _kept(row: Row) -> Row:
    """A line that is not UTF-8 keeps its bytes."""
    if isinstance(row.value, Fault) and row.value.code == "not_utf8":
        return broken(row.number, row.after, row.raw, row.value)
    return row
