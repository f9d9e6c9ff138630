"""The second walk: every component is divided again, and every profile made again of its records."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from app.core.crypto.keyring import Tampered, UnknownKey
from app.core.sql import Queries
from app.domain.claims import RecordState
from app.domain.golden import Content, Proof, from_columns
from app.domain.pipeline import locks, ties
from app.domain.pipeline.links import LinkRow, link_row
from app.domain.pipeline.nodes import node
from app.domain.pipeline.region import usable
from app.domain.pipeline.ties import Ties
from app.domain.replay.findings import Findings
from app.domain.replay.look import Look, Walked
from app.domain.replay.streams import Row, rows
from app.domain.sources import Source
from app.domain.survivorship import Claim, golden
from app.domain.tokens import token
from app.identity.cluster import Node
from app.identity.identifier import Identifier

TOGETHER = 500
"""Records whose components are derived at once; a larger component is derived whole."""

_replay = Queries("replay")


@dataclass(frozen=True, slots=True)
class Member:
    """A live record as it stands, with the identifiers that may link it."""

    id: int
    source: Source
    state: RecordState
    profile_id: int | None
    component_id: int | None
    identifiers: frozenset[Identifier]

    @property
    def node(self) -> Node:
        return node(self.id, self.source, self.state, self.identifiers)


async def walk(look: Look, found: Findings, walked: Walked) -> None:
    """Derive every component and every profile again, and see that no identifier links two components."""
    async for groups in _components(look):
        members = {group[0].component_id: group for group in groups}
        await _check(look, found, list(members.values()))
        walked(sum(map(len, groups)))
    async for row in rows(look.tx, "bridges"):
        if row["carried"] <= look.policy.rule(row["namespace"]).max_records:
            found.differs("component", "record", row["id"])


async def _components(look: Look) -> AsyncIterator[list[list[Member]]]:
    """The live records by component, a bounded number of components at once."""
    groups: list[list[Member]] = []
    many = 0
    async for row in rows(look.tx, "components"):
        member = _member(look, row)
        if member is None:
            continue
        if groups and groups[-1][0].component_id == member.component_id:
            groups[-1].append(member)
        else:
            if many >= TOGETHER:
                yield groups
                groups, many = [], 0
            groups.append([member])
        many += 1
    if groups:
        yield groups


def _member(look: Look, row: Row) -> Member | None:
    """A record, or None where it does not open: the first walk has said so."""
    try:
        state = RecordState.load(look.keyring.open(row["state"], "source_records", "state", row["id"]))
    except (Tampered, UnknownKey):
        return None
    source = look.sources[row["source_id"]]
    return Member(row["id"], source, state, row["profile_id"], row["component_id"], usable(state, look.policy))


async def _check(look: Look, found: Findings, groups: Sequence[list[Member]]) -> None:
    generic = await _generic(look, groups)
    ids = [member.id for group in groups for member in group]
    links: dict[int, set[LinkRow]] = defaultdict(set)
    for each in await _replay.rows(look.tx, "links", ids=ids):
        links[each["a"]].add(tuple(each))
    tied = await ties.of_records(look.tx, ids)
    clusters: list[list[Member]] = []
    for group in groups:
        clusters += _divide(look, found, group, generic, tied, links)
    profiles = {row["id"]: row for row in await _replay.rows(look.tx, "profiles", ids=[c[0].id for c in clusters])}
    for cluster in clusters:
        _profile(look, found, cluster, generic, profiles.get(cluster[0].id))


async def _generic(look: Look, groups: Sequence[list[Member]]) -> set[Identifier]:
    """The identifiers of these records that too many carry. The index is what counts them; the first walk proved it."""
    caps = {
        token(look.keyring, held): (held, look.policy.rule(held.namespace).max_records)
        for group in groups
        for member in group
        for held in member.identifiers
    }
    counted = await locks.counts(look.tx, {t: cap for t, (_, cap) in caps.items()})
    return {held for t, (held, cap) in caps.items() if counted[t] > cap}


def _divide(
    look: Look,
    found: Findings,
    group: list[Member],
    generic: set[Identifier],
    tied: Ties,
    links: Mapping[int, set[LinkRow]],
) -> list[list[Member]]:
    """The clusters of one stored component, oldest record first, as the policy has them."""
    by_id = {member.id: member for member in group}
    least = min(by_id)
    parts = ties.divide([member.node for member in group], generic, look.policy, tied, look.automatic)
    divided = [each for _, each in parts]
    if len(divided) > 1 or group[0].component_id != least:
        found.differs("component", "record", least)
    for each in divided:
        for cluster in each.clusters:
            for id in cluster:
                if by_id[id].profile_id != cluster[0]:
                    found.differs("membership", "record", id)
    held = {link for id in by_id for link in links.get(id, ())}
    models = {(pair.a, pair.b): pair.model for pair in tied.pairs}
    if held != {link_row(tie, partial(token, look.keyring), models) for each in divided for tie in each.ties}:
        found.differs("links", "record", least)
    return [[by_id[id] for id in cluster] for each in divided for cluster in each.clusters]


def _profile(look: Look, found: Findings, cluster: list[Member], generic: set[Identifier], row: Row | None) -> None:
    """Compare a profile with what its records make of it."""
    id = cluster[0].id
    if row is None or not row["live"]:
        found.differs("no_profile", "record", id)
        return
    try:
        held = from_columns(look.keyring, id, row["public"], row["sealed"], row["proof"])
    except (Tampered, UnknownKey):
        found.differs("unreadable", "profile", id)
        return
    if row["component_id"] != cluster[0].component_id:
        found.differs("component", "profile", id)
    meant = _content(look, cluster, generic)
    if not held.says_the_same(meant) or dict(held.proofs) != dict(meant.proofs):
        found.differs("golden", "profile", id)
    if row["public"].keys() != {name for name in held.traits if look.catalog.is_public(name)}:
        found.differs("classes", "profile", id)


def _content(look: Look, cluster: list[Member], generic: set[Identifier]) -> Content:
    """The golden profile of these records, from their claims and the rules."""
    claims: dict[str, list[Claim]] = defaultdict(list)
    for member in cluster:
        source = member.source
        for name, (at, value) in member.state.claims().items():
            claims[name].append(Claim(value, at, source.priority, source.name, member.state.key, source.id))
    survived = golden(claims, {name: trait.rule for name, trait in look.catalog.traits.items()})
    return Content(
        {name: survived[name].value for name in sorted(survived)},
        {name: Proof(g.claim.source_id, g.claim.key, g.claim.at, g.rule) for name, g in survived.items()},
        sorted({held for member in cluster for held in member.identifiers} - generic),
        sorted((member.source.id, member.state.key) for member in cluster),
    )
