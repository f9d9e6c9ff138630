"""Source records as they stand: found by name, by id or by the profile that they are in, with what they say."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain import sources
from app.domain.claims import RecordState
from app.domain.profiles import RecordName
from app.domain.sources import Source
from app.domain.tokens import key_token

_pipeline = Queries("pipeline")
_profiles = Queries("profiles")


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A record, removed ones included: those are in no profile and in no component."""

    id: int
    source: Source
    state: RecordState
    profile_id: int | None
    component_id: int | None

    @property
    def name(self) -> RecordName:
        return RecordName(self.source.name, self.state.key)

    @property
    def founds(self) -> bool:
        """Whether it is a person of its own; a change by hand is about somebody else's record."""
        return self.source.founds

    @property
    def rank(self) -> tuple[int, str, str]:
        """The data's own order: what was born first is the oldest."""
        return self.state.born, self.source.name, self.state.key


async def by_ids(tx: Tx, keyring: Keyring, ids: Collection[int]) -> dict[int, SourceRecord]:
    """Those of the records that there are, by id."""
    rows = await _pipeline.rows(tx, "records_by_id", ids=sorted(set(ids))) if ids else []
    return {record.id: record for record in await _opened(tx, keyring, rows)}


async def by_names(tx: Tx, keyring: Keyring, names: Collection[RecordName]) -> dict[RecordName, SourceRecord]:
    """Those of the records that there are, by name."""
    ids = {source.name: source.id for source in (await sources.all_sources(tx)).values()}
    wanted = [(ids[name.source], name.key) for name in set(names) if name.source in ids]
    if not wanted:
        return {}
    rows = await _pipeline.rows(
        tx,
        "records_by_key",
        source_ids=[source_id for source_id, _ in wanted],
        key_tokens=[key_token(keyring, source_id, key) for source_id, key in wanted],
    )
    return {record.name: record for record in await _opened(tx, keyring, rows)}


async def members(tx: Tx, keyring: Keyring, profile_id: int) -> list[SourceRecord]:
    """The records in a profile, the oldest first."""
    rows = await _profiles.rows(tx, "members", id=profile_id)
    return sorted(await _opened(tx, keyring, rows), key=lambda record: record.rank)


async def _opened(tx: Tx, keyring: Keyring, rows: Iterable[Mapping[str, Any]]) -> list[SourceRecord]:
    # After the records: a source is there before the first of its records.
    known = await sources.all_sources(tx)
    return [
        SourceRecord(
            row["id"],
            known[row["source_id"]],
            RecordState.load(keyring.open(row["state"], "source_records", "state", row["id"])),
            row["profile_id"],
            row["component_id"],
        )
        for row in rows
    ]
