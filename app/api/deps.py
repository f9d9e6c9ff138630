"""What every endpoint starts from: the runtime, and who is asking, in which workspace, with which scopes."""

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.core.errors import Forbidden, NotFound, Unauthenticated
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import workspaces
from app.domain.workspaces import Workspace

DIRECTORY_SECONDS = 5.0

bearer = HTTPBearer(auto_error=False, description="An access token, from `cdp token --scope ...` or `/oauth/token`.")


class Directory:
    """Workspaces by name, read again when one is not known and after a few seconds."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._held: dict[str, tuple[Workspace, PublicIds]] = {}
        self._read_at = float("-inf")

    async def find(self, name: str) -> tuple[Workspace, PublicIds]:
        if name not in self._held or time.monotonic() - self._read_at > DIRECTORY_SECONDS:
            async with self._rt.lobby() as lobby:
                found = await workspaces.directory(lobby)
            self._held = {each.name: (each, self._ids(each)) for each in found}
            self._read_at = time.monotonic()
        if name not in self._held:
            raise NotFound("This token's workspace is not there any more.")
        return self._held[name]

    def _ids(self, workspace: Workspace) -> PublicIds:
        held = self._held.get(workspace.name)
        return held[1] if held is not None and held[0].id == workspace.id else PublicIds(workspace.salt)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: bound to one workspace, allowed what its scopes say."""

    subject: str
    client_id: str
    workspace: Workspace
    ids: PublicIds
    scopes: frozenset[str]

    @property
    def workspace_id(self) -> int:
        return self.workspace.id

    def need(self, scope: str) -> None:
        """Raise Forbidden unless one of the scopes allows it; `admin` allows everything."""
        if scope not in self.scopes and "admin" not in self.scopes:
            raise Forbidden(f"This needs the scope {scope}; ask for a token that has it.", code="insufficient_scope")


async def principal(rt: Runtime, directory: Directory, token: str) -> Principal:
    """The principal that an access token proves. Raises Unauthenticated."""
    claims = rt.gate.verify(token, now=rt.now())
    try:
        workspace, ids = await directory.find(claims.workspace)
    except NotFound as gone:
        raise Unauthenticated("This token's workspace is not there any more.") from gone
    return Principal(claims.subject, claims.client_id, workspace, ids, claims.scopes)


def runtime(request: Request) -> Runtime:
    rt: Runtime = request.app.state.rt
    return rt


async def who(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)] = None
) -> Principal:
    if given is None:
        raise Unauthenticated("Send an access token as `Authorization: Bearer ...`; get one with `cdp token`.")
    return await principal(request.app.state.rt, request.app.state.directory, given.credentials)


Rt = Annotated[Runtime, Depends(runtime)]
Who = Annotated[Principal, Depends(who)]


def needs(scope: str) -> dict[str, object]:
    """OpenAPI's word for the scope that an operation needs: `openapi_extra=needs("profiles:read")`."""
    return {"security": [{"HTTPBearer": [scope]}], "x-scope": scope}


__all__ = ["Directory", "Principal", "Rt", "Tx", "Who", "needs", "principal"]
