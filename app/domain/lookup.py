"""Look-ups: who is meant by an identifier, a source's record or a profile id, many at once in one statement.

Every id that a profile ever had is answered: it is the id of a source record,
and the record knows where it is now. So a merged id finds the survivor, and the
id of a removed record its heir, or the heir's heir, however many there were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.core.crypto.keyring import Keyring
from app.core.errors import NotFound, Refused
from app.core.sql import Queries, Tx, arrays
from app.domain import policies, sources
from app.domain.pipeline.region import may_link
from app.domain.profiles import Profile, profile_of
from app.domain.sources import Source
from app.domain.tokens import key_token, token
from app.identity.identifier import Identifier, identifier
from app.identity.policy import EDITED_RECORD, Policy

MAX_LOOKUPS = 1000
NOBODY = "There is no such profile."

_profiles = Queries("profiles")


@dataclass(frozen=True, slots=True)
class ByIdentifier:
    """Whoever carries this identifier. Spelled in any way that its namespace takes."""

    namespace: str
    value: str | int


@dataclass(frozen=True, slots=True)
class ByRecord:
    """Whoever a source's record belongs to. A record that its source deleted belongs to nobody."""

    source: str
    key: str


@dataclass(frozen=True, slots=True)
class ById:
    """The profile that an id leads to now."""

    id: int


By: TypeAlias = ByIdentifier | ByRecord | ById


async def lookup(tx: Tx, keyring: Keyring, wanted: Sequence[By], *, proof: bool = True) -> list[Profile | None]:
    """The profiles meant, in the order asked, None where nobody is known; at most MAX_LOOKUPS.

    Blocked, unreadable and generic identifiers find nobody. An identifier that several profiles hold (a link between
    them was refused) finds the one whose record that carries it is the oldest: by the data's own time, then by the
    source's name, then by the keyed hash of its key, so every server answers the same. Without `proof` profiles come
    without provenance and records.
    """
    if len(wanted) > MAX_LOOKUPS:
        raise Refused(f"At most {MAX_LOOKUPS} look-ups at once; this asks for {len(wanted)}.", code="too_many_lookups")
    if not wanted:
        return []
    known = await sources.all_sources(tx) if any(isinstance(each, ByRecord) for each in wanted) else {}
    by_identifier = any(isinstance(each, ByIdentifier) for each in wanted)
    policy = await policies.in_force(tx, keyring) if by_identifier else Policy()
    rows = await _profiles.rows(tx, "lookup", with_proof=proof, **_places(keyring, wanted, known, policy))
    if proof and rows:
        # After the profiles: a source is there before the first of its records.
        known = await sources.all_sources(tx)
    opened: dict[int, Profile] = {}
    found: list[Profile | None] = [None] * len(wanted)
    for row in rows:
        if row["id"] not in opened:
            opened[row["id"]] = profile_of(keyring, row, known)
        found[row["place"]] = opened[row["id"]]
    return found


async def get(tx: Tx, keyring: Keyring, id: int | None, *, proof: bool = True) -> Profile:
    """The profile that an id leads to. Raises NotFound, in the same words for an unknown id and for no id at all."""
    (found,) = await lookup(tx, keyring, [ById(id)], proof=proof) if id is not None else (None,)
    if found is None:
        raise NotFound(NOBODY)
    return found


def _places(
    keyring: Keyring, wanted: Sequence[By], known: Mapping[int, Source], policy: Policy
) -> dict[str, list[object]]:
    """The look-ups as arrays, each with its place in the order asked."""
    by_name = {source.name: source.id for source in known.values()}
    tokens: list[tuple[int, bytes, int]] = []
    keys: list[tuple[int, int, bytes]] = []
    ids: list[tuple[int, int]] = []
    for place, by in enumerate(wanted):
        match by:
            case ByIdentifier(namespace, value):
                read = identifier(namespace, value)
                if isinstance(read, Identifier) and read.namespace != EDITED_RECORD and may_link(read, policy):
                    tokens.append((place, token(keyring, read), policy.rule(read.namespace).max_records))
            case ByRecord(source, key):
                if source in by_name:
                    keys.append((place, by_name[source], key_token(keyring, by_name[source], key)))
            case ById(id):
                ids.append((place, id))
    return (
        arrays(tokens, "token_places tokens caps")
        | arrays(keys, "key_places source_ids key_tokens")
        | arrays(ids, "id_places ids")
    )
