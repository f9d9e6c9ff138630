"""`/metrics` needs no token, so it says nothing of any tenant: not who there is, nor how much anybody sends."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from tests.make import record, tenant
from tests.served import client

WAITING, AGE = "samewise_backlog_messages", "samewise_backlog_seconds"
LONG = timedelta(days=50 * 365)
"""Longer than anything that another test may have left waiting."""


@pytest.fixture
async def web(api: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api) as session:
        yield session


async def figures(web: httpx2.AsyncClient) -> str:
    answer = await web.get("/metrics")
    assert answer.status_code == 200
    return answer.text


def figure(text: str, name: str) -> float:
    (value,) = re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)
    return float(value)


async def test_no_figure_has_a_label_that_names_a_workspace(web: httpx2.AsyncClient, rt: Runtime) -> None:
    one = await tenant(rt)
    await one.append([record("1")])
    assert "workspace" not in "".join(re.findall(r"\{[^}]*\}", await figures(web)))


async def test_what_waits_is_counted_over_all_tenants(web: httpx2.AsyncClient, rt: Runtime) -> None:
    before = await figures(web)
    one, other = await tenant(rt), await tenant(rt)
    await one.append([record("1"), record("2")])
    await other.append([record("1")])
    after = await figures(web)
    assert figure(after, WAITING) == figure(before, WAITING) + 3
    for each in (one, other):
        await each.processor().drain(each.id)
    assert figure(await figures(web), WAITING) == figure(before, WAITING)


async def test_the_age_is_that_of_whatever_waits_longest(web: httpx2.AsyncClient, rt: Runtime) -> None:
    one, other = await tenant(rt), await tenant(rt)
    await one.append([record("1", received_at=rt.now() - LONG)])
    await other.append([record("1", received_at=rt.now())])
    assert figure(await figures(web), AGE) >= LONG.total_seconds()
    for each in (one, other):
        await each.processor().drain(each.id)
    assert figure(await figures(web), AGE) < LONG.total_seconds()
