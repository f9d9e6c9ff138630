"""Generated requests, in and out of the OpenAPI document: no answer is a failure of ours, each is as documented."""

from dataclasses import dataclass

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from app.core.tokens import scopes
from tests.api.test_openapi import DOCUMENT, OPERATIONS
from tests.live import Client

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
FEW, MANY = 4, 200
CASES = [
    pytest.param(name, mode, id=f"{name} {mode.value}")
    for name, operation in OPERATIONS.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or "parameters" in operation or "requestBody" in operation
]
BY_WRITE_KEY = [name for name in OPERATIONS if {"WriteKey": []} in OPERATIONS[name].get("security", [])]


@dataclass(frozen=True, slots=True)
class Caller:
    """Where the product is, and what opens it."""

    base_url: str
    token: str
    key: str


@pytest.fixture
async def caller(client: Client) -> Caller:
    token = client.live.token(*scopes.ALL, workspace=client.workspace.name)
    return Caller(client.live.api.base_url, token, await client.key())


def hold(name: str, caller: Caller, mode: GenerationMode, examples: int) -> None:
    """Send generated requests of one operation and check every answer."""
    method, path = name.split(" ")
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method]
    basic = {"auth": (caller.key, "")} if name in BY_WRITE_KEY else {}
    bearer = {} if basic else {"Authorization": f"Bearer {caller.token}"}

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        response = case.call(base_url=caller.base_url, headers=bearer, **basic)
        case.validate_response(response, checks=CHECKS)

    check()


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_a_few_requests_are_answered_as_documented(name: str, caller: Caller, mode: GenerationMode) -> None:
    hold(name, caller, mode, FEW)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mode"), CASES)
def test_many_requests_are_answered_as_documented(name: str, caller: Caller, mode: GenerationMode) -> None:
    hold(name, caller, mode, MANY)
