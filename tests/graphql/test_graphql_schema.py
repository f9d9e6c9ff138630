"""The schema comes from the trait catalog: new traits are fields at once, and no stored value breaks an answer."""

from typing import Any

import pytest
from graphql import GraphQLNonNull, assert_name, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from app.api.graphql.names import FIXED, field_name
from app.api.graphql.schema import build
from app.api.graphql.values import reader
from app.domain.catalog import BUILT_IN, Catalog, Trait
from app.domain.normalize import TYPES
from app.domain.trait_names import trait_name
from tests.domain.story import Story
from tests.graphql.conftest import Asker


async def test_a_trait_that_arrives_is_a_typed_field_at_once(asker: Asker, story: Story) -> None:
    await story.record("42", {"email": "ada@example.com"})
    query = '{ profile(by: {email: "ada@example.com"}) { visits vip lastSeen tags score } }'
    assert "visits" in await asker.refused(query)
    arrived = {"visits": 3, "vip": True, "last_seen": "2026-11-20T10:00:00Z", "tags": ["a"], "score": 0.5}
    await story.record("42", arrived)
    assert (await asker.ask(query))["profile"] == {
        "visits": 3, "vip": True, "lastSeen": "2026-11-20T10:00:00Z", "tags": ["a"], "score": 0.5,
    }  # fmt: skip
    found = await asker.ask('{ __type(name: "Profile") { fields { name description type { name kind } } } }')
    types = {field["name"]: field["type"] for field in found["__type"]["fields"]}
    assert (types["visits"]["name"], types["vip"]["name"], types["lastSeen"]["name"], types["score"]["name"]) == (
        "Long", "Boolean", "DateTime", "Float",
    )  # fmt: skip
    assert types["tags"]["kind"] == "LIST"


async def test_a_trait_that_is_defined_is_a_documented_field_at_once(asker: Asker, story: Story) -> None:
    await story.record("42", {"email": "ada@example.com"})
    spent = {"name": "spent", "type": "money", "class": "public", "description": "What she spent in all."}
    assert (await asker.session.post("/v1/traits", json=spent)).status_code == 201
    await story.record("42", {"spent": {"amount": 1234, "currency": "EUR"}, "height": 1})
    found = await asker.ask(
        '{ profile(by: {email: "ada@example.com"}) { spent { amount currency } }'
        ' __type(name: "Profile") { fields { name description } } }'
    )
    assert found["profile"]["spent"] == {"amount": 1234, "currency": "EUR"}
    described = {field["name"]: field["description"] for field in found["__type"]["fields"]}
    assert described["spent"] == "What she spent in all."


async def test_values_of_before_a_change_of_type_fit_the_new_type_or_are_null(asker: Asker, story: Story) -> None:
    await story.record("42", {"email": "ada@example.com", "visits": 3, "odd": {"a": 1}, "card": 77})
    for name, kind in (("visits", "money"), ("odd", "integer"), ("card", "string")):
        assert (await asker.session.put(f"/v1/traits/{name}", json={"type": kind})).status_code == 200
    found = await asker.ask(
        '{ profile(by: {email: "ada@example.com"}) { visits { amount } odd card traits(names: ["odd"]) { value } } }'
    )
    assert found["profile"] == {"visits": None, "odd": None, "card": "77", "traits": [{"value": {"a": 1}}]}


async def test_traits_named_as_profile_fields_are_and_in_any_script_have_fields(asker: Asker, story: Story) -> None:
    await story.record(
        "42", {"email": "ada@example.com", "version": "v1", "größe": 180, "возраст": 36, "a_1": 1, "a1": 2}
    )
    names = {name: field_name(name) for name in ("version", "größe", "возраст", "a_1", "a1")}
    assert (names["version"], names["a_1"], names["a1"]) == ("trait_version", "a_1", "a1")
    selection = " ".join(names.values())
    found = await asker.ask(
        '{ profile(by: {email: "ada@example.com"}) { version FIELDS } }'.replace("FIELDS", selection)
    )
    assert [found["profile"][field] for field in names.values()] == ["v1", 180, 36, 1, 2]
    assert found["profile"]["version"] == 1


@given(st.lists(st.text(min_size=1, max_size=30), max_size=60))
def test_different_traits_have_different_names_that_graphql_takes(raw: list[str]) -> None:
    traits = {name for each in raw if (name := trait_name(each)) is not None}
    fields = {name: field_name(name) for name in traits}
    assert len(set(fields.values())) == len(traits)
    for field in fields.values():
        assert_name(field)
        assert field not in FIXED
        assert not field.startswith("__")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(TYPES)), JSON_VALUES)
def test_any_stored_value_fits_its_type_or_is_null(trait_type: str, value: Any) -> None:
    schema = (
        build(Catalog(1, {"it": Trait("it", trait_type)})).schema if trait_type not in _KINDS else _KINDS[trait_type]
    )
    _KINDS[trait_type] = schema
    kind = schema.type_map["Profile"].fields["it"].type  # type: ignore[attr-defined]
    found = reader(trait_type)(value)
    if found is None:
        return
    while hasattr(kind, "of_type"):
        assert not isinstance(kind, GraphQLNonNull)
        kind, found = kind.of_type, (found[0] if isinstance(found, list) and found else None)
    if found is not None and hasattr(kind, "serialize"):
        kind.serialize(found)


_KINDS: dict[str, Any] = {}


def test_the_schema_of_the_built_in_catalog_takes_a_query_of_all_its_traits() -> None:
    built = build(Catalog(1, {trait.name: trait for trait in BUILT_IN}))
    fields = " ".join(field_name(trait.name) for trait in BUILT_IN)
    document = parse('{ profile(by: {id: "x"}) { FIELDS trait_createdAt } }'.replace("FIELDS", fields))
    assert validate(built.schema, document) == []
    assert built.schema.type_map["ProfileBy"].is_one_of  # type: ignore[attr-defined]


@pytest.mark.parametrize("bad", ["{ profil(by: {}) { id } }", '{ profile(by: {emal: "x"}) { firstNam } }'])
async def test_no_answer_suggests_fields(asker: Asker, bad: str) -> None:
    assert "Did you mean" not in await asker.refused(bad)
