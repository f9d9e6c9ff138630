"""Merging and splitting profiles by hand: decisions on their records, made in one act."""

from collections.abc import Collection, Sequence
from datetime import datetime

from app.core.crypto.keyring import Keyring
from app.core.errors import Fault, NotFound, Refused, Stale
from app.core.sql import Queries, Tx
from app.domain import decisions, lookup, source_records
from app.domain.contention import Busy
from app.domain.decide.pairs import BY_HAND, DecidedOtherwise, on_records
from app.domain.decide.ruling import Ruling, ruling
from app.domain.decisions import Pair, pair_of
from app.domain.edits import Redirected
from app.domain.pipeline.rederive import hold, rederive
from app.domain.profiles import Profile, RecordName
from app.domain.source_records import SourceRecord

MAX_PAIRS = 10_000
"""Decisions that one split may take: each record that goes against each that stays."""

_profiles = Queries("profiles")


async def merge(
    tx: Tx,
    keyring: Keyring,
    id: int | None,
    other_id: int | None,
    *,
    by: str,
    now: datetime,
    reason: str | None = None,
    versions: frozenset[int] | None = None,
) -> Ruling:
    """Decide that two profiles are one: *same* between their oldest records. Two ids of one profile are held together
    by a decision between the records that they name.

    Raises NotFound; Refused; DecidedOtherwise; Stale and Redirected where `versions` are given and are not current.
    """
    held = await lookup.get(tx, keyring, id)
    try:
        other = await lookup.get(tx, keyring, other_id)
    except NotFound as unknown:
        raise NotFound(str(unknown), faults=[Fault("/with", "not_found", str(unknown))]) from unknown
    if held.id == other.id:
        named = await source_records.by_ids(tx, keyring, [each for each in (id, other_id) if each is not None])
        one, two = named.get(id or 0), named.get(other_id or 0)
        if one is None or two is None or one.id == two.id or not _may_be_decided(one, two):
            raise Refused("These are one profile already.", code="one_profile")
    else:
        one, two = await _oldest(tx, keyring, held), await _oldest(tx, keyring, other)
    await hold(tx, (one.id, two.id))
    # A verdict on the two oldest alone would tear off those whom somebody holds for different people.
    for against in await decisions.between(tx, "different", one, two, many=1):
        raise DecidedOtherwise(against, "different")
    await _check(tx, keyring, id, held, versions)
    return await on_records(tx, keyring, "same", one, two, by=by, now=now, reason=reason, origin="merge")


async def split(
    tx: Tx,
    keyring: Keyring,
    id: int | None,
    records: Sequence[RecordName],
    *,
    by: str,
    now: datetime,
    reason: str | None = None,
    versions: frozenset[int] | None = None,
) -> Ruling:
    """Decide that the named records of a profile are another person than those that stay: *different* between each of
    them and each of those. Decisions *same* that say otherwise of just these pairs are revoked in the same act.

    Raises NotFound; Refused; Busy when the profile changed meanwhile; Stale and Redirected as `merge` does.
    """
    held = await lookup.get(tx, keyring, id)
    members = await source_records.members(tx, keyring, held.id)
    going, staying = _sides(members, records)
    concerned = {record.id for record in (*going, *staying)}
    await hold(tx, concerned)
    await _check(tx, keyring, id, held, versions)
    if concerned != {record.id for record in await source_records.members(tx, keyring, held.id) if record.founds}:
        raise Busy
    pairs = {pair_of(one.id, other.id) for one in going for other in staying}
    act = await decisions.new_act(tx, "split", by=by, reason=reason, now=now)
    revoked = await _supersede(tx, pairs, by=by, now=now)
    standing = {each.pair for each in await decisions.standing(tx, pairs)}
    ids = await decisions.add(tx, keyring, act, "different", pairs - standing)
    assert ids, "no two that were decided different are in one profile"
    batch = await rederive(tx, keyring, concerned, now=now)
    return await ruling(tx, keyring, ids, batch, decided=len(ids), revoked=revoked)


def _sides(
    members: Sequence[SourceRecord], named: Sequence[RecordName]
) -> tuple[list[SourceRecord], list[SourceRecord]]:
    """The records that go, and those that stay. Raises Refused with a pointer for each record that cannot go."""
    held = {record.name: record for record in members}
    faults = []
    for place, name in enumerate(named):
        record = held.get(name)
        if record is None:
            faults.append(Fault(f"/records/{place}", "not_a_member", "This profile holds no such record."))
        elif not record.founds:
            faults.append(Fault(f"/records/{place}", "by_hand", BY_HAND))
    if faults:
        raise Refused("Name records of this profile; see `errors` for each.", code="not_a_member", faults=faults)
    wanted = set(named)
    going = [record for record in members if record.name in wanted]
    staying = [record for record in members if record.founds and record.name not in wanted]
    if not staying:
        raise Refused("Leave at least one record in the profile; name only those that go.", code="nothing_stays")
    if len(going) * len(staying) > MAX_PAIRS:
        raise Refused(
            f"This split takes {len(going) * len(staying)} decisions, {len(going)} records against {len(staying)}; "
            f"at most {MAX_PAIRS} can be made at once. Name fewer records, those that are surely another person.",
            code="too_many_pairs",
        )
    return going, staying


async def _supersede(tx: Tx, pairs: Collection[Pair], *, by: str, now: datetime) -> int:
    """Take back what stands against a split: whoever parts two records no longer holds that they are one person."""
    against = [each.id for each in await decisions.standing(tx, pairs) if each.verdict == "same"]
    return await decisions.revoke(tx, against, by=by, now=now) if against else 0


async def _oldest(tx: Tx, keyring: Keyring, profile: Profile) -> SourceRecord:
    """The canonical record of a profile among those that are somebody."""
    founding = [record for record in await source_records.members(tx, keyring, profile.id) if record.founds]
    if not founding:
        raise Busy
    return founding[0]


def _may_be_decided(*records: SourceRecord) -> bool:
    return all(record.founds and not record.state.is_removed for record in records)


async def _check(tx: Tx, keyring: Keyring, id: int | None, held: Profile, versions: frozenset[int] | None) -> None:
    """Keep the profile from changing, and raise unless it is at a version that the caller has seen."""
    if versions is None:
        return
    if held.id != id:
        raise Redirected(held.id)
    await _profiles.rows(tx, "lock", id=held.id)
    version = (await lookup.get(tx, keyring, held.id, proof=False)).version
    if version not in versions:
        raise Stale(f"The profile is at version {version} now; read it again and repeat the change.")
