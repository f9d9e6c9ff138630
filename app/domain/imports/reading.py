"""The rows of a stored file, from any place in it, a piece at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from app.core.errors import Refused, Unavailable
from app.domain.formats.csv import CsvReader
from app.domain.formats.csv_header import Header, read_header
from app.domain.formats.json import JsonReader
from app.domain.formats.ndjson import NdjsonReader
from app.domain.formats.row import BOM, Mark, Row, TextReader
from app.domain.imports.options import Options

PIECE_BYTES = 256 * 1024
PIECE_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in pieces of PIECE_BYTES, the last one shorter; `piece(n)` brings one."""

    size: int
    piece: Callable[[int], Awaitable[bytes]]

    @property
    def pieces(self) -> int:
        return -(-self.size // PIECE_BYTES)


@dataclass(slots=True)
class Reading:
    """A file that is being read. `names`: its columns where it has fixed ones. `total`: its rows where it says so."""

    rows: AsyncIterator[list[Row]]
    names: tuple[str, ...] | None = None
    total: int | None = None


async def read(format: str, file: StoredFile, options: Options, start: Mark, *, max_bytes: int) -> Reading:
    """Begin to read at a mark. Raises Refused, now or later, where the file cannot be read."""
    if format == "parquet":
        return await _parquet(file, start)
    if format == "csv":
        header = csv_header(await file.piece(0), options, whole=file.pieces == 1)
        at = max(start, header.start, key=lambda mark: mark.position)
        return Reading(_text(CsvReader(header, at, max_bytes=max_bytes), file, at), header.names)
    reader: TextReader
    reader = NdjsonReader(start, max_bytes=max_bytes) if format == "ndjson" else JsonReader(start, max_bytes=max_bytes)
    return Reading(_text(reader, file, start))


def csv_header(first: bytes, options: Options, *, whole: bool) -> Header:
    # UTF-16 became UTF-8 on its way in.
    encoding = "utf-8" if options.encoding == "utf-16" else options.encoding
    return read_header(first, delimiter=options.delimiter, encoding=encoding, whole=whole)


def look(format: str, first: bytes, options: Options, *, whole: bool) -> tuple[str, ...] | None:
    """A look at the beginning of a file while its sender still listens: its columns if it is CSV. Raises Refused."""
    if format == "csv":
        return csv_header(first, options, whole=whole).names
    if format == "parquet" and not first.startswith(b"PAR1"):
        raise Refused("This is no Parquet file.", code="broken_file")
    if format == "json" and first.removeprefix(BOM).lstrip()[:1] not in (b"[", b""):
        raise Refused("A JSON file is an array of records; one record a line is the format ndjson.", code="broken_file")
    return None


async def _text(reader: TextReader, file: StoredFile, start: Mark) -> AsyncIterator[list[Row]]:
    first, within = divmod(start.position, PIECE_BYTES)
    for number in range(first, file.pieces):
        piece = await file.piece(number)
        rows = reader.feed(piece[within:], last=number == file.pieces - 1)
        within = 0
        if rows:
            yield rows
        reader.check()


async def _parquet(file: StoredFile, start: Mark) -> Reading:
    from app.domain.formats.parquet import PiecedFile, Table  # pyarrow takes a while to load, and only this needs it

    loop = asyncio.get_running_loop()

    def piece(number: int) -> bytes:
        async def bring() -> bytes:
            return await file.piece(number)

        try:
            return asyncio.run_coroutine_threadsafe(bring(), loop).result(PIECE_TIMEOUT)
        except TimeoutError:
            raise Unavailable("The stored file does not come; try again shortly.") from None

    def open_table() -> Table:
        return Table(PiecedFile(file.size, PIECE_BYTES, piece))

    async def batches() -> AsyncIterator[list[Row]]:
        found = table.batches(start.position)
        while (rows := await asyncio.to_thread(next, found, None)) is not None:
            yield rows

    table = await asyncio.to_thread(open_table)
    return Reading(batches(), table.names, table.rows)
