"""One GraphQL request from its text to its answer: the workspace's schema, the document, the run."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from graphql import ExecutionResult, GraphQLError, execute

from app.api.deps import Principal
from app.api.graphql.cost import Scale, TooCostly
from app.api.graphql.documents import Document, Documents
from app.api.graphql.reading import Reading
from app.api.graphql.schema import build
from app.core.errors import CdpError, Unavailable
from app.core.runtime import Runtime
from app.domain import catalog

FRESH_SECONDS = 1.0
"""How long a schema stands before the catalog's version is looked at again; an unknown field has it looked at now."""
WORKSPACES = 64
"""Workspaces whose schemas a process remembers."""
MAX_COERCION_ERRORS = 10

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A request in the words of GraphQL over HTTP."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`ran` is false when nothing was executed: the request itself was wrong, and there is no `data`."""

    body: dict[str, Any]
    ran: bool


class Schemas:
    """The documents of each workspace's schema, made again when its catalog has changed."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._held: OrderedDict[int, tuple[float, Documents]] = OrderedDict()
        self._building: dict[int, asyncio.Lock] = {}

    async def documents(self, workspace_id: int, *, now: bool = False) -> Documents:
        """The documents under the current schema, at most FRESH_SECONDS old, or of this moment when `now` is true."""
        held = self._held.get(workspace_id)
        if held is not None and not now and time.monotonic() - held[0] < FRESH_SECONDS:
            return held[1]
        lock = self._building.setdefault(workspace_id, asyncio.Lock())
        async with lock:
            held = self._held.get(workspace_id)
            if held is not None and not now and time.monotonic() - held[0] < FRESH_SECONDS:
                return held[1]
            fresh = await self._read(workspace_id, held[1] if held is not None else None)
            self._held[workspace_id] = (time.monotonic(), fresh)
            self._held.move_to_end(workspace_id)
            if len(self._held) > WORKSPACES:
                gone, _ = self._held.popitem(last=False)
                self._building.pop(gone, None)
            return fresh

    async def _read(self, workspace_id: int, held: Documents | None) -> Documents:
        async with self._rt.begin(workspace_id) as tx:
            if held is not None and held.built.version == await catalog.version(tx):
                return held
            found = await catalog.load(tx)
        # Two thousand traits take half a second: not on the loop that answers everybody.
        return Documents(await asyncio.to_thread(build, found))


async def run(rt: Runtime, schemas: Schemas, who: Principal, request: Request) -> Answer:
    """Answer a request. Raises Unavailable when the database is away."""
    documents = await schemas.documents(who.workspace_id)
    document = documents.read(request.query)
    if document.errors and document.might_be_stale:
        newer = await schemas.documents(who.workspace_id, now=True)
        if newer is not documents:
            documents, document = newer, newer.read(request.query)
    if document.ast is None:
        return Answer({"errors": [each.formatted for each in document.errors]}, ran=False)
    if document.operation(request.operation_name) is None:
        return _wrong("Name the operation to run in `operationName`.")
    try:
        if document.depends_on_variables:
            Scale(document.ast, documents.built.sizes, request.variables or {}).weigh()
    except TooCostly as error:
        return _wrong(str(error), error.code)
    async with Reading(rt, who, proof=document.asks_for_proof) as reading:
        result = await _execute(documents, document, request, reading)
    errors = [_formatted(each) for each in result.errors or ()]
    if result.data is None and errors and all(each.path is None for each in result.errors or ()):
        # Variables that do not fit: nothing ran.
        return Answer({"errors": errors}, ran=False)
    return Answer({"data": result.data} | ({"errors": errors} if errors else {}), ran=True)


async def _execute(documents: Documents, document: Document, request: Request, reading: Reading) -> ExecutionResult:
    assert document.ast is not None
    outcome = execute(
        documents.built.schema,
        document.ast,
        context_value=reading,
        variable_values=dict(request.variables or {}),
        operation_name=request.operation_name,
        max_coercion_errors=MAX_COERCION_ERRORS,
        hide_suggestions=True,
    )
    result: ExecutionResult = outcome if isinstance(outcome, ExecutionResult) else await outcome
    for error in result.errors or ():
        if isinstance(error.original_error, Unavailable):
            raise error.original_error
    return result


def _formatted(error: GraphQLError) -> Any:
    """An error for the caller: ours as they are, everything else without a word of what it was."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return error.formatted
    shown = dict(error.formatted)
    if isinstance(cause, CdpError):
        shown["extensions"] = {"code": cause.code}
        return shown
    log.error("graphql_unexpected_error", error=cause, exc_info=cause)
    shown |= {"message": "Something went wrong on our side.", "extensions": {"code": "internal"}}
    return shown


def _wrong(message: str, code: str = "bad_request") -> Answer:
    return Answer({"errors": [{"message": message, "extensions": {"code": code}}]}, ran=False)
