"""The log takes many messages at once: each once, each with what its parcel says, whoever sent them before."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from app.core.runtime import Runtime
from app.domain import ingest_log
from app.domain.deliveries import Kind
from app.domain.ingest_log import MANY, Parcel
from tests.make import Tenant, tenant


def parcel(one: Tenant, names: Sequence[str], source: str = "web", later: int = 0) -> Parcel:
    """Messages with these ids, each of which says its own id."""
    tokens = [ingest_log.message_token(one.keyring, name) for name in names]
    bodies = ingest_log.sealed(one.keyring, tokens, [name.encode() for name in names])
    at = one.rt.now().replace(microsecond=0) + timedelta(seconds=later)
    return Parcel(one.sources[source].id, Kind.EVENT, at, tokens, bodies)


async def append(one: Tenant, *parcels: Parcel) -> set[str]:
    """Append parcels in one transaction; return the ids of the messages that were new."""
    async with one.rt.begin(one.id) as tx:
        fresh = await ingest_log.append_parcels(tx, parcels)
        held = await ingest_log.held(tx, list(fresh))
        assert {token: held[token].log_id for token in fresh} == fresh
        return {ingest_log.opened(one.keyring, token, held[token].body).decode() for token in fresh}


def many(start: int = 0) -> list[str]:
    return [f"m{number}" for number in range(start, start + MANY)]


@pytest.mark.parametrize("count", [3, MANY])
async def test_each_message_has_what_its_own_parcel_says(rt: Runtime, count: int) -> None:
    one = await tenant(rt)
    parcels = [
        parcel(one, [f"a{n}" for n in range(count)]),
        parcel(one, [f"b{n}" for n in range(count)], "crm", later=9),
    ]
    assert len(await append(one, *parcels)) == 2 * count
    rows = await one.rows(
        "SELECT source_id, received_at, message_token FROM ingest_log WHERE workspace_id = :workspace_id"
    )
    found = {row["message_token"]: (row["source_id"], row["received_at"]) for row in rows}
    assert found == {token: (each.source_id, each.received_at) for each in parcels for token in each.tokens}


async def test_a_whole_request_that_comes_again_is_no_news(rt: Runtime) -> None:
    one = await tenant(rt)
    assert await append(one, parcel(one, many())) == set(many())
    assert await append(one, parcel(one, many())) == set()


async def test_one_known_message_keeps_none_of_its_neighbours_out(rt: Runtime) -> None:
    one = await tenant(rt)
    known = many()[MANY // 2]
    await append(one, parcel(one, [known]))
    assert await append(one, parcel(one, many())) == set(many()) - {known}


async def test_what_comes_twice_in_one_transaction_is_appended_once(rt: Runtime) -> None:
    one = await tenant(rt)
    assert await append(one, parcel(one, many()), parcel(one, many(MANY // 2))) == {*many(), *many(MANY // 2)}
    assert len(await one.rows("SELECT FROM ingest_queue WHERE workspace_id = :workspace_id")) == MANY + MANY // 2
