"""Sources: the systems that send data, what they declare about their values, and their write keys."""

import contextlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict, NotFound, Refused
from app.core.sql import Queries, Tx
from app.domain import refreshes
from app.domain.normalize import Declarations

NAME = re.compile(r"^[a-z][a-z0-9_-]{0,62}$")
EDITS = "edits"
"""The built-in source that holds what people changed by hand; it is trusted above all others."""
EDITS_PRIORITY = 1000
MAX_SOURCES = 1000
MAX_EARLIER = 500
"""How often a source may change what it declares: every batch reads the whole list."""

_sources = Queries("sources")


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a source declared before: it holds for the messages whose log id is below `until`."""

    until: int
    declared: Declarations


@dataclass(frozen=True, slots=True)
class Source:
    """A system that sends data. Survivorship trusts a higher `priority` more. `one_per_person`: it keeps one record for
    each person, so two of its records are two people. `earlier`: what it declared before, oldest first."""

    id: int
    name: str
    kind: str = "http"
    priority: int = 0
    declared: Declarations = field(default_factory=Declarations)
    disabled: bool = False
    has_key: bool = False
    created_at: datetime | None = None
    one_per_person: bool = False
    earlier: tuple[Earlier, ...] = ()

    def at(self, log_id: int) -> "Source":
        """The source as it was when a message was accepted: each is read under what was declared then, for ever."""
        for each in self.earlier:
            if log_id < each.until:
                return replace(self, declared=each.declared, earlier=())
        return self

    @property
    def founds(self) -> bool:
        """Whether its records are people of their own. A change by hand is about somebody else's record."""
        return self.name != EDITS


async def all_sources(tx: Tx) -> dict[int, Source]:
    """Every source of the workspace by id."""
    return {row["id"]: _source(row) for row in await _sources.rows(tx, "all")}


async def by_name(tx: Tx, name: str) -> Source:
    for source in (await all_sources(tx)).values():
        if source.name == name:
            return source
    raise NotFound(f"There is no source {name!r}; create it with `cdp key --source {name} --create`.")


async def create(
    tx: Tx,
    name: str,
    *,
    now: datetime,
    kind: str = "http",
    priority: int = 0,
    declared: Declarations | None = None,
    one_per_person: bool = False,
) -> Source:
    if not NAME.match(name):
        raise Refused("A source name is a lower-case word: letters, digits, - and _, at most 63 characters.")
    if len(await all_sources(tx)) >= MAX_SOURCES:
        raise Refused(f"A workspace has at most {MAX_SOURCES} sources.")
    said = asdict(declared or Declarations())
    id = await _sources.value(
        tx,
        "create",
        name=name,
        kind=kind,
        priority=priority,
        declared=said,
        one_per_person=one_per_person,
        now=now,
    )
    if id is None:
        raise Conflict(f"There is a source {name!r} already.")
    return Source(id, name, kind, priority, declared or Declarations(), created_at=now, one_per_person=one_per_person)


async def ensure(tx: Tx, name: str, *, now: datetime, priority: int = 0) -> Source:
    """The source of that name, created if it is new. Raises Refused for the one that holds edits."""
    _may_send(name)
    with contextlib.suppress(NotFound):
        return await by_name(tx, name)
    try:
        return await create(tx, name, now=now, priority=priority)
    except Conflict:
        return await by_name(tx, name)  # somebody else was first, a moment ago


async def declare(tx: Tx, source: Source, *, now: datetime) -> Source:
    """Change what a source says of itself: kind, priority and how its values are to be read, from now on."""
    said = asdict(source.declared)
    # A batch that reads the older declarations must not take a message that comes after this change.
    await refreshes.wait_for_readers(tx)
    known = await by_name(tx, source.name)
    is_news = known.declared != source.declared
    if is_news and len(known.earlier) >= MAX_EARLIER:
        raise Refused(f"A source declares something else at most {MAX_EARLIER} times; create another one.")
    if (known.priority, known.one_per_person) != (source.priority, source.one_per_person):
        await refreshes.request(tx, f"source {source.name}", now=now)
    held = await _sources.value(
        tx,
        "declare",
        name=source.name,
        kind=source.kind,
        priority=source.priority,
        declared=said,
        is_news=is_news,
        one_per_person=source.one_per_person,
    )
    if held is None:
        raise NotFound(f"There is no source {source.name!r}.")
    return await by_name(tx, source.name)


async def disable(tx: Tx, name: str, *, now: datetime) -> None:
    """Stop taking anything from a source; what it has sent stays."""
    if await _sources.value(tx, "disable", name=name, now=now) is None:
        raise NotFound(f"There is no source {name!r}.")


def _may_send(name: str) -> None:
    if name == EDITS:
        raise Refused(
            "The source edits holds what people changed by hand; send as another one.", code="reserved_source"
        )


async def write_key(tx: Tx, keyring: Keyring, source: Source) -> str:
    """The source's write key, made when it has none. It names its workspace, so that one look-up finds the source."""
    _may_send(source.name)
    sealed = await _sources.value(tx, "write_key", id=source.id)
    if sealed is not None:
        return keyring.open(sealed, "sources", "write_key", source.id).decode()
    key = f"wk{tx.workspace_id}_{secrets.token_urlsafe(24)}"
    await _sources.run(
        tx,
        "set_write_key",
        id=source.id,
        token=keyring.token("write_key", key),
        sealed=keyring.seal(key.encode(), "sources", "write_key", source.id),
    )
    return key


def workspace_of(write_key: str) -> int | None:
    """The workspace that a write key says it belongs to; only the look-up there proves it."""
    prefix, _, _ = write_key.partition("_")
    number = prefix.removeprefix("wk")
    return (
        int(number) if prefix.startswith("wk") and number.isascii() and number.isdigit() and len(number) < 9 else None
    )


async def by_write_key(tx: Tx, keyring: Keyring, key: str) -> int | None:
    """The id of the enabled source that owns this write key."""
    found: int | None = await _sources.value(tx, "by_write_key", token=keyring.token("write_key", key))
    return found


def _source(row: Mapping[str, Any]) -> Source:
    return Source(
        row["id"],
        row["name"],
        row["kind"],
        row["priority"],
        _declared(row["declared"]),
        row["disabled_at"] is not None,
        row["has_key"],
        row["created_at"],
        row["one_per_person"],
        tuple(Earlier(each["until"], _declared(each["declared"])) for each in row["earlier"]),
    )


def _declared(held: Mapping[str, Any]) -> Declarations:
    return Declarations(**{name: held[name] for name in Declarations.__dataclass_fields__ if name in held})
