"""A record as resolution sees it: its rank, its identifiers, and the facts that vetoes read."""

from collections.abc import Collection

from app.domain.claims import Json, RecordState
from app.domain.sources import Source
from app.identity.cluster import Node
from app.identity.identifier import Identifier
from app.identity.vetoes import Facts, facts_of

TOLD = ("first_name", "last_name", "name", "birthday")
"""The traits that `facts_of` reads."""


def node(id: int, source: Source, state: RecordState, identifiers: Collection[Identifier]) -> Node:
    return Node(id, (state.born, source.name, state.key), identifiers, source.founds, facts(source, state))


def facts(source: Source, state: RecordState) -> Facts:
    """What vetoes read of one record."""
    account = (source.name, state.key) if source.one_per_person else None
    return facts_of(told(state), account)


def told(state: RecordState) -> dict[str, Json]:
    """What the record says today of the traits that vetoes read."""
    traits, removed = state.traits, state.removed
    return {
        name: claim[1]
        for name in TOLD
        if (claim := traits.get(name)) is not None and claim[1] is not None and claim[0] > removed
    }
