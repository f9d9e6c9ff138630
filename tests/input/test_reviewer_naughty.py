"""Every naughty string in every text that a reviewer can send: kept to the letter or refused, and never a 500.

The strings are the Big List of Naughty Strings.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from fastapi import FastAPI

from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.domain.deliveries import Kind
from app.domain.workspaces import Workspace
from tests.api.test_explain_http import drawn
from tests.domain.office import MONDAY, Office
from tests.served import access_token, client

LIST = Path(__file__).parents[2].parent / "shared" / "data" / "corpora" / "blns" / "blns.json"
if not LIST.exists():
    pytest.skip(f"no naughty strings at {LIST}", allow_module_level=True)
NAUGHTY: list[str] = json.loads(LIST.read_text("utf-8"))
REFUSED = (404, 422)


@pytest.fixture
async def web(api: FastAPI, rt: Runtime, workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, workspace, "review:write", "profiles:read")) as session:
        yield session


async def test_they_name_no_record_no_profile_and_no_decision(
    web: httpx2.AsyncClient, office: Office, ids: PublicIds
) -> None:
    await office.person("1")
    ada, one = ids.encode((await office.of("crm/1")).id), {"source": "crm", "key": "1"}
    for s in NAUGHTY:
        for key in ("source", "key"):
            named = {**one, key: s} if s != one[key] else {**one, key: "none"}
            answer = await web.post("/v1/decisions", json={"verdict": "same", "a": one, "b": named})
            assert answer.status_code in REFUSED, (s, answer.text)
        answers = [
            await web.post(f"/v1/profiles/{ada}/merge", json={"with": s}),
            await web.post(f"/v1/profiles/{ada}/split", json={"records": [{"source": s, "key": s}]}),
            await web.post("/v1/decisions", json={"verdict": s, "a": one, "b": one}),
            await web.get(f"/v1/decisions?cursor={quote(s, safe='')}x"),
            await web.get(f"/v1/reviews?cursor={quote(s, safe='')}x"),
            await web.get(f"/v1/profiles/{ada}/explain?format={quote(s, safe='')}x"),
        ]
        assert [answer.status_code for answer in answers if answer.status_code not in REFUSED] == [], s
        listed = await web.get(f"/v1/decisions?source={quote(s, safe='')}&key={quote(s, safe='')}")
        assert (listed.status_code, listed.json().get("items")) == (200, []), s
        pictured = await web.get(f"/v1/profiles/{ada}/explain", headers={"Accept": quote(s)})
        assert pictured.status_code == 200


async def test_reasons_are_kept_to_the_letter(web: httpx2.AsyncClient, office: Office) -> None:
    for key in "12":
        await office.person(key)
    sides = {"a": {"source": "crm", "key": "1"}, "b": {"source": "crm", "key": "2"}}
    for s in NAUGHTY:
        made = await web.post("/v1/decisions", json={"verdict": "same", **sides, "reason": s})
        assert made.status_code == (201 if 1 <= len(s) <= 1000 else 422), (s, made.text)
        if made.is_success:
            shown = (await web.delete(f"/v1/decisions/{made.json()['id']}")).json()
            assert shown["reason"] == s


async def test_keys_are_drawn_whatever_they_are(web: httpx2.AsyncClient, office: Office, ids: PublicIds) -> None:
    born = MONDAY.isoformat()
    for start in range(0, len(NAUGHTY), 10):
        shared = [{"namespace": "card", "value": f"c{start}"}]
        keys = sorted({s for s in NAUGHTY[start : start + 10] if s.strip()})
        await office.tell("crm", Kind.RECORD, *({"key": s, "identifiers": shared, "observed_at": born} for s in keys))
    async with office.rt.begin(office.workspace.id) as tx:
        found = [row["id"] for row in await tx.conn.fetch("SELECT id FROM profiles WHERE live")]
    assert len(found) > 40
    for id in found:
        for form in ("svg", "dot", "json"):
            answer = await web.get(f"/v1/profiles/{ids.encode(id)}/explain?format={form}")
            assert answer.status_code == 200
            if form == "svg":
                tags = {each.tag.rpartition("}")[2] for each in drawn(answer).iter()}
                assert tags <= {"svg", "style", "rect", "title", "desc", "text", "g", "path", "line"}
