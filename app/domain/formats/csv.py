"""CSV (RFC 4180): rows of text under the columns of the first line.

Line ends may be LF, CRLF or, where the first line has no LF, CR. A quote opens a field only at its beginning; elsewhere
it is a character like any other. Where a quote is never closed, its line alone is refused and reading goes on with the
next line, so a stray quote costs one row and not the file. Empty lines are passed over.
"""

from app.core.errors import Fault
from app.domain.formats.csv_header import Header, NeedMore, Split, Unbalanced, split_row
from app.domain.formats.row import Mark, Row, broken, too_large

MAX_LINES_A_ROW = 1000


class CsvReader:
    """Reads the rows behind a header. `value` of a good row is an object of its cells under the column names."""

    def __init__(self, header: Header, start: Mark, *, max_bytes: int) -> None:
        self._header = header
        self._delimiter = header.delimiter.decode()
        self._max = max_bytes
        self._buffer = b""
        self._at = 0
        self._base = start.position
        self._line = start.line
        self._oversize: bytes | None = None

    def feed(self, piece: bytes, *, last: bool) -> list[Row]:
        self._base += self._at
        self._buffer = self._buffer[self._at :] + piece
        self._at = 0
        rows: list[Row] = []
        try:
            while self._at < len(self._buffer):
                row = self._next(last)
                if row is not None:
                    rows.append(row)
        except NeedMore:
            pass
        return rows

    def check(self) -> None:
        """A broken row ends nothing."""

    def _next(self, last: bool) -> Row | None:
        """The next row, or None for an empty line. Raises NeedMore."""
        at, terminator = self._at, self._header.terminator
        end = self._buffer.find(terminator, at)
        if self._oversize is not None or (end if end >= 0 else len(self._buffer)) - at > self._max:
            return self._pass_over(end, last)
        if end < 0 and not last:
            raise NeedMore
        line = self._buffer[at : end if end >= 0 else len(self._buffer)]
        after = end + 1 if end >= 0 else len(self._buffer)
        if b'"' in line:
            return self._quoted(line, after, last)
        if terminator == b"\n":
            line = line.removesuffix(b"\r")
        if line:
            return self._row(line, None, after, 1)
        self._moved(after)
        return None

    def _quoted(self, line: bytes, after: int, last: bool) -> Row | None:
        at = self._at
        enough = last or len(self._buffer) - at > self._max
        split: Split | None
        try:
            split = split_row(self._buffer, at, self._header.delimiter, self._header.terminator, last=enough)
            lines = max(1, self._buffer.count(self._header.terminator, at, split.end))
        except Unbalanced:
            split, lines = None, 0
        if split is None or split.end - at > self._max or lines > MAX_LINES_A_ROW:
            number = self._line
            fault = Fault("", "unbalanced_quote", f"In line {number} a quote is not closed, or text follows it.")
            self._moved(after)
            return broken(number, self._mark, line, fault)
        return self._row(self._buffer[at : split.end], split.fields, split.end, lines)

    def _row(self, text: bytes, fields: list[bytes] | None, after: int, lines: int) -> Row:
        number = self._line
        self._moved(after, lines)
        if b"\0" in text:
            return broken(number, self._mark, text, Fault("", "nul_character", f"Line {number} holds a NUL."))
        encoding = self._header.encoding
        try:
            if fields is None:
                cells = text.decode(encoding).split(self._delimiter)
            else:
                cells = [field.decode(encoding) for field in fields]
        except UnicodeDecodeError:
            fault = Fault("", "bad_encoding", f"Line {number} holds bytes that are not {encoding}.")
            return broken(number, self._mark, text, fault)
        names = self._header.names
        if len(cells) != len(names):
            detail = f"Line {number} has {len(cells)} fields and the header {len(names)}."
            named = [*names, *(f"column_{n}" for n in range(len(names) + 1, len(cells) + 1))]
            own = {"row": dict(zip(named, cells, strict=False))}
            kept = text.decode(encoding).encode()
            return broken(number, self._mark, kept, Fault("", "wrong_field_count", detail), own)
        return Row(number, self._mark, b"", dict(zip(names, cells, strict=True)))

    def _pass_over(self, end: int, last: bool) -> Row:
        """A line that is too long is passed over without being held. Raises NeedMore until its end is there."""
        if self._oversize is None:
            self._oversize = self._buffer[self._at : self._at + self._max]
        if end < 0 and not last:
            self._at = len(self._buffer)
            raise NeedMore
        kept, self._oversize = self._oversize, None
        number = self._line
        self._moved(end + 1 if end >= 0 else len(self._buffer))
        return broken(number, self._mark, kept, too_large(self._max))

    def _moved(self, after: int, lines: int = 1) -> None:
        self._at = after
        self._line += lines

    @property
    def _mark(self) -> Mark:
        return Mark(self._base + self._at, self._line)
