"""An upload on its way in: its pieces are sealed and kept as they come, and answered for when the last one is there."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from fastapi import Request

from app.api.deps import Principal
from app.api.upload_stages import FormFile, Gunzip, GunzipFile, Stage, Utf16, through
from app.core.errors import Refused, TooLarge
from app.core.runtime import Runtime
from app.domain import keys
from app.domain.imports import ledger, pieces
from app.domain.imports.ledger import Import
from app.domain.imports.options import FORMATS, Asked, Options, read_options
from app.domain.imports.reading import PIECE_BYTES, look
from app.domain.imports.shape import Shape
from app.domain.sources import Source

MEDIA_TYPES = {
    "text/csv": "csv",
    "application/csv": "csv",
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/vnd.apache.parquet": "parquet",
}
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}
FORM = "multipart/form-data"


@dataclass(slots=True)
class Upload:
    """An upload on its way in: what is known of it, and the import once its first piece was kept."""

    rt: Runtime
    who: Principal
    source: Source
    asked: Asked
    format: str | None
    form: FormFile | None = None
    options: Options = field(default_factory=Options)
    import_id: int | None = None
    number: int = 0

    async def keep(self, piece: bytes, *, last: bool) -> None:
        """Keep one more piece, after a look at the first."""
        if self.import_id is None:
            self._settle(piece, last=last)
            async with self.rt.begin(self.who.workspace_id) as tx:
                self.import_id = await ledger.create(
                    tx, self.source, self.format or "", self.options, now=self.rt.now()
                )
        async with self.rt.begin(self.who.workspace_id) as tx:
            await pieces.add(tx, await keys.keyring(self.rt, tx), self.import_id, self.number, piece)
        self.number += 1

    def _settle(self, first: bytes, *, last: bool) -> None:
        if self.format is None and self.form is not None and self.form.name is not None:
            self.format = format_of_name(self.form.name)
        if self.format is None:
            raise Refused(f"Say what the file is with format=, one of: {', '.join(FORMATS)}.", code="unknown_format")
        self.options = read_options(self.format, self.asked)
        names = look(self.format, first, self.options, whole=last)
        if names is not None:
            Shape(self.format, self.options, self.source, names)


def format_of_name(name: str) -> str | None:
    """The format that a file's name tells, `.gz` behind it or not."""
    plain = name.lower().removesuffix(".gz")
    return next((format for suffix, format in SUFFIXES.items() if plain.endswith(suffix)), None)


async def receive(upload: Upload, request: Request) -> Import:
    """Take the body in and return the import that then waits. Raises Refused or TooLarge; then nothing is kept."""
    try:
        await _pieces(upload, request)
        if upload.import_id is None:
            raise Refused("The file is empty.", code="empty_file")  # noqa: TRY301
        async with upload.rt.begin(upload.who.workspace_id) as tx:
            await ledger.uploaded(tx, upload.import_id)
            return await ledger.one(tx, upload.import_id)
    except BaseException:
        # Whatever it was, the sender gone included: nothing of the file is kept. What dies here is swept later.
        if upload.import_id is not None:
            with contextlib.suppress(Exception):
                await asyncio.shield(_give_up(upload, upload.import_id))
        raise


async def _give_up(upload: Upload, import_id: int) -> None:
    async with upload.rt.begin(upload.who.workspace_id) as tx:
        await ledger.give_up(tx, import_id, now=upload.rt.now())


async def _pieces(upload: Upload, request: Request) -> None:
    limit = upload.rt.settings.max_import_bytes
    held = bytearray()
    size = 0
    async for plain in through(request.stream(), _stages(upload, request)):
        size += len(plain)
        if size > limit:
            raise TooLarge(f"An import file has at most {limit} bytes, unpacked; send it in parts.")
        held += plain
        # The last piece is not known as such before the end: a full one waits for the byte behind it.
        while len(held) > PIECE_BYTES:
            await upload.keep(bytes(held[:PIECE_BYTES]), last=False)
            del held[:PIECE_BYTES]
    if held:
        await upload.keep(bytes(held), last=True)


def _stages(upload: Upload, request: Request) -> list[Stage]:
    stages: list[Stage] = []
    match request.headers.get("content-encoding", "").strip().lower():
        case "" | "identity":
            pass
        case "gzip":
            stages.append(Gunzip())
        case _:
            raise Refused("Send the body as it is, or with Content-Encoding: gzip.", code="unsupported_encoding")
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith(FORM):
        upload.form = FormFile(content_type)
        stages.append(upload.form)
    stages.append(GunzipFile())
    if str(upload.asked.encoding or "").lower() in ("utf-16", "utf16"):
        stages.append(Utf16())
    return stages
