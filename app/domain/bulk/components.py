"""The third stage: which records hang together, over identifiers, decisions and the pairs that link."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import pyarrow as pa

from app.core.sql import Queries, Tx
from app.domain.bulk.engine import Engine, table
from app.domain.bulk.reading import Told
from app.domain.bulk.rules import Rules
from app.identity.cluster import STEPS, on_grid
from app.identity.groups import Groups
from app.identity.policy import Policy

DECISIONS: Final = {"a": pa.int64(), "b": pa.int64(), "verdict": pa.string()}
LIMITS: Final = {"namespace": pa.string(), "most": pa.int32()}
COMPONENTS: Final = {"id": pa.int64(), "component": pa.int64()}

CARRIED = """
CREATE TABLE carried AS
SELECT c.hi, c.lo, c.first, c.many > coalesce(l.most, {otherwise}) AS generic
  FROM (SELECT hi, lo, namespace, count(*) AS many, min(id) AS first FROM identifiers GROUP BY hi, lo, namespace
        HAVING count(*) > 1) AS c
  LEFT JOIN limits l ON l.namespace = c.namespace
"""
LIVE_DECISIONS = """
CREATE TABLE decisions AS
SELECT d.a, d.b, d.verdict FROM decided d
  JOIN records ra ON ra.id = d.a JOIN records rb ON rb.id = d.b
"""
SHARED = """
SELECT i.id, c.first FROM identifiers i JOIN carried c ON c.hi = i.hi AND c.lo = i.lo
 WHERE NOT c.generic AND i.id <> c.first
"""


async def components(tx: Tx, rules: Rules, engine: Engine, told: Told) -> None:
    """Make the table `components`: the records of every component of more than one, named by its least id.

    Beside it `carried`, the identifiers of more than one record and whether they are generic, and `decisions`, the
    verdicts that stand between live records.
    """
    told("Joining", 0, None)
    rows = await _bulk.rows(tx, "decisions")
    await asyncio.to_thread(_join, engine, rules, [(row["a"], row["b"], row["verdict"]) for row in rows])


_bulk = Queries("bulk")


def _join(engine: Engine, rules: Rules, decided: list[tuple[int, int, str]]) -> None:
    engine.insert("decided", table(DECISIONS, decided))
    engine.run(LIVE_DECISIONS)
    engine.insert("limits", table(LIMITS, _limits(rules.policy)))
    engine.run(CARRIED.format(otherwise=rules.policy.otherwise.max_records))
    edges = list(chain(engine.rows(SHARED), engine.rows("SELECT a, b FROM decisions"), _linking(engine, rules)))
    engine.insert("components", table(COMPONENTS, joined(edges)))


def _limits(policy: Policy) -> Iterator[tuple[str, int]]:
    return ((name, rule.max_records) for name, rule in policy.namespaces.items())


def _linking(engine: Engine, rules: Rules) -> list[tuple[int, int]]:
    """The pairs that link without a person."""
    if rules.matcher is None:
        return []
    floor = on_grid(rules.automatic)
    least = f"CAST('{(floor - 0.5) / STEPS!r}' AS DOUBLE)"
    found = engine.rows(f"SELECT a, b, score FROM pairs WHERE score >= {least}")
    return [(a, b) for a, b, score in found if on_grid(score) >= floor]


def joined(edges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(id, least id of its component) of everybody whom an edge names."""
    edges = list(edges)
    groups = Groups(sorted({id for edge in edges for id in edge}))
    for a, b in edges:
        groups.unite(a, b)
    least: dict[int, int] = {}
    ids = sorted({id for edge in edges for id in edge})
    for id in ids:
        least.setdefault(groups.root(id), id)
    return ((id, least[groups.root(id)]) for id in ids)
