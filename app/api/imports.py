"""`/v1/imports`: files of records. Taken in as a stream, worked off in the background, with their progress and what was
rejected."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from app.api.deps import Principal, Rt, Who, needs
from app.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from app.api.upload import FORM, MEDIA_TYPES, Upload, receive
from app.core.errors import NotFound, Refused
from app.core.runtime import Runtime
from app.core.tokens.scopes import INGEST_WRITE
from app.domain import keys, sources
from app.domain.imports import ledger, pieces, rejected
from app.domain.imports.ledger import Import
from app.domain.imports.options import Asked, read_options

router = APIRouter(prefix="/v1/imports", tags=["imports"])

LIST = "imports"
Name = Annotated[str, Query(max_length=512)]
_FILE = {"schema": {"type": "string", "format": "binary"}}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is, or a form with one file. `Content-Encoding: gzip` and `.gz` are taken.",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "id,email,address.city\n42,ada@example.com,London\n",
            },
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"key": "42", "traits": {"email": "ada@example.com"}}\n',
            },
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}},
                "example": [{"key": "42", "traits": {"email": "ada@example.com"}}],
            },
            "application/vnd.apache.parquet": _FILE,
            "application/octet-stream": _FILE,
            FORM: {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE["schema"]}}},
        },
    }
}


class ImportOut(BaseModel):
    """An import and how far it is."""

    id: str = Field(examples=["Zk3vWqLmPd"])
    source: str = Field(examples=["crm"])
    format: Literal["csv", "json", "ndjson", "parquet"]
    state: Literal["uploading", "waiting", "running", "done", "failed"]
    bytes: int = Field(description="Size of the file, unpacked.", examples=[52428800])
    bytes_done: int = Field(examples=[1048576])
    rows_read: int = Field(description="accepted + duplicates + rejected.", examples=[1000])
    accepted: int = Field(examples=[990])
    duplicates: int = Field(examples=[8])
    rejected: int = Field(examples=[2])
    failure: str | None = Field(None, description="Why the file could not be read to its end, in one sentence.")
    created_at: datetime
    finished_at: datetime | None = None


@router.post("", status_code=202, openapi_extra=needs(INGEST_WRITE) | BODY, summary="Import a file")
async def post_import(
    request: Request,
    response: Response,
    who: Who,
    rt: Rt,
    source: Annotated[str, Query(max_length=63, description="The source whose records these are.", examples=["crm"])],
    format: Annotated[
        Literal["csv", "json", "ndjson", "parquet"] | None,
        Query(description="Else told from the media type or the file's name."),
    ] = None,
    key: Annotated[
        Name | None, Query(description="Column with the record's key; else the one called key or id.")
    ] = None,
    map: Annotated[
        list[str] | None, Query(description="`COLUMN=trait`; `COLUMN=` leaves the column out. May be repeated.")
    ] = None,
    identifier: Annotated[
        list[str] | None, Query(description="`COLUMN=namespace`: the column holds an identifier. May be repeated.")
    ] = None,
    observed_at: Annotated[
        Name | None, Query(description="Column with the time at which the source observed the row; else observed_at.")
    ] = None,
    delimiter: Annotated[
        str | None, Query(max_length=3, description="CSV: one character or `tab`; else told from the header.")
    ] = None,
    encoding: Annotated[
        str | None, Query(max_length=20, description="CSV: utf-8, utf-16, latin-1 or cp1252.", examples=["cp1252"])
    ] = None,
    create: Annotated[bool, Query(description="Create the source if there is none of that name.")] = True,
) -> ImportOut:
    """Take in a file and answer 202 when it is kept whole; `GET /v1/imports/{id}` shows its progress.

    A row is a record `{key, traits, ...}` or plain columns: the key column, identifiers, and traits under their column
    names. `address.city` in a CSV header nests. An empty CSV cell says nothing.
    """
    who.need(INGEST_WRITE)
    media, _, _ = request.headers.get("content-type", "").partition(";")
    asked = Asked(key, map or (), identifier or (), observed_at, delimiter, encoding)
    known = format or MEDIA_TYPES.get(media.strip().lower())
    if known is not None:
        read_options(known, asked)
    async with rt.begin(who.workspace_id) as tx:
        # The source of edits exists everywhere and takes no file; `ensure` says so.
        known_one = not create and source != sources.EDITS
        into = await (sources.by_name(tx, source) if known_one else sources.ensure(tx, source, now=rt.now()))
    if into.disabled:
        raise Refused(f"The source {source!r} is disabled.", code="source_disabled")
    found = await receive(Upload(rt, who, into, asked, known), request)
    response.headers["Location"] = f"/v1/imports/{who.ids.encode(found.id)}"
    return _shown(who, found)


@router.get("", openapi_extra=needs(INGEST_WRITE), summary="List imports")
async def list_imports(who: Who, rt: Rt, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Page[ImportOut]:
    """Newest first."""
    who.need(INGEST_WRITE)
    said = position_of(LIST, cursor)
    async with rt.begin(who.workspace_id) as tx:
        found = await ledger.page(tx, before=int(said) if said else None, many=limit)
    return page(LIST, [_shown(who, each) for each in found], limit, str(found[-1].id) if found else None)


@router.get("/{id}", openapi_extra=needs(INGEST_WRITE), summary="One import and its progress")
async def get_import(id: str, who: Who, rt: Rt) -> ImportOut:
    """How far it is, and how many rows were accepted, duplicates or rejected."""
    who.need(INGEST_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        return _shown(who, await ledger.one(tx, _number(who, id)))


@router.get(
    "/{id}/rejected",
    openapi_extra=needs(INGEST_WRITE),
    summary="The rejected rows of an import, as a file",
    response_class=Response,
    responses={
        200: {
            "description": "row (line or item in the file), code, pointer, detail, then the row's own fields.",
            "content": {
                "text/csv": {
                    "example": 'row,code,pointer,detail,id,email,other\r\n7,no_key,/id,"...",,a@example.com,\r\n'
                },
                "application/x-ndjson": {
                    "example": '{"row":7,"code":"no_key","pointer":"/id","detail":"...","fields":{}}\n'
                },
            },
        }
    },
)
async def get_rejected(
    id: str,
    who: Who,
    rt: Rt,
    format: Literal["csv", "ndjson"] = "csv",
    raw: Annotated[
        bool, Query(description="CSV: leave cells as they are that a spreadsheet would take for formulas.")
    ] = False,
) -> StreamingResponse:
    """Mend the rows and import them again: repeats of what was accepted do no harm."""
    who.need(INGEST_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        found = await ledger.one(tx, _number(who, id))
        columns = await pieces.columns(tx, await keys.keyring(rt, tx), found.id)
    media = "text/csv; charset=utf-8; header=present" if format == "csv" else "application/x-ndjson"
    name = f'attachment; filename="rejected-{id}.{format}"'
    lines = _rejected(rt, who.workspace_id, found.id, columns, as_csv=format == "csv", raw=raw)
    return StreamingResponse(lines, media_type=media, headers={"Content-Disposition": name})


async def _rejected(
    rt: Runtime, workspace_id: int, import_id: int, columns: list[str], *, as_csv: bool, raw: bool
) -> AsyncIterator[bytes]:
    """The download, a page of rows in each transaction."""
    if as_csv:
        yield rejected.csv_head(columns, raw=raw)
    after = (-1, 0)
    while True:
        async with rt.begin(workspace_id) as tx:
            rows = await rejected.page(tx, await keys.keyring(rt, tx), import_id, after)
        if not rows:
            return
        lines = (rejected.csv_row(row, columns, raw=raw) if as_csv else rejected.ndjson_row(row) for row in rows)
        yield b"".join(lines)
        after = rows[-1].number, rows[-1].id


def _number(who: Principal, id: str) -> int:
    number = who.ids.decode(id)
    if number is None:
        raise NotFound("There is no such import.")
    return number


def _shown(who: Principal, found: Import) -> ImportOut:
    same = {name: getattr(found, name) for name in ImportOut.model_fields if name != "id"}
    return ImportOut(id=who.ids.encode(found.id), **same)
