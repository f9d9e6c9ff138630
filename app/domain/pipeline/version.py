"""Step 5, version: write the profiles that changed, each with a version that says what changed, and why."""

from collections import defaultdict
from dataclasses import dataclass, replace

from app.core.sql import Queries, arrays
from app.domain.golden import EMPTY, Content, GoldenProfile, to_columns
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.region import profile_of
from app.domain.versions import WHOLE_EVERY, body

_pipeline = Queries("pipeline")


@dataclass(frozen=True, slots=True)
class Step:
    """One profile's way from what it was to what it is. `other_id` is the profile it merged with or split from."""

    profile: GoldenProfile
    before: Content | None
    reason: str | None
    other_id: int | None
    joined: list[int]
    parted: list[int]


async def version(batch: Batch) -> None:
    """Compare every profile with its new content; a profile without records goes to rest under its id."""
    members = _Members(batch)
    await _load_dormant(batch, members)
    steps = [step for id in sorted(members.touched) if (step := _step(batch, members, id)) is not None]
    if batch.check is not None:
        batch.check(batch)
    for step in steps:
        batch.region.profiles[step.profile.id] = step.profile
    batch.versions = {id: profile.version for id, profile in batch.region.profiles.items()}
    if steps:
        await _write_profiles(batch, [step.profile for step in steps])
        await _write_versions(batch, [step for step in steps if step.reason is not None])


class _Members:
    """Who was in each profile before this batch, and who is now."""

    def __init__(self, batch: Batch) -> None:
        self.before: dict[int, set[int]] = defaultdict(set)
        self.after: dict[int, set[int]] = defaultdict(set)
        self.was_in = batch.region.was_in
        self.is_in: dict[int, int | None] = {}
        for record in batch.region.records.values():
            was = self.was_in.get(record.id)
            self.is_in[record.id] = record.profile_id
            if was is not None:
                self.before[was].add(record.id)
            if record.profile_id is not None:
                self.after[record.profile_id].add(record.id)
        self.touched = set(batch.contents) | {id for id in self.before if id not in self.after}


async def _load_dormant(batch: Batch, members: _Members) -> None:
    """A profile that comes back after a split goes on from the version at which it went to rest."""
    before = {record.id for record in batch.region.records.values() if not record.is_new}
    unknown = [id for id in batch.contents if id not in batch.region.profiles and id in before]
    if unknown:
        for row in await _pipeline.rows(batch.tx, "lock_dormant", ids=sorted(unknown)):
            batch.region.profiles[row["id"]] = profile_of(batch.keyring, row)


def _step(batch: Batch, members: _Members, id: int) -> Step | None:
    held = batch.region.profiles.get(id)
    before = held.content if held is not None and held.live else None
    joined, parted = members.after[id] - members.before[id], members.before[id] - members.after[id]
    if id not in batch.contents:
        return _rest(batch, members, id, held, sorted(parted))
    content = batch.contents[id]
    from_others = sorted({was for r in joined if (was := members.was_in.get(r)) is not None})
    to_others = sorted({now for r in parted if (now := members.is_in[r]) is not None})
    component_id = batch.region.records[id].component_id
    assert component_id is not None, id
    if before is not None and held is not None and before.says_the_same(content) and not joined and not parted:
        if before == content and held.component_id == component_id and not batch.refreshing:
            return None
        heard = {name for name, proof in content.proofs.items() if before.proofs.get(name) != proof}
        again = replace(content, renewed=before.renewed | heard)
        same = GoldenProfile(id, component_id, held.version, True, held.created_at, held.updated_at, again)
        return Step(same, before, None, None, [], [])
    emptied = [other for other in from_others if not members.after[other]]
    reason, other_id = _why(before, from_others, emptied, to_others, parted)
    if batch.refreshing and reason == "updated":
        reason = "rules_changed"
    number = 1 + (held.version if held is not None else 0)
    created = held.created_at if held is not None else batch.now
    grown = GoldenProfile(id, component_id, number, True, created, batch.now, content)
    return Step(grown, before, reason, other_id, sorted(joined), sorted(parted))


def _why(
    before: Content | None, from_others: list[int], emptied: list[int], to_others: list[int], parted: set[int]
) -> tuple[str, int | None]:
    """The reason of a version and the other profile in it. Whole profiles come by merge, parts of one by split."""
    if emptied:
        return "merged", emptied[0]
    if from_others:
        return "split", from_others[0]
    if to_others:
        return "split", to_others[0]
    if before is None:
        return "created", None
    return ("record_removed" if parted else "updated"), None


def _rest(batch: Batch, members: _Members, id: int, held: GoldenProfile | None, parted: list[int]) -> Step:
    """No record founds this profile any more: its id leads to whoever holds its oldest record, or nowhere."""
    assert held is not None, id
    went_to = members.is_in.get(id) or next((now for r in parted if (now := members.is_in[r]) is not None), None)
    reason = "merged_into" if went_to is not None else "removed"
    resting = GoldenProfile(id, held.component_id, held.version + 1, False, held.created_at, batch.now, EMPTY)
    return Step(resting, None, reason, went_to, [], parted)


async def _write_profiles(batch: Batch, profiles: list[GoldenProfile]) -> None:
    public = frozenset(name for name, trait in batch.catalog.traits.items() if trait.class_ == "public")
    rows = []
    for p in profiles:
        held = to_columns(batch.keyring, p.id, p.content, public)
        rows.append(
            (p.id, p.component_id, p.version, p.live, p.created_at, p.updated_at, held.public, held.sealed, held.proof)
        )
    await _pipeline.run(
        batch.tx,
        "write_profiles",
        **arrays(rows, "ids component_ids versions lives created_ats updated_ats publics sealeds proofs"),
    )


async def _write_versions(batch: Batch, steps: list[Step]) -> None:
    if not steps:
        return
    causes: dict[int, list[int]] = defaultdict(list)
    for record in batch.region.records.values():
        for profile_id in {record.profile_id, batch.region.was_at[record.id][0]}:
            if profile_id is not None:
                causes[profile_id] += record.touched_by
    rows = []
    for step in steps:
        p = step.profile
        starts_whole = p.version % WHOLE_EVERY == 1 or not p.live
        whole, raw = body(None if starts_whole else step.before, p.content)
        sealed = batch.keyring.seal(raw, "profile_versions", "body", f"{p.id}/{p.version}")
        ids = (_literal(sorted(causes[p.id])), step.other_id, _literal(step.joined), _literal(step.parted))
        rows.append((p.id, p.version, step.reason, *ids, whole, sealed))
    await _pipeline.run(
        batch.tx,
        "add_versions",
        now=batch.now,
        **arrays(rows, "profile_ids versions reasons log_ids other_ids joineds parteds wholes bodies"),
    )


def _literal(ids: list[int]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"
