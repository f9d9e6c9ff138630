"""Events of the Segment specification: who they are about, when they happened, what they say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Fault
from app.domain.deliveries import FUTURE_TOLERANCE, Delivery, EventType, instant
from app.domain.sources import Source
from app.domain.tracking import MAX_EXTERNAL_IDS, TYPES, corrected, fault, from_event

SOURCE = Source(1, "web")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO = {"userId": "u1"}

spans = st.timedeltas(timedelta(days=-400), timedelta(days=400))


def said(type: str = "track", /, *, body: dict[str, Any] | None = None, **message: Any) -> Delivery:
    if type == "track":
        message.setdefault("event", "Looked")
    read = from_event(1, SOURCE, {"message": {"type": type, **WHO, **message}, **(body or {})}, NOW)
    assert isinstance(read, Delivery), read
    return read


@given(spans, spans)
def test_the_span_on_the_clients_clock_counts_back_from_the_receipt(skew: timedelta, age: timedelta) -> None:
    """`receivedAt - (sentAt - timestamp)`, whatever the client's clock shows."""
    sent = NOW + skew
    message = {"timestamp": (sent - age).isoformat(), "sentAt": sent.isoformat()}
    assert corrected(message, None, NOW, None) == min(NOW - age, NOW + FUTURE_TOLERANCE)


def test_the_time_that_the_whole_request_was_sent_counts_where_the_event_has_none() -> None:
    timestamp, sent = NOW - timedelta(hours=5), NOW - timedelta(hours=3)
    read = said(timestamp=timestamp.isoformat(), body={"sent_at": sent.isoformat()})
    assert instant(read.at) == NOW - timedelta(hours=2)
    own = said(timestamp=timestamp.isoformat(), sentAt=timestamp.isoformat(), body={"sent_at": sent.isoformat()})
    assert instant(own.at) == NOW


def test_without_a_time_of_sending_the_timestamp_stands_and_without_both_the_receipt() -> None:
    hour_ago = NOW - timedelta(hours=1)
    assert instant(said(timestamp=hour_ago.isoformat()).at) == hour_ago
    assert instant(said(originalTimestamp=hour_ago.isoformat()).at) == hour_ago
    assert instant(said().at) == NOW
    assert instant(said(sentAt=hour_ago.isoformat()).at) == NOW


@pytest.mark.parametrize(
    ("message", "pointer", "code"),
    [
        ({"timestamp": "soon"}, "/timestamp", "bad_time"),
        ({"timestamp": "2026-03-01T12:00:00"}, "/timestamp", "naive_time"),
        ({"timestamp": "2026-03-01T12:00:00Z", "sentAt": "soon"}, "/sentAt", "bad_time"),
        ({"timestamp": "0001-01-01T00:00:00Z", "sentAt": "9999-01-01T00:00:00Z"}, "/timestamp", "bad_time"),
        ({"type": "buy"}, "/type", "unknown_type"),
        ({"userId": None}, "/userId", "no_user_anon_id"),
        ({"userId": ""}, "/userId", "no_user_anon_id"),
        ({"userId": ["u1"]}, "/userId", "not_text"),
        ({"userId": 1.5}, "/userId", "not_text"),
        ({"event": ""}, "/event", "no_event_name"),
        ({"event": 5}, "/event", "no_event_name"),
        ({"type": "group"}, "/groupId", "no_group_id"),
        ({"type": "alias"}, "/previousId", "no_previous_id"),
        ({"messageId": "m" * 1025}, "/messageId", "too_long"),
        ({"traits": [1]}, "/traits", "not_an_object"),
        ({"context": "web"}, "/context", "not_an_object"),
        ({"context": [1]}, "/context", "not_an_object"),
    ],
)  # fmt: skip
def test_an_event_that_is_none_names_the_place_that_is_wrong(message: dict[str, Any], pointer: str, code: str) -> None:
    read = from_event(1, SOURCE, {"message": {"type": "track", "event": "Looked", **WHO, **message}}, NOW)
    assert isinstance(read, Fault)
    assert (read.pointer, read.code) == (pointer, code)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    ["userId", "anonymousId", "event", "name", "groupId", "previousId", "traits", "context", "timestamp", "sentAt",
     "properties", "messageId"]
)  # fmt: skip


