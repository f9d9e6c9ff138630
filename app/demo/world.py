"""The demo's world: Fell & Fjord, an outdoor shop in Leeds, in the winter of 2026.

Four systems, none of which knows what the others know: a CRM that is exported in
January and again in February, the shop's orders, the web site's events, and a CSV of
loyalty cards. The telephone numbers are Ofcom's for drama, the addresses RFC 2606's.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from app.domain.deliveries import Kind
from app.domain.normalize import Declarations

ENGLISH = Declarations(region="GB", zone="Europe/London", day_first=True, currency="GBP")
TILL = "TILL-03"
FEBRUARY = "2026-02"
"""Loyalty cards that were handed out before it are in January's CSV."""

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class System:
    """One of the shop's systems. Survivorship trusts a higher `priority` more."""

    name: str
    kind: Kind
    priority: int
    says: str


@dataclass(frozen=True, slots=True)
class Sending:
    """What one system sends at once."""

    source: str
    messages: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Wave:
    """What comes in together. `marker` is the messageId by which one can tell that it did."""

    name: str
    marker: str
    sendings: Sequence[Sending]


SYSTEMS = (
    System("crm", Kind.RECORD, 20, "customer master data, exported in January and again in February"),
    System("shop", Kind.EVENT, 10, "orders, of customers and of guests"),
    System("web", Kind.EVENT, 0, "page views and log-ins, anonymous until somebody logs in"),
    System("loyalty", Kind.RECORD, 5, "loyalty cards, a CSV that grows"),
)


def waves() -> tuple[Wave, Wave]:
    """January and February."""
    crm = _rows("crm.csv")
    cards = _rows("loyalty.csv")
    changed = {row["customer"]: row for row in _rows("crm_changes.csv")}
    readable = [row for row in crm if row["modified"].endswith("Z")]
    january = Wave(
        "January",
        "demo-web-identify-1001",
        (
            Sending("crm", [_customer(row) for row in crm]),
            Sending("shop", list(_january_orders())),
            Sending("web", list(_january_visits())),
            Sending("loyalty", [_card(row) for row in cards if row["joined"] < FEBRUARY]),
        ),
    )
    february = Wave(
        "February",
        "demo-web-page-1009-feb",
        (
            Sending("crm", [_customer(changed.get(row["customer"], row)) for row in readable]),
            Sending("shop", list(_february_orders())),
            Sending("web", list(_february_visits())),
            Sending("loyalty", [_card(row) for row in cards]),
        ),
    )
    return january, february


def _rows(name: str) -> list[Row]:
    text = (resources.files("app.demo") / name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def _customer(row: Row) -> dict[str, Any]:
    """A row of the CRM's export as a record: its customer number is the account number that all systems use."""
    said: dict[str, Any] = {"key": row["customer"], "observed_at": row["modified"]}
    if row.get("deleted"):
        return {**said, "deleted": True}
    said["traits"] = _said(row, ("first_name", "last_name", "email", "phone", "birthday", "city")) | _address(row)
    said["identifiers"] = [{"namespace": "user_id", "value": row["customer"]}]
    return said


def _card(row: Row) -> dict[str, Any]:
    """A row of the loyalty cards' CSV as a record; `device` is the till at which the card was handed out."""
    listed = [{"namespace": "loyalty_card", "value": row["card"]}]
    if row["device"]:
        listed.append({"namespace": "device_id", "value": row["device"]})
    return {
        "key": row["card"],
        "observed_at": row["joined"],
        "traits": _said(row, ("first_name", "last_name", "email", "phone", "birthday")) | _address(row),
        "identifiers": listed,
    }


def _said(row: Row, names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if row[name]}


def _address(row: Row) -> dict[str, Any]:
    """Where the row says that somebody lives, as the trait `address`."""
    return {"address": _said(row, ("street", "postal_code", "city"))} if row["street"] else {}


def _order(number: int, at: str, total: str, *, customer: str | None = None, **traits: str) -> dict[str, Any]:
    """An order as the shop's plug-in tells it; a guest is known by the address of the order."""
    context: dict[str, Any] = {"traits": traits}
    if customer is None:
        address = {"type": "email", "id": traits["email"], "collection": "users", "encoding": "none"}
        context["externalIds"] = [address]
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"demo-shop-order-{number}",
        "timestamp": at,
        "properties": {"order_id": f"F{number}", "total": float(total), "currency": "GBP"},
        "context": context,
        **({"userId": customer} if customer else {}),
    }


