"""Lists: `{"items": [...], "next_cursor": "..." | null}`, with keyset cursors that bear no tampering."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from app.core.errors import Fault, Refused
from app.core.ids import MAX_ID

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 500

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items a page holds at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = Field(None, description="Ask for the next page with it; null at the end.")


def cursor_of(list_name: str, position: str) -> str:
    """An opaque cursor: a position and a short check that binds it to its list. No secret, only a guard."""
    return base64.urlsafe_b64encode(_check(list_name, position) + position.encode()).decode().rstrip("=")


def position_of(list_name: str, cursor: str | None) -> str | None:
    """The position in a cursor of this list. Raises Refused for any other text."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = raw[4:].decode()
    except (binascii.Error, UnicodeError, ValueError):
        raw, position = b"", ""
    if raw[:4] != _check(list_name, position) or not position:
        raise _no_cursor()
    return position


def number_of(list_name: str, cursor: str | None) -> int:
    """The position of a list that is ordered by a row id; 0 before the first page. Raises Refused as `position_of`."""
    position = position_of(list_name, cursor)
    if position is None:
        return 0
    number = int(position) if position.isascii() and position.isdigit() and len(position) < 20 else -1
    if not 0 <= number <= MAX_ID:
        raise _no_cursor()
    return number


def page(list_name: str, items: Sequence[T], limit: int, position: str | None) -> Page[T]:
    """A page of at most `limit` items; `position` is the last one's, and a full page has a next one."""
    full = len(items) >= limit and position is not None
    return Page(items=list(items), next_cursor=cursor_of(list_name, position) if full and position else None)


def _no_cursor() -> Refused:
    fault = Fault("/cursor", "bad_cursor", "This is no cursor of this list.")
    return Refused("Take the cursor from the page before, or leave it out.", code="bad_cursor", faults=[fault])


def _check(list_name: str, position: str) -> bytes:
    return hashlib.blake2b(f"{list_name}\0{position}".encode(), digest_size=4).digest()
