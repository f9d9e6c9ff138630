"""The trait catalog: which facts profiles may have, of which type, class and survivorship rule.

It starts with Segment's reserved traits in snake case. A trait that is not in
it is registered when it first arrives, as `personal`, with the type it has; its
type then widens with what it shows (a join, so the order of arrival does not
matter) until somebody defines it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.core.errors import Refused
from app.core.sql import Queries, Tx, arrays
from app.domain import refreshes
from app.domain.normalize import TYPES
from app.domain.survivorship import RULES
from app.domain.trait_names import trait_name

Class = Literal["public", "personal", "sensitive"]
MAX_TRAITS = 2000
"""Traits a workspace may have: a key made of data (an order number as a field name) must not fill the catalog."""

CLASSES = frozenset(("public", "personal", "sensitive"))

_catalog = Queries("catalog")
_workspaces = Queries("workspaces")


@dataclass(frozen=True, slots=True)
class Trait:
    """One named, typed fact. `personal` and `sensitive` ones are sealed at rest."""

    name: str
    type: str
    class_: Class = "personal"
    rule: str = "latest"
    origin: Literal["built_in", "arrived", "defined"] = "defined"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every trait of a workspace at one version of its catalog."""

    version: int
    traits: Mapping[str, Trait] = field(default_factory=dict)

    def is_public(self, name: str) -> bool:
        held = self.traits.get(name)
        return held is not None and held.class_ == "public"


# Segment's reserved traits (Spec: Identify), their types and how they are kept.
BUILT_IN = tuple(
    Trait(name, type, class_, rule, "built_in", description)  # type: ignore[arg-type]
    for name, type, class_, rule, description in (
        ("email", "email", "personal", "latest", "E-mail address; an identifier as well."),
        ("phone", "phone", "personal", "latest", "Telephone number in E.164; an identifier as well."),
        ("first_name", "name", "personal", "latest", "Given name, as its source spells it."),
        ("last_name", "name", "personal", "latest", "Family name, as its source spells it."),
        ("name", "name", "personal", "latest", "Full name, as its source spells it."),
        ("birthday", "date", "personal", "latest", "Date of birth."),
        ("gender", "gender", "personal", "latest", "Gender as stated."),
        ("age", "integer", "personal", "latest", "Age in years, as stated."),
        ("address", "object", "personal", "latest", "Postal address: street, city, postal_code, state, country."),
        ("city", "string", "personal", "latest", "Town or city."),
        ("state", "string", "personal", "latest", "State or region."),
        ("postal_code", "string", "personal", "latest", "Postal code."),
        ("country", "country", "public", "latest", "Country, ISO 3166-1 alpha-2."),
        ("company", "json", "personal", "latest", "Company: a name, or an object with name, id, industry."),
        ("title", "string", "personal", "latest", "Job title."),
        ("username", "string", "personal", "latest", "Name used to sign in."),
        ("website", "url", "personal", "latest", "Home page."),
        ("avatar", "url", "personal", "latest", "Picture of the person."),
        ("description", "text", "personal", "latest", "What the person says of themselves."),
        ("locale", "locale", "public", "latest", "Preferred language and region, BCP 47."),
        ("timezone", "timezone", "public", "latest", "Time zone, IANA."),
        ("created_at", "datetime", "public", "earliest", "When the person first signed up anywhere."),
        ("plan", "string", "public", "latest", "Subscription plan."),
    )
)


async def version(tx: Tx) -> int:
    """The catalog's version: it rises with every change of any trait."""
    held: int | None = await _workspaces.value(tx, "catalog_version")
    return held or 0


async def load(tx: Tx) -> Catalog:
    """The catalog as it stands, with its version."""
    held = await version(tx)
    rows = await _catalog.rows(tx, "all")
    traits = {
        row["name"]: Trait(row["name"], row["type"], row["class"], row["rule"], row["origin"], row["description"])
        for row in rows
    }
    return Catalog(held, traits)


async def install_built_in(tx: Tx, *, now: datetime) -> None:
    await _install(tx, BUILT_IN, now=now)


async def register(tx: Tx, held: Catalog, fresh: Mapping[str, str], *, now: datetime) -> Catalog:
    """Register traits that arrived for the first time (name to type) and widen those that showed another type."""
    new = [Trait(name, type, origin="arrived") for name, type in sorted(fresh.items()) if name not in held.traits]
    if len(held.traits) + len(new) > MAX_TRAITS:
        raise Refused(
            f"A workspace has at most {MAX_TRAITS} traits; put open-ended keys inside an object.",
            code="too_many_traits",
        )
    wider = sorted((name, type) for name, type in fresh.items() if name in held.traits)
    await _workspaces.value(tx, "bump_catalog")
    if new:
        await _install(tx, new, now=now)
    if wider:
        await _catalog.run(tx, "widen", **arrays(wider, "names types"))
    return await load(tx)


async def define(tx: Tx, trait: Trait, *, now: datetime) -> Trait:
    """Create a trait, or change one's type, class, rule or description."""
    if trait_name(trait.name) != trait.name:
        raise Refused(f"A trait name is in snake case; this one would be {trait_name(trait.name)!r}.")
    for what, value, known in (
        ("type", trait.type, TYPES),
        ("class", trait.class_, CLASSES),
        ("rule", trait.rule, RULES),
    ):
        if value not in known:
            raise Refused(f"A trait's {what} is one of: {', '.join(sorted(known))}.", code=f"unknown_{what}")
    before = (await load(tx)).traits.get(trait.name)
    if before is not None and (before.rule, before.class_) != (trait.rule, trait.class_):
        await refreshes.request(tx, f"trait {trait.name}", now=now)
    await _workspaces.value(tx, "bump_catalog")
    await _catalog.run(
        tx,
        "define",
        name=trait.name,
        type=trait.type,
        **{"class": trait.class_},
        rule=trait.rule,
        description=trait.description,
        now=now,
    )
    return (await load(tx)).traits[trait.name]


async def _install(tx: Tx, traits: Iterable[Trait], *, now: datetime) -> None:
    rows = [(t.name, t.type, t.class_, t.rule, t.origin, t.description) for t in traits]
    await _catalog.run(tx, "install", now=now, **arrays(rows, "names types classes rules origins descriptions"))
