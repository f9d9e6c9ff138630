"""The fourth stage: every component divided into people, by the code that divides one online.

Tables: `placed` (the profile of each record of these components under the given rules, null for one that founds
nobody and was not held) and `ties` (every link with what refused it).
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import pyarrow as pa

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain.bulk.engine import Engine, table
from app.domain.bulk.reading import Told, halves, whole
from app.domain.bulk.rules import Rules
from app.domain.claims import RecordState
from app.domain.pipeline.links import LinkRow, link_row
from app.domain.pipeline.nodes import node
from app.domain.pipeline.region import usable
from app.domain.pipeline.ties import Pair, Ties, divide
from app.domain.tokens import token
from app.identity.cluster import Decision, Node
from app.identity.identifier import Identifier

TOGETHER: Final = 2_000
"""Records whose components are divided at once; a larger component is divided whole."""

PLACED: Final = {"id": pa.int64(), "profile": pa.int64()}
TIES: Final = {
    "a": pa.int64(),
    "b": pa.int64(),
    "kind": pa.string(),
    "hi": pa.uint64(),
    "lo": pa.uint64(),
    "namespace": pa.string(),
    "score": pa.float64(),
    "model": pa.int32(),
    "refused": pa.string(),
}

_pipeline = Queries("pipeline")


@dataclass(slots=True)
class Divided:
    """What some components come to, as rows of the engine's tables."""

    placed: list[tuple[int, int | None]] = field(default_factory=list)
    ties: list[tuple[Any, ...]] = field(default_factory=list)


async def divided(tx: Tx, keyring: Keyring, rules: Rules, engine: Engine, told: Told) -> list[int]:
    """Fill in the tables; return the components that are larger than the policy lets them grow.

    Those are left as they are: what of their links the circuit breaker holds back depends on which of them are there
    already.
    """
    await asyncio.to_thread(_insert, engine, Divided())
    sizes = await asyncio.to_thread(engine.rows, _SIZES)
    generic = {whole(hi, lo) for hi, lo in await asyncio.to_thread(engine.rows, _GENERIC)}
    frozen = [component for component, many in sizes if many > rules.policy.max_component]
    await asyncio.to_thread(_leave, engine, frozen)
    done, total = 0, sum(many for _, many in sizes)
    for first, last, many in _batches(sizes, rules.policy.max_component):
        ids = await asyncio.to_thread(_ids, engine, first, last, rules.policy.max_component)
        rows = await _pipeline.rows(tx, "records_by_id", ids=ids)
        await asyncio.to_thread(_divide, rows, keyring, rules, engine, generic)
        done += many
        told("Dividing", done, total)
    return frozen


_SIZES: Final = "SELECT component, count(*) FROM components GROUP BY component ORDER BY component"
_GENERIC: Final = "SELECT hi, lo FROM carried WHERE generic"


def _batches(sizes: Sequence[tuple[int, int]], most: int) -> Iterator[tuple[int, int, int]]:
    """(first component, last component, records) of what is divided together."""
    first, many = None, 0
    last = 0
    for component, size in sizes:
        if size > most:
            continue
        first = component if first is None else first
        last, many = component, many + size
        if many >= TOGETHER:
            yield first, last, many
            first, many = None, 0
    if first is not None:
        yield first, last, many


def _ids(engine: Engine, first: int, last: int, most: int) -> list[int]:
    return [
        id
        for (id,) in engine.rows(
            f"SELECT id FROM components WHERE component IN (SELECT component FROM components "
            f"WHERE component BETWEEN {first} AND {last} GROUP BY component HAVING count(*) <= {most}) ORDER BY id"
        )
    ]


def _leave(engine: Engine, frozen: Sequence[int]) -> None:
    if frozen:
        wanted = ", ".join(map(str, frozen))
        engine.run(
            f"INSERT INTO placed SELECT c.id, r.profile FROM components c JOIN records r ON r.id = c.id "
            f"WHERE c.component IN ({wanted})"
        )


def _divide(
    rows: Sequence[Mapping[str, Any]], keyring: Keyring, rules: Rules, engine: Engine, generic: set[bytes]
) -> None:
    nodes = [_node(row, keyring, rules) for row in rows]
    unlinking = {held for each in nodes for held in each.identifiers if token(keyring, held) in generic}
    tied = _tied(engine, rules, [each.id for each in nodes])
    models = {(pair.a, pair.b): pair.model for pair in tied.pairs}
    found = Divided()
    named = partial(_named, keyring)
    for _, parts in divide(nodes, unlinking, rules.policy, tied, rules.automatic):
        found.placed += [(id, cluster[0]) for cluster in parts.clusters for id in cluster]
        found.placed += [(id, None) for id in parts.loose]
        found.ties += [_columns(link_row(tie, named, models)) for tie in parts.ties]
    _insert(engine, found)


def _node(row: Mapping[str, Any], keyring: Keyring, rules: Rules) -> Node:
    state = RecordState.load(keyring.open(row["state"], "source_records", "state", row["id"]))
    state.withheld = frozenset()
    return node(row["id"], rules.sources[row["source_id"]], state, usable(state, rules.policy))


def _tied(engine: Engine, rules: Rules, ids: Sequence[int]) -> Ties:
    """The decisions and pairs of whole components; whoever has one side has the other where it links."""
    wanted = f"({', '.join(map(str, ids))})"
    decisions = engine.rows(f"SELECT a, b, verdict FROM decisions WHERE a IN {wanted}")
    if rules.matcher is None:
        return Ties([Decision(*each) for each in decisions], [])
    version = rules.matcher.version
    pairs = engine.rows(f"SELECT a, b, score FROM pairs WHERE a IN {wanted}")
    return Ties([Decision(*each) for each in decisions], [Pair(a, b, bits, version) for a, b, bits in pairs])


def _named(keyring: Keyring, held: Identifier) -> bytes:
    return token(keyring, held)


def _columns(link: LinkRow) -> tuple[Any, ...]:
    a, b, kind, named, namespace, score, model, refused = link
    return a, b, kind, *tie_token(named), namespace, score, model, refused


def tie_token(named: bytes) -> tuple[int, int]:
    """The token of a link, as two numbers; a link without an identifier has none."""
    return halves(named) if named else (0, 0)


def _insert(engine: Engine, found: Divided) -> None:
    engine.insert("placed", table(PLACED, found.placed))
    engine.insert("ties", table(TIES, found.ties))
