"""`/v1/profiles/{id}/explain`: why a profile is one person, as data, as a picture and as a graph."""

import re
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import httpx2
import pytest
from fastapi import FastAPI

from app.api.explain import wanted
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.domain.deliveries import Kind
from app.domain.workspaces import Workspace
from tests.api.test_profiles_http import problem
from tests.domain.office import MONDAY, Office
from tests.served import access_token, client

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    '<script>alert("1")</script>',
    '"];x--y["\\',
    "]]>&amp;",
    "a\u0001b\u202ec\ufffe",
    "line\none",
    "k" * 300,
    "😀日本",
]


@pytest.fixture
async def web(api: FastAPI, rt: Runtime, workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, workspace, "profiles:read")) as session:
        yield session


@pytest.fixture
async def ada(office: Office, ids: PublicIds) -> str:
    """Ada: held together by an address and a decision, kept apart from a twin and from a man with her telephone."""
    await office.person("1", email="ada@mail.example", phone="+442079460018", first_name="Ada", birthday="1990-02-01")
    await office.person("2", source="shop", day=1, email="ada@mail.example")
    await office.person("3", source="web", day=2)
    await office.decide("same", "crm/1", "web/3", reason="she said so")
    await office.person("4", day=3, email="ada@mail.example", birthday="1961-07-24")
    await office.person("5", day=4, phone="+442079460018", first_name="Igor")
    return ids.encode((await office.of("crm/1")).id)


async def explained(web: httpx2.AsyncClient, id: str, form: str = "json") -> httpx2.Response:
    answer = await web.get(f"/v1/profiles/{id}/explain", params={"format": form})
    assert answer.status_code == 200, answer.text
    return answer


def drawn(answer: httpx2.Response) -> ElementTree.Element:
    return ElementTree.fromstring(answer.content)  # noqa: S314 - our own picture


def ends(link: dict[str, Any]) -> tuple[str, str]:
    return f"{link['a']['source']}/{link['a']['key']}", f"{link['b']['source']}/{link['b']['key']}"


async def test_it_names_records_links_and_refusals_with_their_reasons(
    web: httpx2.AsyncClient, ada: str, office: Office, ids: PublicIds
) -> None:
    body = (await explained(web, ada)).json()
    assert [f"{r['source']}/{r['key']}" for r in body["records"]] == ["crm/1", "shop/2", "web/3"]
    assert [(*ends(link), link["kind"], link["namespace"], link["reason"]) for link in body["links"]] == [
        ("crm/1", "shop/2", "identifier", "email", "Both carry the same email."),
        ("crm/1", "web/3", "decision", None, "Somebody decided that they are the same person."),
    ]
    assert body["links"][0]["decision_id"] is None
    assert ids.decode(body["links"][1]["decision_id"]) is not None
    assert {(*ends(link), link["namespace"], link["because"]) for link in body["refused"]} == {
        ("crm/1", "crm/4", "email", "veto:birthday"),
        ("shop/2", "crm/4", "email", "veto:birthday"),
        ("crm/1", "crm/5", "phone", "veto:first_name"),
    }
    twin = ids.encode((await office.of("crm/4")).id)
    assert {link["b"]["profile_id"] for link in body["refused"] if link["b"]["key"] == "4"} == {twin}
    assert (body["profile_id"], body["all_refused"]) == (ada, True)
    assert "mail.example" not in str(body)
    assert "+44" not in str(body)


async def test_the_other_side_of_a_refusal_tells_the_same(
    web: httpx2.AsyncClient, ada: str, office: Office, ids: PublicIds
) -> None:
    igor = ids.encode((await office.of("crm/5")).id)
    body = (await explained(web, igor)).json()
    assert (len(body["records"]), body["links"]) == (1, [])
    assert [(*ends(link), link["because"]) for link in body["refused"]] == [("crm/1", "crm/5", "veto:first_name")]


async def test_a_match_is_explained_by_its_score_and_model(
    web: httpx2.AsyncClient, office: Office, ids: PublicIds
) -> None:
    await office.person("1")
    await office.person("2", day=1)
    made = (await office.decide("same", "crm/1", "crm/2")).decisions[0]
    async with office.rt.begin(office.workspace.id) as tx:
        await tx.conn.execute(
            "UPDATE links SET kind = 'match', score = 17.25, model = 3 WHERE a = $1", min(made.a.id, made.b.id)
        )
    id = ids.encode((await office.of("crm/1")).id)
    (link,) = (await explained(web, id)).json()["links"]
    assert (link["kind"], link["score"], link["model"], link["decision_id"]) == ("match", 17.25, 3, None)
    assert link["reason"] == "They are alike: 17.2 bits by model 3."
    assert "alike: 17.2 bits" in (await explained(web, id, "svg")).text


