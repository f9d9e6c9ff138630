"""A JSON file: one array, read item by item without ever holding more than one piece and one item.

The items are found by their brackets outside strings; each is then parsed strictly for itself, so one that breaks a
rule takes no other along. Where the brackets themselves are wrong nothing behind them can be read: Refused.
"""

import re

from app.core import strictjson
from app.core.errors import Fault, Refused
from app.domain.claims import Json
from app.domain.formats.row import BOM, Mark, Row, broken, too_large

_SPACE = b" \t\r\n"
# A string, a bracket, or the quote of a string that is not closed in the buffer.
_WORD = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]"]', re.DOTALL)
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_AFTER_SPACE = re.compile(rb"[^ \t\r\n]")


class JsonReader:
    """Reads the items of the outermost array. A mark behind an item is where its comma or the bracket is looked for."""

    def __init__(self, start: Mark, *, max_bytes: int) -> None:
        self._max = max_bytes
        self._buffer = b""
        self._at = 0
        self._base = start.position
        self._item = start.line
        self._inside = start.position > 0
        self._ended = False
        # The item under way: how far it is scanned, what it began with, and what is open there.
        self._scan: int | None = None
        self._begins = b""
        self._depth = 0
        self._in_string = False
        self._oversize: bytes | None = None
        self._broken: Refused | None = None

    def feed(self, piece: bytes, *, last: bool) -> list[Row]:
        if self._oversize is None:
            self._base += self._at
            self._buffer = self._buffer[self._at :] + piece
            self._scan = None if self._scan is None else self._scan - self._at
            self._at = 0
        else:
            # Of an item that is too long only the tail that was not scanned is held.
            assert self._scan is not None, "an item is under way"
            self._base += self._scan
            self._buffer = self._buffer[self._scan :] + piece
            self._at = self._scan = 0
        found: list[tuple[int, Mark, bytes, Fault | None]] = []
        try:
            if not self._inside:
                self._open(last)
            if self._ended and piece.strip(_SPACE):
                raise _broken("Something follows the end of the array.")
            while self._inside and not self._ended and (item := self._next()) is not None:
                found.append(item)
        except Refused as broken:
            self._broken = broken
        if last and not self._ended and self._broken is None:
            self._broken = _broken(f"The file breaks off at item {self._item}; a JSON file is one whole array.")
        return _judged(found, self._max)

    def check(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _open(self, last: bool) -> None:
        if self._base == 0 and self._buffer.startswith(BOM):
            self._at = len(BOM)
        if (match := _AFTER_SPACE.search(self._buffer, self._at)) is None:
            if last:
                raise _broken("The file holds no JSON.")
            return
        if match.group() != b"[":
            raise _broken("A JSON file is an array of records; one record a line is the format ndjson.")
        self._at, self._inside = match.end(), True

    def _next(self) -> tuple[int, Mark, bytes, Fault | None] | None:
        """The next item, or None when it is not there as a whole."""
        if self._scan is None and not self._begin():
            return None
        end = self._end()
        if end is None:
            if self._oversize is None and len(self._buffer) - self._at > self._max:
                self._oversize = self._buffer[self._at : self._at + self._max]
            return None
        number, text = self._item, self._buffer[self._at : end]
        fault = None
        if self._oversize is not None or len(text) > self._max:
            text, fault = self._oversize or text[: self._max], too_large(self._max)
        self._at, self._scan, self._oversize, self._item = end, None, None, number + 1
        return number, Mark(self._base + end, number + 1), text, fault

    def _begin(self) -> bool:
        """Find where the next item begins, past the comma; False at the end of the array or of the buffer."""
        at = self._at
        match = _AFTER_SPACE.search(self._buffer, at)
        if match is None:
            return False
        if match.group() == b"]":
            self._ended = True
            if self._buffer[match.end() :].strip(_SPACE):
                raise _broken("Something follows the end of the array.")
            return False
        if self._item > 1:
            if match.group() != b",":
                raise _broken(f"Before item {self._item} a comma is missing.")
            if (match := _AFTER_SPACE.search(self._buffer, match.end())) is None:
                return False
        if match.group() in (b",", b"]", b"}"):
            raise _broken(f"Item {self._item} is missing.")
        self._at = self._scan = match.start()
        self._begins = match.group()
        self._depth = 0
        self._in_string = False
        return True

    def _end(self) -> int | None:
        """Where the item under way ends; None when that is not in the buffer. Moves on what is scanned."""
        assert self._scan is not None, "an item is under way"
        if self._begins not in (b"{", b"[", b'"'):
            return self._word_end(self._scan)
        buffer, at = self._buffer, self._scan
        if self._in_string:
            closed = self._string_end(at)
            if closed is None or self._depth == 0:
                return closed
            at = closed
        for match in _WORD.finditer(buffer, at):
            word = match.group()
            if word == b'"':
                self._in_string = True
                return self._string_end(match.end())
            if word in (b"{", b"["):
                self._depth += 1
            elif word in (b"}", b"]"):
                self._depth -= 1
            if self._depth == 0:
                return match.end()
        self._scan = len(buffer)
        return None

    def _string_end(self, at: int) -> int | None:
        """Where the string that is open at `at` is closed; what is scanned of it is not scanned again."""
        match = _IN_STRING.match(self._buffer, at)
        end = match.end() if match else at
        if self._buffer[end : end + 1] == b'"':
            self._in_string = False
            return end + 1
        self._scan = end
        return None

    def _word_end(self, at: int) -> int | None:
        """Where a number or a word ends: before the next comma or bracket."""
        ends = [found for found in (self._buffer.find(stop, at) for stop in (b",", b"]")) if found >= 0]
        if not ends:
            self._scan = len(self._buffer)
            return None
        return min(ends)


def _broken(sentence: str) -> Refused:
    return Refused(sentence, code="broken_file")


def _judged(found: list[tuple[int, Mark, bytes, Fault | None]], max_bytes: int) -> list[Row]:
    found = [(number, after, text.strip(_SPACE), fault) for number, after, text, fault in found]
    texts = [text for _, _, text, fault in found if fault is None]
    values = iter(_values(texts, max_bytes))
    rows: list[Row] = []
    for number, after, text, fault in found:
        value = fault if fault is not None else next(values)
        if isinstance(value, Fault) and value.code in ("not_utf8", "row_too_large"):
            rows.append(broken(number, after, text, value))
        else:
            rows.append(Row(number, after, text, value))
    return rows


def _values(texts: list[bytes], max_bytes: int) -> list[Json | Fault]:
    """The values of the items; all at once where all are in order, for that is faster."""
    body = b"[" + b",".join(texts) + b"]"
    try:
        items = strictjson.split(body, key="", max_bytes=len(body), max_items=len(texts) + 1)
    except Refused:
        return [_value(text, max_bytes) for text in texts]
    return items.values if items.raws == texts else [_value(text, max_bytes) for text in texts]


def _value(text: bytes, max_bytes: int) -> Json | Fault:
    try:
        return strictjson.parse(text, max_bytes=max_bytes)
    except Refused as refused:
        return refused.faults[0]
