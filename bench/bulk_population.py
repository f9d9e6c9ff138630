"""Records as the pipeline leaves them, written straight into their table: only bulk reads them."""

import asyncio
import itertools
from datetime import UTC, datetime

from app.core.runtime import Runtime
from app.core.sql import Queries, arrays
from app.domain.claims import RecordState
from app.domain.deliveries import instant, micros
from app.domain.tokens import key_token
from app.identity.identifier import Identifier
from bench.crowd import crowd
from bench.house import House, Tenant, tenant

PAGE = 5_000
AT = micros(datetime(2026, 3, 1, tzinfo=UTC))

_pipeline = Queries("pipeline")


def written(here: House, many: int) -> int:
    """Write so many records into a fresh workspace; return its id."""
    return asyncio.run(_written(here, many))


async def _written(here: House, many: int) -> int:
    rt = await Runtime.open(here.settings, pool_size=2, patience=120)
    try:
        held = await tenant(rt, "bulk", matching=True)
        told = enumerate(crowd(many))
        while page := list(itertools.islice(told, PAGE)):
            await _write(rt, held, page)
        return held.id
    finally:
        await rt.close()


async def _write(rt: Runtime, held: Tenant, page: list[tuple[int, dict[str, str]]]) -> None:
    async with rt.begin(held.id) as tx:
        ids = [row["id"] for row in await _pipeline.rows(tx, "fresh_ids", many=len(page))]
        rows = []
        carried = []
        for id, (number, traits) in zip(ids, page, strict=True):
            state = RecordState(f"{number}", born=AT, alive=AT)
            state.traits = {name: (AT, value) for name, value in traits.items()}
            sealed = held.keyring.seal(state.dump(), "source_records", "state", id)
            token = key_token(held.keyring, held.source.id, state.key)
            rows.append((id, held.source.id, token, id, id, None, instant(AT), False, sealed))
            carried += [(id, each) for each in state.identifiers() if isinstance(each, Identifier)]
        names = "ids source_ids key_tokens profile_ids component_ids heir_ids born_ats removeds states"
        await _pipeline.run(tx, "write_records", **arrays(rows, names))
