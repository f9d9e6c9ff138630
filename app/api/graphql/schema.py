"""The schema of one workspace: a `Profile` with a typed, documented field for every trait of its catalog."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from types import new_class
from typing import Any, Optional

import strawberry
from graphql import GraphQLSchema, is_abstract_type
from strawberry.schema.config import StrawberryConfig

from app.api.graphql import types
from app.api.graphql.cost import Sizes
from app.api.graphql.names import field_name
from app.api.graphql.reading import Found, Reading
from app.api.graphql.values import SCALARS, DateTime, graphql_type, reader
from app.core.errors import Fault, Refused
from app.domain.catalog import Catalog
from app.domain.deliveries import read_time

_PROFILE = "A golden profile: what all sources together say of one person. Every trait of the catalog is a field."
Info = strawberry.Info[Reading, Any]
Reader = Callable[[Found], Any]


@dataclass(frozen=True, slots=True)
class Built:
    """A schema ready to run, the catalog's version that it was made of, and its size."""

    version: int
    schema: GraphQLSchema
    sizes: Sizes


def build(catalog: Catalog) -> Built:
    """Make the schema of a catalog: some 0.2 ms a trait."""
    profile, readers = _profile(catalog)
    query = _query(profile)

    def read(source: Any, name: str) -> Any:
        found = readers.get(name) if isinstance(source, Found) else None
        return getattr(source, name) if found is None else found(source)

    made = strawberry.Schema(
        query=query, config=StrawberryConfig(default_resolver=read, scalar_map=dict(SCALARS), relay_max_results=0)
    )
    schema: GraphQLSchema = made._schema  # noqa: SLF001 - graphql-core's own schema, which strawberry wraps
    # graphql-core checks a oneOf input itself; strawberry marks its own definition only.
    schema.type_map["ProfileBy"].is_one_of = True  # type: ignore[attr-defined]
    assert not any(is_abstract_type(each) for each in schema.type_map.values()), "overlap.py counts on object types"
    return Built(catalog.version, schema, _sizes(schema))


def _sizes(schema: GraphQLSchema) -> Sizes:
    fields = [getattr(each, "fields", {}) for each in schema.type_map.values()]
    arguments = sum(len(getattr(field, "args", ())) for each in fields for field in each.values())
    return Sizes(sum(map(len, fields)), max(map(len, fields)), len(fields), arguments)


def _profile(catalog: Catalog) -> tuple[Any, Mapping[str, Reader]]:
    """The Profile type, and how each of its plain fields is read."""
    cls = new_class("Profile")
    plain: dict[str, tuple[Any, str, Reader]] = {
        "version": (int, "Rises by one with every change.", lambda found: found.profile.version),
        "created_at": (DateTime, "When the profile came to be.", lambda found: _iso(found.profile.created_at)),
        "updated_at": (DateTime, "When this version was made.", lambda found: _iso(found.profile.updated_at)),
        "identifiers": (
            list[types.Identifier],
            "What points at this person.",
            lambda found: types.identifiers(found.profile.identifiers),
        ),
        "records": (
            list[types.SourceRecord],
            "The source records that the profile is made of.",
            lambda found: types.records(found.profile.records),
        ),
        "segments": (list[types.Segment], "The segments that the person is in.", lambda _: []),
        "consents": (list[types.Consent], "What the person allowed.", lambda _: []),
    }
    annotations: dict[str, Any] = {}
    readers: dict[str, Reader] = {}
    for name, (kind, description, read) in plain.items():
        annotations[name] = kind
        readers[name] = read
        setattr(cls, name, strawberry.field(description=description, graphql_type=kind))
    for number, trait in enumerate(sorted(catalog.traits.values(), key=lambda t: t.name)):
        kind = Optional[graphql_type(trait.type)]  # noqa: UP045 - a value, not an annotation
        name = f"trait_{number}"
        annotations[name] = kind
        readers[name] = _trait_reader(trait.name, trait.type)
        described = trait.description or f"The trait {trait.name}."
        setattr(cls, name, strawberry.field(name=field_name(trait.name), description=described, graphql_type=kind))
    cls.__annotations__ = annotations
    _resolved(cls)
    return strawberry.type(cls, description=_PROFILE), readers


def _trait_reader(name: str, trait_type: str) -> Reader:
    fit = reader(trait_type)
    return lambda found: fit(found.profile.traits.get(name))


def _resolved(cls: Any) -> None:
    """The fields of a profile that have arguments or read more."""

    def id(root: Any, info: Info) -> strawberry.ID:
        return strawberry.ID(info.context.who.ids.encode(root.profile.id))

    def traits(root: Any, names: list[str] | None = None) -> list[types.Trait]:
        held = root.profile.traits
        wanted = held if names is None else [name for name in dict.fromkeys(names) if name in held]
        return [_trait(root, name) for name in wanted]

    async def history(root: Any, info: Info, first: int = 20, after: str | None = None) -> types.VersionPage:
        return await info.context.history(root, first, after)

    async def events(root: Any, info: Info, first: int = 20, after: str | None = None) -> types.EventPage:
        return await info.context.events(root, first, after)

    async def explain(root: Any, info: Info) -> types.Explanation:
        return await info.context.explain(root)

    async def at_version(root: Any, info: Info, version: int) -> Any:
        return await info.context.at_version(root, version)

    async def at(root: Any, info: Info, instant: DateTime) -> Any:
        read = read_time(instant, None)
        if isinstance(read, Fault):
            raise Refused("`instant` is a time in ISO 8601 with its offset.", code=read.code)
        return await info.context.at(root, read.astimezone(UTC))

    again = Optional[cls]  # noqa: UP045 - a value, not an annotation
    for resolver, kind, description in (
        (id, None, "Opaque; an id that was merged away leads to the survivor."),
        (traits, None, "The traits as the catalog names them, with where each value came from."),
        (history, None, "What changed, when and why."),
        (events, None, "What the person did."),
        (explain, None, "Why these records are one person now, whatever version this is."),
        (at_version, again, "The profile as it was at one of its versions."),
        (at, again, "What the id that was asked for answered at an instant."),
    ):
        made = strawberry.field(resolver=resolver, description=description, graphql_type=kind)
        setattr(cls, resolver.__name__, made)


def _trait(found: Found, name: str) -> types.Trait:
    proof = found.profile.provenance.get(name)
    return types.Trait(
        name=name,
        value=found.profile.traits[name],
        source=proof.source if proof else None,
        key=proof.key if proof else None,
        observed_at=_iso(proof.observed_at) if proof else None,
        rule=proof.rule if proof else None,
    )


def _query(profile: Any) -> Any:
    async def one(root: Any, info: Info, by: types.ProfileBy) -> Any:
        (found,) = await info.context.many([info.context.by(by)])
        return found

    async def many(root: Any, info: Info, by: list[types.ProfileBy]) -> Any:
        return await info.context.many([info.context.by(each) for each in by])

    cls = new_class("Query")
    cls.__annotations__ = {}
    maybe = Optional[profile]  # noqa: UP045 - a value, not an annotation
    for name, resolver, kind, description in (
        ("profile", one, maybe, "The person meant; null where nobody is known."),
        ("profiles", many, list[maybe], "Up to 1,000 people, in the order asked; null where nobody is known."),
    ):
        setattr(cls, name, strawberry.field(resolver=resolver, name=name, description=description, graphql_type=kind))
    return strawberry.type(cls)


def _iso(moment: Any) -> DateTime:
    return DateTime(moment.astimezone(UTC).isoformat().replace("+00:00", "Z"))