@given(st.sampled_from([*TYPES, "buy", None]), st.dictionaries(fields, json_values, max_size=6), json_values)
def test_whatever_is_sent_is_an_event_or_has_a_fault(type: str | None, message: dict[str, Any], sent_at: Any) -> None:
    read = from_event(1, SOURCE, {"message": {"type": type, **message}, "sent_at": sent_at}, NOW)
    assert isinstance(read, Delivery | Fault)


@given(json_values)
def test_what_is_no_object_is_no_event(message: Any) -> None:
    read = fault(message)
    assert read is None or isinstance(read, Fault)
    if not isinstance(message, dict):
        assert isinstance(from_event(1, SOURCE, {"message": message}, NOW), Fault)


def test_an_identify_says_its_traits_and_a_track_only_those_of_its_context() -> None:
    traits, context = {"plan": "pro"}, {"traits": {"plan": "free", "city": "Ulm"}}
    assert said("identify", traits=traits, context=context).traits == {"plan": "pro", "city": "Ulm"}
    assert said("track", traits=traits, context=context).traits == {"plan": "free", "city": "Ulm"}


def test_a_groups_traits_are_not_the_persons() -> None:
    assert said("group", groupId="g1", traits={"industry": "dogs"}).traits == {}


def test_the_identifiers_of_an_event_are_whom_it_names_and_add_to_those_known() -> None:
    context = {"externalIds": [{"type": "ga_client_id", "id": "9"}, {"type": 5, "id": "x"}, "x", {"id": "y"}]}
    read = said(anonymousId="a1", context=context)
    assert read.identifiers == [("user_id", "u1"), ("anonymous_id", "a1"), ("ga_client_id", "9")]
    assert not read.lists_all
    assert read.key is None


def test_an_alias_ties_two_identities() -> None:
    assert said("alias", previousId="a1").identifiers == [("user_id", "u1"), ("anonymous_id", "a1")]


def test_an_event_has_so_many_external_ids_and_no_more() -> None:
    listed = [{"type": "card", "id": str(n)} for n in range(MAX_EXTERNAL_IDS + 5)]
    assert len(said(context={"externalIds": listed}).identifiers) == 1 + MAX_EXTERNAL_IDS


def test_the_context_of_a_whole_request_counts_for_each_of_its_events() -> None:
    body = {"context": {"traits": {"city": "Ulm"}, "ip": "::1"}}
    assert said(body=body).traits == {"city": "Ulm"}
    assert said(body=body, context={"traits": {"city": "Bonn"}}).traits == {"city": "Bonn"}


@pytest.mark.parametrize(
    ("type", "fields", "name"),
    [("track", {"event": "Bought"}, "Bought"), ("page", {"name": "Home"}, "Home"), ("page", {}, None),
     ("screen", {"name": "Cart"}, "Cart"), ("identify", {}, None)],
)  # fmt: skip
def test_an_event_keeps_what_happened(type: str, fields: dict[str, Any], name: str | None) -> None:
    happened = said(type, **fields).event
    assert happened is not None
    assert (happened.type, happened.name) == (EventType[type.upper()], name)


members: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "page", "screen", "alias", "sing"])},
    optional={
        **dict.fromkeys(
            ("userId", "anonymousId", "previousId", "messageId", "event"),
            st.sampled_from([None, "", "u1", "x" * 1025, 0, 7, True, 1.5, []]),
        ),
        **dict.fromkeys(("traits", "properties", "context"), st.sampled_from([None, {}, [], "x"])),
        **dict.fromkeys(
            ("timestamp", "sentAt"),
            st.sampled_from(
                [None, "2026-03-01T12:00:00Z", "2026-03-01", "0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00-05:00",
                 "0001-01-01T00:00:00Z", "soon", "", 7]
            ),
        ),
    },
)  # fmt: skip


@given(members)
def test_the_quick_look_at_an_event_lets_nothing_pass_that_the_slow_one_stops(message: dict[str, Any]) -> None:
    """A whole number as groupId is in order, and too rare for the quick look."""
    assert fault(message) == fault({**message, "groupId": 7})
