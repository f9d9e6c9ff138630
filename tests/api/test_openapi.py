"""The OpenAPI document says everything that a program needs to know of every operation."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from app.api.main import ROUTERS, build
from app.api.strict import StrictRoute
from app.core.settings import Settings
from app.core.tokens import scopes

DOCUMENT = build(Settings()).openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
WITHOUT_A_TOKEN = {"GET /livez", "GET /readyz", "GET /metrics"}
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]

every_operation = pytest.mark.parametrize("name", OPERATIONS)


@every_operation
def test_it_says_what_it_does_under_a_name_of_its_own(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation.get("description"), "a docstring"
    assert [each["operationId"] for each in OPERATIONS.values()].count(operation["operationId"]) == 1


@every_operation
def test_it_names_the_scope_that_it_needs(name: str) -> None:
    operation = OPERATIONS[name]
    if name in WITHOUT_A_TOKEN:
        assert "security" not in operation
    else:
        assert operation["x-scope"] in scopes.ALL
        assert operation["security"]
        assert all(
            scheme in DOCUMENT["components"]["securitySchemes"] for each in operation["security"] for scheme in each
        )


@every_operation
def test_whatever_goes_wrong_is_a_problem_document(name: str) -> None:
    answers = OPERATIONS[name]["responses"]
    assert any(status.startswith("2") for status in answers)
    for status, answer in answers.items():
        if status == "default" or (status[0] in "45" and not name.endswith("/graphql")):
            assert answer["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


@every_operation
def test_a_body_has_an_example(name: str) -> None:
    for kind, content in OPERATIONS[name].get("requestBody", {}).get("content", {}).items():
        if kind.endswith("json"):
            assert has_example(content), kind


def has_example(content: dict[str, Any]) -> bool:
    """An example of the whole, or one of every member that is needed."""
    if "example" in content or "examples" in content:
        return True
    schema = resolved(content.get("schema", content))
    if "example" in schema or "examples" in schema:
        return True
    members = [schema["properties"][each] for each in schema.get("required", schema.get("properties", ()))]
    return bool(members) and all(has_example({"schema": each}) for each in members)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def test_the_calls_of_the_tracking_api_are_opened_by_a_write_key() -> None:
    calls = ("identify", "track", "page", "screen", "group", "alias", "batch", "import")
    assert [OPERATIONS[f"POST /v1/{call}"]["security"] for call in calls] == [[{"WriteKey": []}]] * 8


def test_every_reference_leads_somewhere() -> None:
    assert all(part in DOCUMENT["components"]["schemas"] for part in references(DOCUMENT))


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(ref := node.get("$ref"), str):
            yield ref.removeprefix("#/components/schemas/")
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def test_every_route_is_in_the_document() -> None:
    served = {f"{method} {route.path_format}" for route in ROUTES for method in route.methods}
    assert served == set(OPERATIONS)


def test_every_body_that_fastapi_parses_is_parsed_strictly() -> None:
    loose = [route.path for route in ROUTES if route.body_field is not None and not isinstance(route, StrictRoute)]
    assert loose == []
