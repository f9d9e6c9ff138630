"""Records on their way into the log: what is taken, what is a repeat, what is set aside."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.crypto.keyring import Keyring
from app.core.errors import Fault
from app.core.runtime import Runtime
from app.core.strictjson import split
from app.domain import quarantine, sources
from app.domain.normalize import Declarations
from app.domain.record_ingest import Item, Receipt, accept, validate
from app.domain.sources import Source
from app.domain.workspaces import Workspace

MAX_BYTES = 4096
ANYTIME = "2026-11-20T10:00:00Z"
SOURCE = Source(1, "crm")


@pytest.fixture
async def crm(rt: Runtime, workspace: Workspace) -> Source:
    async with rt.begin(workspace.id) as tx:
        return await sources.create(tx, "crm", now=rt.now())


class Mouth:
    """Sends batches of one source, each under an id of its own."""

    def __init__(self, rt: Runtime, workspace: Workspace, keyring: Keyring, source: Source) -> None:
        self.rt, self.workspace, self.keyring, self.source = rt, workspace, keyring, source
        self.sent = 0

    async def send(self, *items: Any) -> Receipt:
        return await self.send_raw(orjson.dumps(list(items)))

    async def send_raw(self, body: bytes) -> Receipt:
        self.sent += 1
        items = split(body, key="records", max_bytes=1 << 20, max_items=100)
        async with self.rt.begin(self.workspace.id) as tx:
            return await accept(
                tx,
                self.keyring,
                self.source,
                items,
                now=self.rt.now() + timedelta(seconds=self.sent),
                batch_id=f"b{self.sent}",
                max_bytes=MAX_BYTES,
            )

    async def log(self) -> list[Any]:
        """(received_at, what was said) of every log entry in the order of appending."""
        async with self.rt.begin(self.workspace.id) as tx:
            rows = await tx.conn.fetch("SELECT message_token, received_at, body FROM ingest_log ORDER BY id")
        opened = [self.keyring.open(row["body"], "ingest_log", "body", row["message_token"]) for row in rows]
        return [(row["received_at"], body) for row, body in zip(rows, opened, strict=True)]


@pytest.fixture
def mouth(rt: Runtime, workspace: Workspace, keyring: Keyring, crm: Source) -> Mouth:
    return Mouth(rt, workspace, keyring, crm)


def record(key: Any = "1", **members: Any) -> dict[str, Any]:
    return {"key": key, "traits": {"city": "Paris"}, **members}


@pytest.mark.parametrize(
    ("item", "pointer", "code"),
    [
        (7, "", "not_an_object"),
        ({"traits": {}}, "/key", "no_key"),
        (record(True), "/key", "not_text"),
        (record(1.5), "/key", "not_text"),
        (record("   "), "/key", "bad_length"),
        (record("x" * 513), "/key", "bad_length"),
        ({"key": "1"}, "/traits", "no_traits"),
        ({"key": "1", "traits": []}, "/traits", "not_an_object"),
        ({"key": "1", "traits": {f"t{n}": n for n in range(501)}}, "/traits", "too_many_fields"),
        (record(observedAt=ANYTIME), "/observedAt", "unknown_member"),
        (record(**{"a/b~c": 1}), "/a~1b~0c", "unknown_member"),
        (record(observed_at="yesterday"), "/observed_at", "bad_time"),
        (record(observed_at="2026-11-20T10:00:00"), "/observed_at", "naive_time"),
        (record(deleted="yes"), "/deleted", "not_a_boolean"),
        (record(identifiers={}), "/identifiers", "not_an_array"),
        (record(identifiers=[{"namespace": "a", "value": "1"}] * 51), "/identifiers", "too_many_items"),
        (record(identifiers=["x"]), "/identifiers/0", "not_an_object"),
        (record(identifiers=[{"namespace": "!", "value": "1"}]), "/identifiers/0/namespace", "bad_namespace"),
        (record(identifiers=[{"namespace": "a", "value": None}]), "/identifiers/0/value", "not_text"),
        (record(identifiers=[{"namespace": "a", "val": 1, "value": 1}]), "/identifiers/0/val", "unknown_member"),
        (record(identifiers=[{"namespace": "Edited Record", "value": 1}]), "/identifiers/0/namespace",
         "reserved_namespace"),
        (record(message_id=""), "/message_id", "bad_message_id"),
        (record(message_id=5), "/message_id", "bad_message_id"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(item: Any, pointer: str, code: str) -> None:
    fault = validate(item, SOURCE)
    assert fault is not None
    assert (fault.pointer, fault.code) == (pointer, code)


@pytest.mark.parametrize(
    "item",
    [
        record(),
        record(42),
        record("x" * 512),
        {"key": "1", "deleted": True},
        record(observed_at=None, identifiers=None, deleted=None, message_id=None),
        record(identifiers=[{"namespace": "loyalty_card", "value": 9}], observed_at=ANYTIME, message_id="m"),
    ],
)
def test_what_is_in_order_is_taken(item: Any) -> None:
    assert validate(item, SOURCE) is None


records: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "key": st.sampled_from(["42", "", " ", "x" * 513, 7, True, None]),
        "traits": st.sampled_from([{}, {"city": "Ulm"}, None, [], {str(n): n for n in range(501)}]),
        "identifiers": st.sampled_from([None, [], {}, "x"])
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "namespace": st.sampled_from(["user_id", "edited_record", "No Such", "", 7]),
                    "value": st.sampled_from(["9", "", 9, True, None]),
                    "other": st.just(1),
                },
            )
            | st.just("x"),
            max_size=3,
        ),
        "observed_at": st.sampled_from(
            [None, ANYTIME, "2026-11-20T10:00:00", "2026-11-20", "0001-01-01T00:00:00+05:00",
             "9999-12-31T23:00:00-05:00", "soon", 7]
        ),
        "message_id": st.sampled_from([None, "m1", ""]),
        "colour": st.just("red"),
    },
)  # fmt: skip


@given(records)
def test_the_quick_look_at_a_record_lets_nothing_pass_that_the_slow_one_stops(record: dict[str, Any]) -> None:
    """To say that a record is not deleted is in order, and too rare for the quick look."""
    assert validate(record, SOURCE) == validate({**record, "deleted": False}, SOURCE)


def test_a_time_without_an_offset_is_read_where_the_source_declares_a_zone() -> None:
    paris = Source(1, "crm", declared=Declarations(zone="Europe/Paris"))
    assert validate(record(observed_at="2026-11-20T10:00:00"), paris) is None


async def test_a_bad_record_is_set_aside_and_its_neighbours_go_on(mouth: Mouth, rt: Runtime) -> None:
    receipt = await mouth.send_raw(b'[{"key":"1","traits":{}}, {"key": "2", "traits": {"a": "\\ud800"}}, {"key":"3"}]')
    assert (receipt.accepted, receipt.duplicates) == (1, 0)
    assert [(index, fault.code) for index, fault in receipt.rejected] == [(1, "lone_surrogate"), (2, "no_traits")]
    assert [log_id is not None for log_id in receipt.log_ids] == [True, False, False]
    async with rt.begin(mouth.workspace.id) as tx:
        aside = await quarantine.page(tx)
        kept = [await quarantine.message(tx, mouth.keyring, each.id) for each in aside]
    assert kept == ['{"key": "2", "traits": {"a": "\\ud800"}}', {"key": "3"}]


async def test_the_log_keeps_a_record_word_for_word(mouth: Mouth) -> None:
    await mouth.send_raw(b'[ {"traits": {"n": 1.50,  "n2": 1E2}, "key": "1"} ]')
    assert [body for _, body in await mouth.log()] == [b'{"message":{"traits": {"n": 1.50,  "n2": 1E2}, "key": "1"}}']


async def test_a_timed_record_is_a_repeat_for_ever(mouth: Mouth) -> None:
    a, b = record(observed_at=ANYTIME), record(observed_at=ANYTIME, deleted=True)
    first = await mouth.send(a, b)
    again = await mouth.send(b, {**a, "key": "1"}, a)
    assert (first.accepted, again.accepted, again.duplicates) == (2, 0, 3)
    assert again.log_ids == [first.log_ids[1], first.log_ids[0], first.log_ids[0]]


async def test_without_a_time_only_the_newest_content_is_a_repeat(mouth: Mouth) -> None:
    a, b = record(), {"key": "1", "traits": {"city": "Lyon"}}
    assert [(await mouth.send(each)).accepted for each in (a, a, b, a, a)] == [1, 0, 1, 1, 0]


async def test_a_source_that_changes_its_mind_in_one_request_is_heard_in_order(mouth: Mouth) -> None:
    a, b = record(), {"key": "1", "traits": {"city": "Lyon"}}
    receipt = await mouth.send(a, a, b, a, record("2"))
    assert (receipt.accepted, receipt.duplicates) == (4, 1)
    said = [orjson.loads(body)["message"]["traits"]["city"] for at, body in sorted(await mouth.log())
            if orjson.loads(body)["message"]["key"] == "1"]  # fmt: skip
    assert said == ["Paris", "Lyon", "Paris"]
    assert len({at for at, body in await mouth.log() if b'"1"' in body}) == 3


async def test_a_request_that_is_sent_again_is_a_repeat_as_a_whole(mouth: Mouth) -> None:
    items = [record(), {"key": "1", "traits": {"city": "Lyon"}}, record(), record("2", observed_at=ANYTIME)]
    assert (await mouth.send(*items)).accepted == 4
    assert (await mouth.send(*items)).duplicates == 4
    assert (await mouth.send(items[0])).duplicates == 1


async def test_after_a_timed_record_the_source_may_say_again_what_it_said(mouth: Mouth) -> None:
    a, timed = record(), {"key": "1", "traits": {"city": "Lyon"}, "observed_at": ANYTIME}
    assert [(await mouth.send(each)).accepted for each in (a, timed, a)] == [1, 1, 1]
    items = [a, {**timed, "observed_at": "2026-11-21T10:00:00Z"}, a]
    assert (await mouth.send(*items)).accepted == 2
    assert (await mouth.send(*items)).accepted == 0


async def test_a_message_id_is_a_repeat_for_the_same_content_only(mouth: Mouth) -> None:
    a, b = record(message_id="m1"), record("2", message_id="m1")
    assert (await mouth.send(a)).accepted == 1
    receipt = await mouth.send(a, b, record(message_id="m2"))
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    assert [(index, fault.code) for index, fault in receipt.rejected] == [(1, "message_id_reused")]
    both = await mouth.send(record(message_id="m3"), record("2", message_id="m3"), record(message_id="m3"))
    assert (both.accepted, both.duplicates, [i for i, _ in both.rejected]) == (1, 1, [1])


async def test_a_record_that_is_too_large_is_set_aside(mouth: Mouth) -> None:
    receipt = await mouth.send(record(traits={"bio": "x" * MAX_BYTES}))
    assert [(index, fault.code) for index, fault in receipt.rejected] == [(0, "record_too_large")]


async def test_the_number_of_statements_does_not_depend_on_the_records(mouth: Mouth, rt: Runtime) -> None:
    async def statements(many: int) -> int:
        items = [
            Item(n, orjson.dumps(record(f"{many}-{n // 2}", city=n)), record(f"{many}-{n // 2}")) for n in range(many)
        ]
        items += [Item(many + n, b"7", Fault("", "not_an_object", "no")) for n in range(many)]
        heard: list[str] = []
        async with rt.begin(mouth.workspace.id) as tx:
            tx.conn.add_query_logger(lambda query: heard.append(query.query))
            try:
                await accept(tx, mouth.keyring, mouth.source, items, now=rt.now(), batch_id=f"s{many}", max_bytes=999)
            finally:
                tx.conn._query_loggers.clear()
        return len(heard)

    assert await statements(2) == await statements(60)
