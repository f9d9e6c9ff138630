"""Parquet: rows of a table, a batch at a time, read at random from the pieces that hold the file.

Columns become members under their names; a null says nothing. What is read at once follows from what the file says of
its sizes, and no more of the file is held than a few pieces.
"""

import io
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from app.core import strictjson
from app.core.errors import CdpError, Fault, Refused
from app.domain.claims import Json
from app.domain.formats.parquet_values import as_text, convert, converter, in_utc, said
from app.domain.formats.row import Mark, Row
from app.domain.trait_names import trait_name

MAGIC = b"PAR1"
MAX_COLUMNS = 1000
MAX_BATCH = 1000
BATCH_BYTES = 8 << 20
"""What a batch may take unpacked, by the file's own word."""

READ_BYTES = 1 << 16
HELD_PIECES = 16

BROKEN = "This is no whole Parquet file: it is cut off, damaged or encrypted."


class PiecedFile(io.RawIOBase):
    """A read-only file over pieces of one size; holds the few that were read last."""

    def __init__(self, size: int, piece_bytes: int, read_piece: Callable[[int], bytes]) -> None:
        super().__init__()
        self._size = size
        self._piece_bytes = piece_bytes
        self._read_piece = read_piece
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._at + size)
        parts: list[bytes] = []
        while self._at < end:
            number, within = divmod(self._at, self._piece_bytes)
            part = self._piece(number)[within : within + end - self._at]
            parts.append(part)
            self._at += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _piece(self, number: int) -> bytes:
        piece = self._held.pop(number, None)
        if piece is None:
            piece = self._read_piece(number)
        self._held[number] = piece
        if len(self._held) > HELD_PIECES:
            self._held.popitem(last=False)
        return piece


class Table:
    """The rows of a Parquet file. Blocks while it reads. Raises Refused for a file that cannot be read."""

    def __init__(self, file: PiecedFile) -> None:
        self._file: Any = _reading(lambda: pq.ParquetFile(file, buffer_size=READ_BYTES, pre_buffer=False))
        schema = self._file.schema_arrow
        self.rows: int = self._file.metadata.num_rows
        self.names = _names(schema)
        self._utc = pa.schema([field.with_type(in_utc(field.type)) for field in schema])
        self._text = pa.schema([field.with_type(_text_type(at, field)) for at, field in enumerate(schema, 1)])
        self._converters = {field.name: converter(field.type) for field in schema}

    def batches(self, start: int) -> Iterator[list[Row]]:
        """The rows from row `start` on (from 0), a batch at a time."""
        first = 0
        for group in range(self._file.metadata.num_row_groups):
            held = self._file.metadata.row_group(group)
            if start < first + held.num_rows:
                yield from self._group(group, held, first, start)
            first += held.num_rows

    def _group(self, group: int, held: Any, first: int, start: int) -> Iterator[list[Row]]:
        many = max(1, min(MAX_BATCH, BATCH_BYTES * held.num_rows // max(1, held.total_byte_size)))
        batches = self._file.iter_batches(batch_size=many, row_groups=[group], use_threads=False)
        while (batch := _reading(lambda: next(batches, None))) is not None:
            skip = min(batch.num_rows, max(0, start - first))
            if skip < batch.num_rows:
                yield self._rows(batch.slice(skip), first + skip)
            first += batch.num_rows

    def _rows(self, batch: Any, first: int) -> list[Row]:
        text = _reading(lambda: pa.Table.from_batches([batch]).cast(self._utc).cast(self._text))
        values: list[dict[str, Json] | Fault]
        try:
            values = [self._row(said) for said in text.to_pylist()]
        except UnicodeDecodeError:
            values = [self._careful(text, at) for at in range(text.num_rows)]
        raws = [b"null" if isinstance(value, Fault) else orjson.dumps(value) for value in values]
        body = b"\n".join(raws)
        judged = [value for _, _, value in strictjson.parse_lines(body, max_bytes=len(body))]
        return [
            Row(number, Mark(number, number + 1), raw, value if isinstance(value, Fault) else strict)
            for number, (raw, value, strict) in enumerate(zip(raws, values, judged, strict=True), first + 1)
        ]

    def _row(self, cells: dict[str, Any]) -> dict[str, Json] | Fault:
        try:
            return said({name: convert(value, self._converters[name]) for name, value in cells.items()})
        except ValueError as unsaid:
            return Fault("", "no_json_value", f"The row holds {unsaid}, which JSON cannot say.")

    def _careful(self, table: Any, at: int) -> dict[str, Json] | Fault:
        """One row of a batch in which some text is not UTF-8."""
        try:
            return self._row(table.slice(at, 1).to_pylist()[0])
        except UnicodeDecodeError:
            return Fault("", "bad_encoding", "A text in this row is not UTF-8.")


def _reading(read: Callable[[], Any]) -> Any:
    """What pyarrow reads; its complaints, which may quote the file, become one sentence."""
    try:
        return read()
    except CdpError:
        raise
    except (pa.ArrowException, OSError, OverflowError, ValueError, MemoryError):
        raise Refused(BROKEN, code="broken_file") from None


def _names(schema: Any) -> tuple[str, ...]:
    names: list[str] = schema.names
    if len(names) > MAX_COLUMNS:
        raise Refused(f"A Parquet file has at most {MAX_COLUMNS} columns.", code="bad_header")
    for number, name in enumerate(names, 1):
        if not trait_name(name):
            raise Refused(f"Column {number} has no usable name; rename it.", code="bad_header")
        if names.count(name) > 1:
            raise Refused(f"The name of column {number} comes twice.", code="bad_header")
    return tuple(names)


def _text_type(number: int, field: Any) -> Any:
    try:
        return as_text(field.type)
    except Refused as refused:
        raise Refused(f"Column {number} cannot be read: {refused}.", code=refused.code) from None
