"""What another partition would change: how many profiles merge and split, and examples of each with the reason."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain import source_records
from app.domain.bulk.division import tie_token
from app.domain.bulk.partition import Whole
from app.domain.profiles import RecordName

SAMPLES: Final = 20
SHOWN: Final = 12
"""Records, and links, that one sample shows."""

_bulk = Queries("bulk")


@dataclass(frozen=True, slots=True)
class Reason:
    """A link between two records: one that would unite them, or one that held them and what becomes of it.

    `because`: why a link would hold no more: what refuses it, else `generic`, `blocked`, `below_threshold`,
    `not_compared`, `revoked`; None for a link that holds.
    """

    a: RecordName
    b: RecordName
    kind: str
    namespace: str | None
    score: float | None
    because: str | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One profile that would be made of `others`, or that would come apart into them; some of its records, each with
    the one of `others` that it is in, and some of the links that are the reason."""

    profile: int
    others: list[int]
    size: int
    records: list[tuple[RecordName, int]]
    links: list[Reason]


@dataclass(frozen=True, slots=True)
class Difference:
    """`merging` profiles would become `merged`, `splitting` ones `split`; `moved` records would be in another profile.

    `frozen`: components beyond the size that the policy allows, which are counted as they are.
    """

    records: int
    profiles: int
    then: int
    merging: int
    merged: int
    splitting: int
    split: int
    moved: int
    frozen: int
    merges: list[Sample]
    splits: list[Sample]


_BOTH: Final = "FROM now WHERE was IS NOT NULL AND becomes IS NOT NULL"
_COUNTS: Final = f"""
SELECT (SELECT count(DISTINCT was) FROM now), (SELECT count(DISTINCT becomes) FROM now),
       (SELECT count(*) FROM now WHERE was IS DISTINCT FROM becomes),
       (SELECT (coalesce(sum(many), 0), count(*))
          FROM (SELECT count(DISTINCT was) AS many {_BOTH} GROUP BY becomes) AS g WHERE many > 1),
       (SELECT (count(*), coalesce(sum(many), 0))
          FROM (SELECT count(DISTINCT becomes) AS many {_BOTH} GROUP BY was) AS g WHERE many > 1)
"""


async def difference(tx: Tx, keyring: Keyring, whole: Whole) -> Difference:
    """Compare a partition with what is stored. The largest changes are the samples."""
    ((profiles, then, moved, (merging, merged), (splitting, split)),) = await _rows(whole, _COUNTS)
    return Difference(
        whole.records,
        profiles,
        then,
        int(merging),
        merged,
        splitting,
        int(split),
        moved,
        len(whole.frozen),
        [await _merge(tx, keyring, whole, *each) for each in await _largest(whole, "becomes", "was")],
        [await _split(tx, keyring, whole, *each) for each in await _largest(whole, "was", "becomes")],
    )


async def _rows(whole: Whole, sql: str) -> list[tuple[Any, ...]]:
    return await asyncio.to_thread(whole.engine.rows, sql)


async def _largest(whole: Whole, one: str, others: str) -> list[tuple[int, int]]:
    """(profile, records) of those that are made of, or come apart into, the most."""
    return [
        (id, size)
        for id, size in await _rows(
            whole,
            f"SELECT {one}, count(*) {_BOTH} GROUP BY {one} HAVING count(DISTINCT {others}) > 1 "
            f"ORDER BY count(*) DESC, {one} LIMIT {SAMPLES}",
        )
    ]


async def _merge(tx: Tx, keyring: Keyring, whole: Whole, profile: int, size: int) -> Sample:
    links = await _rows(
        whole,
        f"""
        SELECT t.a, t.b, t.kind, t.namespace, t.score, NULL
          FROM ties t JOIN now a ON a.id = t.a JOIN now b ON b.id = t.b
         WHERE a.becomes = {profile} AND b.becomes = {profile} AND a.was <> b.was AND t.refused IS NULL
         ORDER BY t.a, t.b, t.kind LIMIT {SHOWN}""",
    )
    return await _sample(tx, keyring, whole, profile, size, "becomes", "was", links)


async def _split(tx: Tx, keyring: Keyring, whole: Whole, profile: int, size: int) -> Sample:
    now = dict(await _rows(whole, f"SELECT id, becomes FROM now WHERE was = {profile}"))
    held = [
        link
        for link in await _bulk.rows(tx, "links_of", ids=sorted(now))
        if link["b"] in now and now[link["a"]] != now[link["b"]]
    ]
    held.sort(key=lambda link: (link["a"], link["b"], link["kind"]))
    links = [
        (link["a"], link["b"], link["kind"], link["namespace"], link["score"], await _because(whole, link))
        for link in held[:SHOWN]
    ]
    return await _sample(tx, keyring, whole, profile, size, "was", "becomes", links)


async def _because(whole: Whole, link: Any) -> str:
    """Why a link that held two records would hold them no more."""
    hi, lo = tie_token(link["token"])
    pair = f"a = {link['a']} AND b = {link['b']}"
    known = await _rows(
        whole,
        f"SELECT refused FROM ties WHERE {pair} AND kind = '{link['kind']}' AND hi = {hi} AND lo = {lo} "
        "AND refused IS NOT NULL",
    )
    if known:
        return str(known[0][0])
    if link["kind"] == "decision":
        return "revoked"
    if link["kind"] == "match":
        return "below_threshold" if await _rows(whole, f"SELECT 1 FROM pairs WHERE {pair}") else "not_compared"
    generic = await _rows(whole, f"SELECT 1 FROM carried WHERE hi = {hi} AND lo = {lo} AND generic")
    return "generic" if generic else "blocked"


async def _sample(
    tx: Tx,
    keyring: Keyring,
    whole: Whole,
    profile: int,
    size: int,
    one: str,
    others: str,
    links: Sequence[tuple[Any, ...]],
) -> Sample:
    parts = await _rows(
        whole, f"SELECT DISTINCT {others} FROM now WHERE {one} = {profile} AND {others} IS NOT NULL ORDER BY 1"
    )
    linked = ", ".join(str(id) for id in sorted(_ends(links))) or "NULL"
    # Those of the links first, then one of each part.
    shown = await _rows(
        whole,
        f"""
        SELECT id, {others} FROM now WHERE {one} = {profile} AND {others} IS NOT NULL
         ORDER BY id IN ({linked}) DESC, row_number() OVER (PARTITION BY {others} ORDER BY id), id LIMIT {SHOWN}""",
    )
    known = await source_records.by_ids(tx, keyring, {id for id, _ in shown} | _ends(links))
    return Sample(
        profile,
        [part for (part,) in parts],
        size,
        [(known[id].name, part) for id, part in shown],
        [Reason(known[a].name, known[b].name, *rest) for a, b, *rest in links],
    )


def _ends(links: Iterable[tuple[Any, ...]]) -> set[int]:
    return {id for link in links for id in link[:2]}
