"""What must be true of any workspace at any moment, whatever was sent and decided."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from tests.make import Tenant
from tests.properties.cast import one_day, one_name, written
from tests.properties.held import HeldProfile, HeldRecord, Snapshot


def assert_sound(now: Snapshot, tenant: Tenant, public: frozenset[str]) -> None:
    """What holds whatever was sent."""
    members = now.members
    assert members.keys() == now.live.keys()
    for id, profile in now.live.items():
        assert id in members[id], "a profile carries the id of a record of its own"
        records = [now.records[member] for member in members[id]]
        assert id == min(records, key=lambda r: (r.state.born, *r.name)).id
        assert {profile.component_id} == {record.component_id for record in records}
        assert profile.public.keys() == profile.content.traits.keys() & public
        _assert_one_person(profile, records, now, tenant)
    for record in now.records.values():
        assert (record.profile_id is None) is record.removed
        assert (record.component_id is None) is record.removed
        assert record.removed or record.heir_id is None
        assert record.removed is record.state.is_removed
    _assert_held_together(now)
    _assert_verdicts_kept(now)


def _assert_held_together(now: Snapshot) -> None:
    """The links that were not refused make the people, and nothing else does."""
    united = {id: {id} for id in now.records}
    for a, b, *_, refused in now.links:
        if refused is None:
            both = united[a] | united[b]
            for each in both:
                united[each] = both
    assert {frozenset(united[id]) for id, r in now.records.items() if not r.removed} == set(now.members.values())


def _assert_verdicts_kept(now: Snapshot) -> None:
    """Nobody is one with whom they were decided different from; a *same* that is not followed is told of."""
    told = {(a, b) for a, b, kind, *_, refused in now.links if kind == "decision" and refused is not None}
    waiting = {(a, b) for a, b, _, kind, refused in now.reviews if kind == "decision" and refused is not None}
    for (a, b), verdict in now.decided.items():
        one, other = now.records[a], now.records[b]
        if one.removed or other.removed:
            continue
        together = one.profile_id == other.profile_id
        if verdict == "different":
            assert not together
        else:
            assert together or (a, b) in told & waiting


def _assert_one_person(profile: HeldProfile, records: Sequence[HeldRecord], now: Snapshot, tenant: Tenant) -> None:
    """No limit is broken and no veto, but where a person's decision is what holds the profile together."""
    assert len(records) <= max(1, tenant.policy.max_cluster)
    inside = {record.id for record in records}
    holding = [link for link in now.links if link[-1] is None and {link[0], link[1]} <= inside]
    if len(records) == 1 or any(kind == "decision" for _, _, kind, *_ in holding):
        return
    held: dict[str, set[str]] = defaultdict(set)
    for identifier in profile.content.identifiers:
        held[identifier.namespace].add(identifier.value)
    for namespace, values in held.items():
        assert len(values) <= tenant.policy.rule(namespace).max_values, namespace
    rules = tenant.policy.vetoes
    single = {name for name, source in tenant.sources.items() if source.one_per_person}
    if rules.one_per_person:
        alone = [record.name[0] for record in records if record.name[0] in single]
        assert len(alone) == len(set(alone))
    weak = all(rule.priority <= rules.weak_priority for rule in tenant.policy.namespaces.values())
    if weak and all(kind == "identifier" for _, _, kind, *_ in holding):
        _assert_alike(records, tenant)


def _assert_alike(records: Sequence[HeldRecord], tenant: Tenant) -> None:
    """Where nothing but what a household shares holds records together, they are all alike."""
    rules = tenant.policy.vetoes
    for one, other in combinations(map(_said, records), 2):
        if rules.birthday and "birthday" in one and "birthday" in other:
            assert one_day(one["birthday"], other["birthday"])
        if rules.first_name and "first_name" in one and "first_name" in other:
            mine, theirs = ((written(each["first_name"]), written(each.get("last_name", ""))) for each in (one, other))
            assert one_name(mine, theirs)


def _said(record: HeldRecord) -> dict[str, str]:
    return {trait: value for trait, (_, value) in record.state.claims().items() if isinstance(value, str) and value}
