"""Step 2, normalize: one spelling per value and identifier, unknown traits registered, the record's key found.

A value that cannot be normalised is kept raw beside the others and never
becomes golden; a message that identifies nobody is set aside.
"""

from collections.abc import Iterable, Mapping

from app.domain import catalog
from app.domain.catalog import Catalog
from app.domain.claims import Json, Said, is_empty
from app.domain.deliveries import Delivery
from app.domain.normalize import Normal, infer, join, normalize
from app.domain.pipeline.batch import Batch, Word
from app.domain.trait_names import trait_name
from app.identity.identifier import Blocked, Identifier, identifier
from app.identity.normalize import Unreadable
from app.identity.policy import EDITED_RECORD, Policy

MAX_TRAITS_A_RECORD = 500
IDENTIFIER_TRAITS = ("email", "phone")


async def normalize_words(batch: Batch) -> None:
    """Turn deliveries into words; register what the catalog does not know yet."""
    kept: list[tuple[Delivery, dict[str, Json]]] = []
    for delivery in batch.deliveries:
        named = canonical(delivery.traits)
        if len(named) > MAX_TRAITS_A_RECORD:
            batch.set_aside(
                delivery.log_id, "too_many_fields", "/traits", f"A record has at most {MAX_TRAITS_A_RECORD} traits."
            )
            continue
        kept.append((delivery, named))
    fresh = _fresh(batch.catalog, (named for _, named in kept))
    if fresh:
        batch.catalog = await catalog.register(batch.tx, batch.catalog, fresh, now=batch.now)
    for delivery, named in kept:
        said = word(delivery, named, batch.catalog, batch.policy)
        if said is None:
            batch.set_aside(
                delivery.log_id,
                "identifies_nobody",
                "",
                "No identifier of this message is usable: blocked or unreadable.",
            )
        else:
            batch.words.append(said)


def canonical(traits: Mapping[str, Json]) -> dict[str, Json]:
    """Canonical trait names. Of two spellings of one trait the canonical one wins, then the first by name."""
    named: dict[str, Json] = {}
    by_spelling: dict[str, str] = {}
    for raw, value in traits.items():
        name = trait_name(raw)
        if name is None or (value is not None and is_empty(value)):
            continue
        held = by_spelling.get(name)
        if held is None or raw == name or (held != name and raw < held):
            named[name], by_spelling[name] = value, raw
    return named


def _fresh(held: Catalog, all_named: Iterable[Mapping[str, Json]]) -> dict[str, str]:
    """Traits to register, and registered ones that showed a wider type: name to type."""
    fresh: dict[str, str] = {}
    settled = {name for name, trait in held.traits.items() if trait.origin != "arrived"}
    for named in all_named:
        for name in named.keys() - settled:
            value = named[name]
            trait = held.traits.get(name)
            if value is None or (trait is not None and trait.origin != "arrived"):
                continue
            known = fresh.get(name) or (trait.type if trait is not None else None)
            shown = infer(value)
            wider = shown if known is None else join(known, shown)
            if wider != known:
                fresh[name] = wider
    return fresh


def word(delivery: Delivery, named: Mapping[str, Json], held: Catalog, policy: Policy) -> Word | None:
    """What a delivery says, normalised, under the key of its record; None where it identifies nobody."""
    declared = delivery.source.declared
    traits: dict[str, Json] = {}
    unread: dict[str, tuple[Json, str]] = {}
    for name, raw in named.items():
        if raw is None:
            traits[name] = None
            continue
        trait = held.traits[name]
        if trait.origin == "arrived":
            traits[name] = raw
            continue
        read = normalize(trait.type, raw, declared)
        if isinstance(read, Normal):
            traits[name] = read.value
        else:
            unread[name] = (raw, read.code)
    usable: list[Identifier] = []
    for namespace, value in delivery.identifiers:
        match identifier(namespace, value, declared.region):
            case Identifier(namespace=name) as found if name != EDITED_RECORD:
                usable.append(found)
            case Identifier():
                unread["identifier:reserved"] = (value, "reserved_namespace")
            case Unreadable() as because:
                unread[f"identifier:{namespace[:64]}"] = (value, because.code)
            case Blocked():
                pass
    key = delivery.key or _strongest(usable, traits, policy)
    if key is None:
        return None
    said = Said(
        delivery.at,
        traits,
        unread,
        usable if delivery.lists_all else None,
        delivery.ties if delivery.lists_all else [*usable, *delivery.ties],
        delivery.deleted,
        delivery.by_hand,
    )
    return Word(delivery.log_id, delivery.source, key, said, delivery.event)


def _strongest(usable: Iterable[Identifier], traits: Mapping[str, Json], policy: Policy) -> str | None:
    """The key of an event's record: its strongest identifier; an address among its traits only for want of one."""
    found = list(usable)
    if not found:
        read = [identifier(name, traits[name]) for name in IDENTIFIER_TRAITS if isinstance(traits.get(name), str)]
        found = [each for each in read if isinstance(each, Identifier)]
    if not found:
        return None
    best = min(found, key=lambda i: (-policy.rule(i.namespace).priority, i.namespace, i.value))
    return f"{best.namespace}:{best.value}"
