"""A verdict on two records: written down once, and followed at once."""

from datetime import datetime

from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict, Fault, NotFound, Refused
from app.core.sql import Tx
from app.domain import decisions, source_records
from app.domain.decide.ruling import Ruling, ruling
from app.domain.decisions import Origin, Verdict, pair_of
from app.domain.pipeline.rederive import hold, rederive
from app.domain.profiles import RecordName
from app.domain.source_records import SourceRecord

BY_HAND = "A change by hand goes where its record goes; decide on the record that was changed."


class DecidedOtherwise(Conflict):
    """Somebody has decided otherwise on these two; revoke that decision first."""

    code = "decided_otherwise"

    def __init__(self, decision_id: int, verdict: Verdict) -> None:
        super().__init__()
        self.decision_id = decision_id
        self.verdict = verdict


async def decide(
    tx: Tx,
    keyring: Keyring,
    verdict: Verdict,
    a: RecordName,
    b: RecordName,
    *,
    by: str,
    now: datetime,
    reason: str | None = None,
    origin: Origin = "decision",
) -> Ruling:
    """Decide that two records are the same person, or different ones; the same verdict again changes nothing.

    Raises NotFound and Refused with a pointer to the record that is meant; DecidedOtherwise.
    """
    found = await source_records.by_names(tx, keyring, (a, b))
    _known(found.get(a), found.get(b))
    return await on_records(tx, keyring, verdict, found[a], found[b], by=by, now=now, reason=reason, origin=origin)


async def on_records(
    tx: Tx,
    keyring: Keyring,
    verdict: Verdict,
    one: SourceRecord,
    other: SourceRecord,
    *,
    by: str,
    now: datetime,
    reason: str | None,
    origin: Origin,
) -> Ruling:
    """The same, on records that are known."""
    pair = pair_of(one.id, other.id)
    await hold(tx, pair)
    for held in await decisions.standing(tx, [pair]):
        if held.verdict != verdict:
            raise DecidedOtherwise(held.id, held.verdict)
        return await ruling(tx, keyring, [held.id], None)
    act = await decisions.new_act(tx, origin, by=by, reason=reason, now=now)
    ids = await decisions.add(tx, keyring, act, verdict, [pair])
    batch = await rederive(tx, keyring, pair, now=now)
    return await ruling(tx, keyring, ids, batch, decided=1)


def _known(one: SourceRecord | None, other: SourceRecord | None) -> None:
    faults = [
        Fault(pointer, "unknown_record", "There is no such record; name its source and its key there.")
        for pointer, record in (("/a", one), ("/b", other))
        if record is None
    ]
    if faults:
        raise NotFound("There is no such record; see `errors` for which.", code="unknown_record", faults=faults)
    assert one is not None
    assert other is not None
    if one.id == other.id:
        same = Fault("/b", "same_record", "This is the same record as `a`.")
        raise Refused("A record is always one person with itself; name two records.", code="same_record", faults=[same])
    for pointer, record in (("/a", one), ("/b", other)):
        if not record.founds:
            raise Refused(BY_HAND, code="by_hand", faults=[Fault(pointer, "by_hand", BY_HAND)])
        if record.state.is_removed:
            gone = "Its source has deleted this record, so it is in no profile."
            raise Refused(
                "A deleted record is nobody; decide on records that are there.",
                code="record_removed",
                faults=[Fault(pointer, "record_removed", gone)],
            )
