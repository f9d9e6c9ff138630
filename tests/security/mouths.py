"""Every mouth of the product, each given words that must never lie on a disk."""

import base64
import csv
import gzip
import io
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2


@dataclass
class Canaries:
    """Words that begin alike, so that one search finds them all; each says by its end through which mouth it went."""

    marker: str
    sent: list[str] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def word(self, mouth: str) -> str:
        made = f"{self.marker}{mouth}{next(self._numbers)}"
        self.sent.append(made)
        return made

    def email(self, mouth: str) -> str:
        return f"{self.word(mouth)}@mail.example"


@dataclass
class Mouths:
    """A client of the running product; `statuses` remembers what each request was answered."""

    http: httpx2.Client
    write_key: str
    token: str
    canaries: Canaries
    phone: str
    address: str
    statuses: dict[str, int] = field(default_factory=dict)

    def ask(self, name: str, method: str, path: str, **given: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}", **given.pop("headers", {})}
        answer = self.http.request(method, path, headers=headers, **given)
        self.statuses[name] = answer.status_code
        return answer

    def call(self, name: str, path: str, body: Any, **given: Any) -> httpx2.Response:
        answer = self.http.post(path, json=body, auth=given.pop("auth", (self.write_key, "")), **given)
        self.statuses[name] = answer.status_code
        return answer

    # --- Events ------------------------------------------------------------------------------------------------------

    def event(self, call: str) -> dict[str, Any]:
        """A call of the Segment specification with a canary in every field that has room for one."""
        word = self.canaries.word
        return {
            "messageId": word("messageid"),
            "userId": word("userid"),
            "anonymousId": word("anonymousid"),
            "previousId": word("previousid"),
            "groupId": word("groupid"),
            "event": word("event"),
            "name": word("name"),
            "traits": {
                "email": self.canaries.email("trait"),
                "phone": self.phone,
                "firstName": word("first"),
                "address": {"street": word("street"), word("nestedkey"): word("nested")},
                "nickname": word("unknowntrait"),
                "tags": [word("tag")],
            },
            "properties": {"order": word("property"), word("propertykey"): [{"deep": word("deep")}]},
            "context": {
                "ip": self.address,
                "userAgent": word("useragent"),
                "page": {"url": f"https://shop.example/?q={word('url')}", "referrer": word("referrer")},
                "traits": {"lastName": word("contexttrait")},
                "externalIds": [{"type": "loyalty_card", "id": word("externalid"), "collection": "users"}],
                "campaign": {"name": word("campaign")},
            },
            "integrations": {word("integration"): True},
            "type": call,
        }

    def events(self) -> None:
        for call in ("identify", "track", "page", "screen", "group", "alias"):
            self.call(call, f"/v1/{call}", self.event(call))
        batch = {"batch": [self.event("track") for _ in range(20)], "context": {"ip": self.canaries.word("outer")}}
        self.call("batch", "/v1/batch", batch)
        packed = gzip.compress(json.dumps({"batch": [self.event("identify")]}).encode())
        self.http.post("/v1/batch", content=packed, auth=(self.write_key, ""), headers={"Content-Encoding": "gzip"})
        long = self.event("identify")
        long["traits"]["about"] = " ".join(self.canaries.word("long") for _ in range(400))
        self.call("long", "/v1/identify", long)

    def refused_events(self) -> None:
        nobody = {"event": self.canaries.word("nobody"), "properties": {"a": self.canaries.word("nobodyproperty")}}
        self.call("no user", "/v1/track", nobody)
        wrong = self.event("track") | {"userId": {"id": self.canaries.word("objectid")}}
        self.call("wrong type", "/v1/track", wrong)
        again = self.event("track")
        self.call("once", "/v1/track", again)
        self.call("reused id", "/v1/track", again | {"event": self.canaries.word("reused")})
        self.call("blocked", "/v1/identify", {"userId": "null", "traits": {"title": self.canaries.word("blocked")}})
        self.call("bad time", "/v1/track", self.event("track") | {"timestamp": self.canaries.word("time")})
        strict = {"X-Strict-Mode": "1"}
        self.call("strict", "/v1/batch", {"batch": [{"type": self.canaries.word("type")}]}, headers=strict)

    # --- Records -----------------------------------------------------------------------------------------------------

    def record(self) -> dict[str, Any]:
        word = self.canaries.word
        return {
            "key": word("key"),
            "message_id": word("recordmessageid"),
            "traits": {
                "email": self.canaries.email("record"),
                "phone": self.phone,
                "first_name": word("recordfirst"),
                "favourite": word("recordunknown"),
                "company": {"name": word("company")},
                "birthday": word("unreadable"),
            },
            "identifiers": [{"namespace": "loyalty_card", "value": word("identifier")}],
        }

    def records(self) -> None:
        path = "/v1/sources/crm/records"
        once = {"Idempotency-Key": self.canaries.word("idempotency")}
        body = [self.record() for _ in range(5)]
        self.ask("records", "POST", path, json=body, headers=once)
        self.ask("repeated", "POST", path, json=body, headers=once)
        self.ask("other body", "POST", path, json=[self.record()], headers=once)
        self.ask("waited", "POST", f"{path}?wait=resolved", json=[self.record()])
        lines = b"\n".join(json.dumps(self.record()).encode() for _ in range(3))
        self.ask("lines", "POST", path, content=lines, headers={"Content-Type": "application/x-ndjson"})
        word = self.canaries.word
        rejected = [
            {"traits": {"first_name": word("nokey")}},
            {"key": word("badtime"), "observed_at": word("observed")},
            {"key": word("badtraits"), "traits": word("traits")},
            {"key": word("badidentifiers"), "identifiers": [{"namespace": "email", "value": [word("listvalue")]}]},
            word("notanobject"),
            {"key": word("extra"), word("extrafield"): word("extravalue")},
        ]
        self.ask("rejected records", "POST", path, json=rejected)
        once = {"Idempotency-Key": word("rejectedonce")}
        address = f'{{"{word("dupname")}": {{"a": 1, "a": 2}}}}'
        twice = f'[{{"key": "{word("dupkey")}", "traits": {{"address": {address}}}}}]'
        for name in ("duplicate key", "duplicate key again"):
            self.ask(name, "POST", path, content=twice.encode(), headers=once)

    def imports(self) -> None:
        text = io.StringIO()
        sheet = csv.writer(text)
        sheet.writerow(["key", "email", "first_name", "remarks", "observed_at"])
        for _ in range(50):
            word = self.canaries.word
            sheet.writerow([word("csvkey"), self.canaries.email("csv"), word("csvname"), word("csvremark"), ""])
        sheet.writerow([self.canaries.word("csvbad"), "", "", "", self.canaries.word("csvtime")])
        path = "/v1/imports?source=sheet"
        self.ask("csv", "POST", path, content=text.getvalue().encode(), headers={"Content-Type": "text/csv"})
        form = {"file": (f"{self.canaries.word('filename')}.csv", text.getvalue().encode(), "text/csv")}
        self.ask("form", "POST", path, files=form)
        lines = [json.dumps(self.record()) for _ in range(20)] + [f'{{"key": "{self.canaries.word("torn")}"']
        kind = {"Content-Type": "application/x-ndjson"}
        self.ask("ndjson", "POST", path, content="\n".join(lines).encode(), headers=kind)
        no_file = self.canaries.word("notparquet").encode()
        self.ask("parquet", "POST", path, content=no_file, headers={"Content-Type": "application/vnd.apache.parquet"})

    # --- Reading and changing ----------------------------------------------------------------------------------------

    def reading(self, email: str, key: str) -> None:
        word = self.canaries.word
        lookups = [
            {"namespace": "email", "value": email},
            {"namespace": "email", "value": self.canaries.email("lookup")},
            {"source": "crm", "key": word("lookupkey")},
            {"id": word("lookupid")},
        ]
        found = self.ask("lookup", "POST", "/v1/profiles/lookup", json={"lookups": lookups}).json()["profiles"]
        assert found[0] is not None
        profile = f"/v1/profiles/{found[0]['id']}"
        edited = {"traits": {"first_name": word("patched"), "motto": word("patchedunknown")}}
        self.ask("patch", "PATCH", profile, json=edited, headers={"If-Match": f'"{found[0]["version"]}"'})
        self.ask("stale", "PATCH", profile, json={"traits": {"x": word("stale")}}, headers={"If-Match": '"1"'})
        self.ask("bad patch", "PATCH", profile, json={"traits": {"birthday": word("badpatch")}, "y": word("patchbody")})
        for tail in ("", "/versions", "/versions/1", "/explain", "/events", "?verbose=true"):
            self.ask(f"profile{tail}", "GET", profile + tail)
        self.ask("odd id", "GET", f"/v1/profiles/{word('oddid')}")
        self.ask("odd instant", "GET", f"{profile}?at={word('instant')}")
        self.ask("odd path", "GET", f"/{word('path')}?q={word('query')}")
        self.ask("odd method", word("method").upper(), "/v1/profiles/lookup")
        self.ask("message", "GET", f"/v1/messages/{word('message')}")
        self.ask("other source", "GET", f"/v1/sources/{word('nosource')}")
        self.ask("odd cursor", "GET", f"/v1/quarantine?cursor={word('cursor')}")
        query = "query ($by: ProfileBy!) { profile(by: $by) { id firstName } }"
        answer = self.ask("graphql", "POST", "/graphql", json={"query": query, "variables": {"by": {"email": email}}})
        assert answer.json()["data"]["profile"]["id"] == found[0]["id"]
        for name, text in {
            "literal": f'{{ profile(by: {{email: "{self.canaries.email("literal")}"}}) {{ id }} }}',
            "syntax": f'{{ profile(by: {{email: "{word("syntax")}',
            "unknown field": f"{{ {word('gqlfield')} }}",
            "comment": f"# {word('comment')}\n{{ __typename }}",
            "operation": f"query {word('operation')} {{ __typename }}",
        }.items():
            self.ask(f"graphql {name}", "POST", "/graphql", json={"query": text})
        self.ask(
            "graphql get",
            "GET",
            "/graphql",
            params={"query": f'{{ profile(by: {{userId: "{word("get")}"}}) {{ id }} }}'},
        )
        variables = {"by": {"email": [word("badvariable")], word("variablekey"): 1}}
        self.ask("graphql variables", "POST", "/graphql", json={"query": query, "variables": variables})

    def deciding(self, key: str) -> None:
        """What reviewers say, with records and reasons that are nobody else's business."""
        word = self.canaries.word
        other = self.record()
        self.ask("another", "POST", "/v1/sources/crm/records?wait=resolved", json=[other])
        one, two = {"source": "crm", "key": key}, {"source": "crm", "key": other["key"]}
        said = {"verdict": "same", "a": one, "b": two, "reason": word("decided")}
        decided = self.ask("decision", "POST", "/v1/decisions", json=said).json()
        self.ask("otherwise", "POST", "/v1/decisions", json={**said, "verdict": "different"})
        self.ask("no record", "POST", "/v1/decisions", json={**said, "b": {"source": "crm", "key": word("norecord")}})
        self.ask("decisions", "GET", f"/v1/decisions?source=crm&key={key}")
        profile = f"/v1/profiles/{decided['a']['profile_id']}"
        parted = {"records": [two], "reason": word("parted")}
        act = self.ask("split", "POST", f"{profile}/split", json=parted).json()
        self.ask("odd split", "POST", f"{profile}/split", json={"records": [{"source": word("s"), "key": word("k")}]})
        self.ask("revoked", "DELETE", f"/v1/decisions/{act['decisions'][0]['id']}?act=true")
        merged = {"with": act["profiles"][1]["id"], "reason": word("merged")}
        self.ask("merge", "POST", f"/v1/profiles/{act['profiles'][0]['id']}/merge", json=merged)
        for form in ("svg", "dot", "json"):
            self.ask(f"explain {form}", "GET", f"{profile}/explain?format={form}")
        self.ask("reviews", "GET", "/v1/reviews")
        self.ask("odd review", "POST", f"/v1/reviews/{word('oddreview')}/decide", json={"verdict": word("verdict")})

    def quarantine(self) -> None:
        items = self.ask("quarantine", "GET", "/v1/quarantine?limit=100").json()["items"]
        assert len(items) >= 4
        first, second = [item["id"] for item in items if item["kind"] == "event"][:2]
        self.ask("words", "GET", f"/v1/quarantine/{first}")
        self.ask("fix", "PUT", f"/v1/quarantine/{first}", json=self.event("track"))
        self.ask("replay", "POST", f"/v1/quarantine/{first}/replay")
        reason = {"reason": f"asked for by {self.canaries.word('reason')}"}
        self.ask("discard", "POST", f"/v1/quarantine/{second}/discard", json=reason)

    # --- What no client should send ----------------------------------------------------------------------------------

    def broken(self) -> None:
        word = self.canaries.word
        bodies: Mapping[str, bytes] = {
            "torn": f'{{"userId": "{word("torn")}'.encode(),
            "nan": f'{{"userId": "{word("nan")}", "traits": {{"a": NaN}}}}'.encode(),
            "surrogate": f'{{"userId": "{word("surrogate")}\\ud800"}}'.encode(),
            "nul": f'{{"userId": "{word("nul")}\\u0000"}}'.encode(),
            "latin": f'{{"userId": "{word("latin")}\xe4"}}'.encode("latin-1"),
            "deep": b'{"userId":"' + word("nesting").encode() + b'","traits":' + b'{"a":' * 100 + b"1" + b"}" * 101,
            "twice": f'{{"userId": "{word("twice")}", "userId": "{word("twice")}"}}'.encode(),
            "nested": f'{{"userId": "a", "properties": {{"{word("nestedname")}": [{{"b": 1, "b": 2}}]}}}}'.encode(),
            "text": word("text").encode(),
            "large": b'{"userId":"' + word("large").encode() + b'","a":"' + b"x" * 600_000 + b'"}',
        }
        for name, body in bodies.items():
            sent = self.http.post("/v1/identify", content=body, auth=(self.write_key, ""))
            self.statuses[f"event {name}"] = sent.status_code
            self.ask(f"record {name}", "POST", "/v1/sources/crm/records", content=b"[" + body + b"]")
            self.ask(f"lookup {name}", "POST", "/v1/profiles/lookup", content=body)
            self.ask(f"graphql {name}", "POST", "/graphql", content=body, headers={"Content-Type": "application/json"})
        for name, header in {
            "key": httpx2.BasicAuth(word("wrongkey"), word("password")),
            "workspace key": httpx2.BasicAuth(f"wk1_{word('wrongkey')}", ""),
        }.items():
            self.call(f"wrong {name}", "/v1/track", self.event("track"), auth=header)
        self.call("key in body", "/v1/track", {"writeKey": word("bodykey")}, auth=None)
        for name, text in {"token": word("token"), "jwt": self._jwt(), "basic": f"Basic {word('basic')}"}.items():
            said = text if name == "basic" else f"Bearer {text}"
            self.ask(f"wrong {name}", "GET", "/v1/quarantine", headers={"Authorization": said})
        odd = {
            name: word("header")
            for name in ("X-Request-Id", "User-Agent", "Referer", "Cookie", "X-Forwarded-For", "traceparent", "Accept")
        }
        self.ask("headers", "POST", "/v1/profiles/lookup", json={"lookups": []}, headers=odd)
        self.ask("media type", "POST", "/graphql", content=b"{}", headers={"Content-Type": word("mediatype")})
        self.ask(
            "encoding", "POST", "/v1/sources/crm/records", content=b"[]", headers={"Content-Encoding": word("enc")}
        )

    def _jwt(self) -> str:
        parts: Iterable[dict[str, str]] = (
            {"alg": "ES256", "kid": self.canaries.word("kid")},
            {"sub": self.canaries.word("sub")},
        )
        # base64url without padding, as RFC 7515 has it
        encoded = [_b64url(json.dumps(part).encode()) for part in parts]
        return ".".join([*encoded, "c2lnbmF0dXJl"])


def _b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
