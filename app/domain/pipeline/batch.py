"""What a batch carries from step to step, and the records that a step sets aside on the way."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.crypto.keyring import Keyring
from app.core.sql import Tx
from app.domain.catalog import Catalog
from app.domain.claims import RecordState, Said
from app.domain.deliveries import Delivery, Happening
from app.domain.entries import Entry, SetAside
from app.domain.golden import Content, GoldenProfile
from app.domain.matching import Matcher
from app.domain.sources import Source
from app.domain.tokens import token
from app.identity.identifier import Identifier
from app.identity.policy import Policy


@dataclass(frozen=True, slots=True)
class Word:
    """One normalised message about one record: what is said, by whom, under which key."""

    log_id: int
    source: Source
    key: str
    said: Said
    event: Happening | None


@dataclass(slots=True)
class Record:
    """A source record inside the region of a batch. `changed` holds the log ids that touched it."""

    id: int
    source: Source
    key_token: bytes
    state: RecordState
    profile_id: int | None
    component_id: int | None
    identifiers: frozenset[Identifier] = frozenset()
    before: frozenset[Identifier] = frozenset()
    was_removed: bool = False
    is_new: bool = False
    heir_id: int | None = None
    born_before: int = 0
    told_before: Mapping[str, Any] = field(default_factory=dict)
    compared_before: Mapping[str, Any] | None = None
    touched_by: list[int] = field(default_factory=list)
    withheld_before: frozenset[Identifier] = frozenset()

    @property
    def is_live(self) -> bool:
        return not self.state.is_removed


@dataclass(slots=True)
class Region:
    """Everything that the batch can reach: records, the profiles they are in, the identifiers that link nobody.

    `risen` identifiers become generic in this batch, with how many records carry them; `fallen` ones link again.
    `alerts`: (kind, token) to (namespace, record id, size).
    """

    records: dict[int, Record] = field(default_factory=dict)
    profiles: dict[int, GoldenProfile] = field(default_factory=dict)
    generic: set[Identifier] = field(default_factory=set)
    risen: dict[Identifier, int] = field(default_factory=dict)
    fallen: set[Identifier] = field(default_factory=set)
    alerts: dict[tuple[str, bytes], tuple[str | None, int, int]] = field(default_factory=dict)
    was_at: dict[int, tuple[int | None, int | None]] = field(default_factory=dict)

    rederived: set[int] = field(default_factory=set)

    def remember(self) -> None:
        """Keep where everybody is before anything moves."""
        self.was_at = {r.id: (r.profile_id, r.component_id) for r in self.records.values()}

    @property
    def was_in(self) -> dict[int, int | None]:
        """Record id to the profile that held it before this batch."""
        return {id: profile_id for id, (profile_id, _) in self.was_at.items()}


@dataclass(slots=True)
class Batch:
    """The state of one run of the pipeline. Steps fill it in, left to right.

    `refreshing`: nothing new is said, the rules have changed. `moving`: records to place again though they say nothing
    new. `matcher`: how pairs are scored; None where matching is off. `matched`: records whose scored pairs
    changed.
    """

    tx: Tx
    keyring: Keyring
    now: datetime
    policy: Policy
    catalog: Catalog
    sources: dict[int, Source]
    entries: list[Entry] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    aside: list[SetAside] = field(default_factory=list)
    region: Region = field(default_factory=Region)
    record_of: dict[int, int] = field(default_factory=dict)
    contents: dict[int, Content] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    check: Callable[["Batch"], None] | None = None
    refreshing: bool = False
    moving: frozenset[int] = frozenset()
    matcher: Matcher | None = None
    matched: set[int] = field(default_factory=set)
    _tokens: dict[Identifier, bytes] = field(default_factory=dict)

    @property
    def automatic(self) -> float:
        """The score from which a pair is linked without a person, in log2 Bayes factors."""
        return self.matcher.automatic if self.matcher is not None else math.inf

    def token(self, held: Identifier) -> bytes:
        """The keyed hash of an identifier, made once a batch: several steps ask for the same ones."""
        known = self._tokens.get(held)
        if known is None:
            known = self._tokens[held] = token(self.keyring, held)
        return known

    def set_aside(self, log_id: int, code: str, pointer: str, detail: str) -> None:
        self.aside.append(SetAside(log_id, code, pointer, detail))
