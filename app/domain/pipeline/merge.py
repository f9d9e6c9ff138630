"""Step 4, merge: the golden content of every profile that this batch can have changed, by survivorship."""

from collections import defaultdict
from collections.abc import Mapping

from app.domain.claims import Json
from app.domain.golden import Content, Proof
from app.domain.pipeline.batch import Batch, Record
from app.domain.survivorship import MADE_OF_ALL, Claim, survivor


async def merge(batch: Batch) -> None:
    """Fill in `batch.contents`: profile id to its content now."""
    region = batch.region
    members: dict[int, list[Record]] = defaultdict(list)
    for record in region.records.values():
        if record.profile_id is not None:
            members[record.profile_id].append(record)
    rules = {name: trait.rule for name, trait in batch.catalog.traits.items()}
    for profile_id, records in members.items():
        moved = any(region.was_at[r.id] != (r.profile_id, r.component_id) or r.id in region.rederived for r in records)
        if moved or any(r.touched_by for r in records):
            batch.contents[profile_id] = _content(batch, profile_id, records, rules, moved=moved)


def _content(batch: Batch, profile_id: int, records: list[Record], rules: dict[str, str], *, moved: bool) -> Content:
    traits, proofs = _survivors(records, rules)
    held = batch.region.profiles.get(profile_id)
    if not moved and held is not None:
        return Content(traits, proofs, held.content.identifiers, held.content.records)
    identifiers = sorted({i for record in records for i in record.identifiers} - batch.region.generic)
    return Content(traits, proofs, identifiers, sorted((r.source.id, r.state.key) for r in records))


def _survivors(records: list[Record], rules: Mapping[str, str]) -> tuple[dict[str, Json], dict[str, Proof]]:
    """The golden values by name, and where each came from. A claim that stands alone survives without a contest."""
    if len(records) == 1 and (alone := _alone(records[0], rules)) is not None:
        return alone
    claims: dict[str, list[Claim]] = defaultdict(list)
    for record in records:
        source, key = record.source, record.state.key
        for name, (at, value) in record.state.claims().items():
            claims[name].append(Claim(value, at, source.priority, source.name, key, source.id))
    traits: dict[str, Json] = {}
    proofs: dict[str, Proof] = {}
    for name in sorted(claims):
        found = survivor(claims[name], rules.get(name, "latest"))
        claim = found.claim
        traits[name] = found.value
        proofs[name] = Proof(claim.source_id, claim.key, claim.at, found.rule)
    return traits, proofs


def _alone(record: Record, rules: Mapping[str, str]) -> tuple[dict[str, Json], dict[str, Proof]] | None:
    """The one record of a profile says everything; None where a rule makes something else of a single claim."""
    source_id, key = record.source.id, record.state.key
    traits: dict[str, Json] = {}
    proofs: dict[str, Proof] = {}
    for name, (at, value) in sorted(record.state.claims().items()):
        rule = rules.get(name, "latest")
        if rule in MADE_OF_ALL:
            return None
        traits[name] = value
        proofs[name] = Proof(source_id, key, at, rule)
    return traits, proofs
