"""Records for bulk tests, and a workspace divided at once."""

import csv
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.domain.bulk.engine import Duck
from app.domain.bulk.partition import Whole, opened, partition, snapshot
from app.domain.bulk.rules import rules
from app.identity.policy import Policy
from tests.make import Message, Tenant, record

ROOT = Path(__file__).parents[3]
CDP_DEV = ROOT.parent / "shared" / "data" / "er" / "cdp_dev.csv"
SOURCES = {"crm": 10, "shopify": 5, "shop": 4, "export": 2, "web": 0}

COLUMNS = {"first_name": "first_name", "last_name": "last_name", "dob": "birthday", "email": "email", "phone": "phone",
           "city": "city"}  # fmt: skip


def crowd() -> list[Message]:
    """People who are alike, who share, who are kept apart, and who are written in other scripts."""
    return [
        record("1", {"first_name": "Katharina", "last_name": "Oberhuber", "birthday": "1981-03-04", "city": "Graz"}),
        record("2", {"first_name": "Katarina", "last_name": "Oberhuber", "birthday": "1981-03-04", "city": "Graz"}),
        record("3", {"first_name": "Jürgen", "last_name": "Müßig", "email": "jürgen.müßig@mail.example"}),
        record("4", {"first_name": "Jurgen", "last_name": "Müßig", "email": "jürgen.mußig@mail.example"}),
        record("5", {"first_name": "Ольга", "last_name": "Петрова", "birthday": "1990-01-02"}),
        record("6", {"first_name": "Olga", "last_name": "Petrova", "birthday": "1990-01-02"}),
        record("7", {"first_name": "Ann", "email": "ann@mail.example", "birthday": "1970-05-05"}),
        record("8", {"first_name": "Ann", "email": "ann@mail.example", "birthday": "1999-12-01"}),
        record("9", {"email": "both@mail.example"}, [("user_id", "u1")]),
        record("10", {"email": "both@mail.example"}, [("user_id", "u2")]),
        record("11", {"first_name": "Alone"}),
        *[record(f"t{n}", {"first_name": f"Guest{n}"}, [("device_id", "till")], source="shop") for n in range(9)],
        record("gone", {"email": "ann@mail.example"}, at=0),
        record("gone", at=1, deleted=True),
    ]


def cdp_dev(many: int) -> list[Message]:
    """The first rows of the development set, as records of their sources; skipped where it is not there."""
    if not CDP_DEV.exists():
        pytest.skip("The development set cdp_dev.csv is not beside this checkout.")
    with CDP_DEV.open(encoding="utf-8", newline="") as file:
        return list(_rows(csv.DictReader(file), many))


def _rows(reader: Iterator[dict[str, str]], many: int) -> Iterator[Message]:
    for _, row in zip(range(many), reader, strict=False):
        traits = {trait: row[column] for column, trait in COLUMNS.items() if row[column]}
        devices = [("device_id", row["device_id"])] if row["device_id"] else []
        yield record(row["id"], traits, devices, source=row["source"])


@asynccontextmanager
async def divided(one: Tenant, policy: Policy, *, home: Path | None = None) -> AsyncIterator[Whole]:
    """The workspace at once, by a policy."""
    async with one.rt.begin(one.id) as tx, opened(Duck("1GB")) as engine:
        await snapshot(tx)
        by = await rules(tx, one.keyring, policy)
        yield await partition(tx, one.keyring, by, engine, lambda *_: None, home=home)


def pairs(whole: Whole) -> set[tuple[int, int, float]]:
    return set(whole.engine.rows("SELECT a, b, score FROM pairs"))


def clusters(whole: Whole) -> dict[int, int | None]:
    """Record id to the profile it would be in."""
    return dict(whole.engine.rows("SELECT id, becomes FROM now"))


def components(whole: Whole) -> dict[int, int]:
    return dict(whole.engine.rows("SELECT id, component FROM now"))


def links(whole: Whole) -> set[tuple[object, ...]]:
    """a, b, kind, namespace, score, refused."""
    return set(whole.engine.rows("SELECT a, b, kind, namespace, score, refused FROM ties"))


async def same_as_one_by_one(one: Tenant, policy: Policy) -> int:
    """Compare everything that is stored with the workspace at once; return how many pairs there are."""
    records = await one.rows("SELECT * FROM source_records WHERE workspace_id = :workspace_id AND NOT removed")
    stored = await one.rows("SELECT * FROM pairs WHERE workspace_id = :workspace_id")
    held = await one.rows("SELECT * FROM links WHERE workspace_id = :workspace_id")
    async with divided(one, policy) as whole:
        assert pairs(whole) == {(row["a"], row["b"], row["score"]) for row in stored}
        assert components(whole) == {row["id"]: row["component_id"] for row in records}
        assert clusters(whole) == {row["id"]: row["profile_id"] for row in records}
        names = ("a", "b", "kind", "namespace", "score", "refused")
        assert links(whole) == {tuple(row[name] for name in names) for row in held}
    return len(stored)
