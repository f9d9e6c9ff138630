"""What the oracle says must be in a workspace, compared with what is there."""

from collections import defaultdict
from collections.abc import Mapping

from app.domain.deliveries import instant
from app.domain.tokens import token
from app.identity.identifier import Identifier
from tests.make import Tenant
from tests.properties.division import steps
from tests.properties.held import HeldLink, HeldProfile, Snapshot
from tests.properties.oracle import Link, Meaning, Name


def assert_means(now: Snapshot, tenant: Tenant, meant: Meaning) -> None:
    """The workspace holds exactly what these messages mean."""
    ids = {record.name: record.id for record in now.records.values()}
    assert set(ids) == set(meant.records)
    for held in now.records.values():
        record = meant.records[held.name]
        assert held.removed is not record.live
        assert {(i.namespace, i.value) for i in held.state.identifiers()} >= record.identifiers
        if held.state.alive > held.state.removed:
            assert instant(held.state.born) == record.born
            assert {t: (instant(at), v) for t, (at, v) in held.state.claims().items()} == record.traits
    assert now.partition == meant.partition
    assert now.carried == {
        (token(tenant.keyring, Identifier(*identifier)), ids[record.name])
        for record in meant.records.values()
        if record.live
        for identifier in record.identifiers
    }
    assert now.links == {_as_held(link, ids, tenant) for link in meant.links}
    _assert_waiting(now, meant)
    components: dict[int | None, set[Name]] = defaultdict(set)
    for held in now.records.values():
        if not held.removed:
            components[held.component_id].add(held.name)
    assert frozenset(frozenset(group) for group in components.values()) == meant.components
    for id, profile in now.live.items():
        _assert_golden(id, profile, now, tenant, meant)


def _as_held(link: Link, ids: Mapping[Name, int], tenant: Tenant) -> HeldLink:
    a, b = sorted((ids[link.a], ids[link.b]))
    held = b"" if link.identifier is None else token(tenant.keyring, Identifier(*link.identifier))
    return a, b, link.kind, held, link.score, link.refused


def _assert_waiting(now: Snapshot, meant: Meaning) -> None:
    """Of any two people between whom something waits there is a review that is worth as much."""
    person = {name: founder for founder, profile in meant.profiles.items() for name in profile.members}
    names = {id: held.name for id, held in now.records.items()}
    best: dict[frozenset[Name], float] = defaultdict(lambda: float("-inf"))
    for a, b, worth, *_ in now.reviews:
        people = frozenset({person[names[a]], person[names[b]]})
        best[people] = max(worth, best[people])
    for each in meant.reviews:
        assert steps(best[frozenset(person[name] for name in each.pair)]) >= steps(each.worth)


def _assert_golden(id: int, profile: HeldProfile, now: Snapshot, tenant: Tenant, meant: Meaning) -> None:
    person = meant.profiles[now.records[id].name]
    content = profile.content
    names = {source.id: name for name, source in tenant.sources.items()}
    assert {(i.namespace, i.value) for i in content.identifiers} == person.identifiers
    assert {(names[source], key) for source, key in content.records} == person.members
    assert set(content.traits) == set(content.proofs)
    told = {
        trait: (value, names[(p := content.proofs[trait]).source_id], p.key, instant(p.at), p.rule)
        for trait, value in content.traits.items()
    }
    assert told == person.traits