async def test_the_picture_shows_boxes_lines_and_reasons(web: httpx2.AsyncClient, ada: str) -> None:
    answer = await explained(web, ada, "svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    root = drawn(answer)
    words = [each.text for each in root.iter(f"{SVG}text")]
    for expected in ("crm", "1", "shop", "2", "web", "3", "email", "decided same", "Refused links", "phone"):
        assert expected in words, expected
    assert len(list(root.iter(f"{SVG}path"))) == 2
    dashed = [line for line in root.iter(f"{SVG}line") if line.get("class") == "r"]
    assert len(dashed) == 3
    assert any("dates of birth" in (text or "") for text in words)
    assert "mail.example" not in answer.text
    assert answer.content == (await explained(web, ada, "svg")).content


async def test_no_two_boxes_lie_upon_each_other(web: httpx2.AsyncClient, ada: str, office: Office) -> None:
    for n in range(6, 12):
        await office.person(f"{n}", source="web", day=n)
        await office.decide("same", "shop/2" if n % 2 else "crm/1", f"web/{n}")
    root = drawn(await explained(web, ada, "svg"))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    boxes = [
        [float(box.get(name, 0)) for name in ("x", "y", "width", "height")]
        for box in root.iter(f"{SVG}rect")
        if box.get("x")
    ]
    assert len(boxes) >= 9
    for n, (x, y, w, h) in enumerate(boxes):
        assert x >= 0
        assert x + w <= width
        assert y + h <= height
        assert not any(x < x2 + w2 and x2 < x + w and y < y2 + h2 and y2 < y + h for x2, y2, w2, h2 in boxes[:n])


async def test_the_graph_is_dot(web: httpx2.AsyncClient, ada: str) -> None:
    answer = await explained(web, ada, "dot")
    assert answer.headers["content-type"].startswith("text/vnd.graphviz")
    assert answer.text.startswith("graph profile {")
    edges = re.findall(r"^  (n\d+) -- (n\d+) \[label=\"(.*)\"(, style=dashed)?.*\];$", answer.text, re.M)
    assert sorted(dashed for *_, dashed in edges) == ["", "", *[", style=dashed"] * 3]
    assert {label.partition("\\n")[0] for _, _, label, _ in edges} == {"email", "phone", "decided same"}


async def test_hostile_keys_stay_words(web: httpx2.AsyncClient, office: Office, ids: PublicIds) -> None:
    born = MONDAY.isoformat()
    shared = [{"namespace": "card", "value": "1"}]
    records = [{"key": key, "identifiers": shared, "observed_at": born} for key in HOSTILE]
    await office.tell("crm", Kind.RECORD, *records)
    async with office.rt.begin(office.workspace.id) as tx:
        id = ids.encode(await tx.conn.fetchval("SELECT id FROM profiles WHERE live"))
    body = (await explained(web, id)).json()
    assert {record["key"] for record in body["records"]} == set(HOSTILE)
    root = drawn(await explained(web, id, "svg"))
    assert {each.tag for each in root.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "style", "rect", "title", "desc", "text", "g", "path", "line")
    }
    assert len([box for box in root.iter(f"{SVG}rect") if box.get("x")]) == len(HOSTILE)
    for line in (await explained(web, id, "dot")).text.splitlines()[4:-1]:
        outside_of_quotes = re.sub(r'"(?:[^"\\]|\\.)*"', "Q", line)
        assert re.fullmatch(r"  n\d+( -- n\d+)? \[label=Q\];", outside_of_quotes), line


async def test_a_large_profile_is_drawn_in_part_and_told_in_full(
    web: httpx2.AsyncClient, office: Office, ids: PublicIds
) -> None:
    """A chain, the deepest tree there is."""
    born = MONDAY.isoformat()
    chain = [[{"namespace": "anonymous_id", "value": f"b{(n + step) // 3}"} for step in (0, 1)] for n in range(200)]
    records = [{"key": f"{n:03}", "identifiers": held, "observed_at": born} for n, held in enumerate(chain)]
    await office.tell("crm", Kind.RECORD, *records)
    id = ids.encode((await office.of("crm/000")).id)
    assert len((await explained(web, id)).json()["links"]) == 199
    root = drawn(await explained(web, id, "svg"))
    assert len([box for box in root.iter(f"{SVG}rect") if box.get("x")]) == 150
    assert "the oldest 150 are drawn" in str(root.findtext(f"{SVG}desc"))


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("*/*", "json"),
        ("image/svg+xml", "svg"),
        ("image/*;q=0.8, text/vnd.graphviz", "dot"),
        ("application/json;q=0.1, image/svg+xml;q=0.9", "svg"),
        ("image/svg+xml;q=0", "json"),
        ("text/html,application/xhtml+xml,image/svg+xml;q=0.5,*/*;q=0.8", "svg"),
        (";;;q=..,,/", "json"),
        ("image/svg+xml;q=1.2.3", "json"),
    ],
)
def test_the_header_accept_is_heeded(accept: str | None, form: str) -> None:
    assert wanted(accept) == form


async def test_who_asks_for_a_picture_gets_one_and_others_are_told_nothing(
    web: httpx2.AsyncClient, ada: str, api: FastAPI, rt: Runtime, workspace: Workspace
) -> None:
    answer = await web.get(f"/v1/profiles/{ada}/explain", headers={"Accept": "image/svg+xml"})
    assert (answer.headers["content-type"], answer.headers["vary"]) == ("image/svg+xml", "Accept")
    assert (await web.get(f"/v1/profiles/{ada}/explain?format=pdf")).status_code == 422
    problem(await web.get("/v1/profiles/nobody/explain"), 404, "not_found")
    async with client(api, access_token(rt, workspace, "review:write")) as other:
        problem(await other.get(f"/v1/profiles/{ada}/explain"), 403, "insufficient_scope")