def _page(id: str, at: str, name: str, **who: str) -> dict[str, Any]:
    return {"type": "page", "name": name, "messageId": f"demo-web-page-{id}", "timestamp": at, **who}


def _identify(customer: str, at: str, email: str, anonymous: str) -> dict[str, Any]:
    return {
        "type": "identify",
        "messageId": f"demo-web-identify-{customer}",
        "timestamp": at,
        "userId": customer,
        "anonymousId": anonymous,
        "traits": {"email": email},
    }


# Sophie looks around before anybody knows her, and logs in on the ninth.
SOPHIES_BROWSER = "5f0c6f5e-6a0b-4d0a-9a49-2f3f6e0b7c11"
SOMEBODY = "c2a9d7b0-8f1d-4e55-8a36-0d8e5b7f9e42"
AMELIAS_BROWSER = "0b1e4a7c-93d2-4c7f-b1a5-6e2d8c9f3a20"


def _january_orders() -> Iterator[dict[str, Any]]:
    # A guest who mistypes her address, and spells the CRM's telephone number in a way of her own.
    yield _order(3001, "2026-01-11T18:20:00Z", "189.00", email="sophie.clark@example.com", phone="0044 113 496 0142")
    yield _order(3002, "2026-01-12T19:02:00Z", "64.50", customer="1009", email="amelia.hughes@example.com")
    yield _order(3003, "2026-01-13T08:44:00Z", "42.00", email="NOAH.FRASER@example.com", first_name="Noah")
    yield _order(3004, "2026-01-14T20:15:00Z", "310.00", customer="1003", email="the.bakers@example.net")
    yield _order(3005, "2026-01-15T12:00:00Z", "27.99", customer="1005", email="info@harbour-tools.example")
    yield _order(3006, "2026-01-15T21:30:00Z", "75.00", customer="1007", email="james.wilson@example.com")
    yield _order(3007, "2026-01-16T07:55:00Z", "118.00", customer="1008", email="j.wilson82@example.org")
    # A guest who is called as a customer is. Nothing else says that she is that customer.
    yield _order(
        3000, "2026-01-10T09:30:00Z", "35.00", email="h.stone@example.org", first_name="Hannah", last_name="Stone"
    )
    for number, customer in enumerate(range(1014, 1040, 2), start=3008):
        yield _order(number, f"2026-01-{number - 2990}T12:30:00Z", f"{number % 90 + 10}.00", customer=str(customer))


def _february_orders() -> Iterator[dict[str, Any]]:
    yield _order(3101, "2026-02-03T10:12:00Z", "49.00", customer="1001", email="sophie.clarke@example.com")
    yield _order(3102, "2026-02-22T17:40:00Z", "96.00", customer="1009", email="amelia.novak@example.org")
    for number, customer in enumerate(range(1015, 1041, 5), start=3103):
        yield _order(number, f"2026-02-{number - 3093}T15:00:00Z", f"{number % 80 + 15}.00", customer=str(customer))


def _january_visits() -> Iterator[dict[str, Any]]:
    yield _page("sophie-1", "2026-01-03T19:01:00Z", "Tents", anonymousId=SOPHIES_BROWSER)
    yield _page("sophie-2", "2026-01-03T19:04:00Z", "Ridge 2 Tent", anonymousId=SOPHIES_BROWSER)
    yield _page("sophie-3", "2026-01-08T20:30:00Z", "Ridge 2 Tent", anonymousId=SOPHIES_BROWSER)
    yield _identify("1001", "2026-01-09T20:31:00Z", "sophie.clarke@example.com", SOPHIES_BROWSER)
    yield _page("somebody-1", "2026-01-04T22:15:00Z", "Stoves", anonymousId=SOMEBODY)
    yield _page("somebody-2", "2026-01-04T22:17:00Z", "Returns", anonymousId=SOMEBODY)
    yield _identify("1009", "2026-01-12T18:50:00Z", "amelia.hughes@example.com", AMELIAS_BROWSER)
    for customer in range(1016, 1040, 3):
        yield _page(str(customer), f"2026-01-{customer - 1006}T09:00:00Z", "Sale", userId=str(customer))


def _february_visits() -> Iterator[dict[str, Any]]:
    yield _page("1001-feb", "2026-02-03T10:01:00Z", "Sleeping Bags", userId="1001")
    yield _page("1009-feb", "2026-02-22T17:31:00Z", "Boots", anonymousId=AMELIAS_BROWSER, userId="1009")
