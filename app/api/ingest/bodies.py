"""Request bodies: read up to a limit, gunzipped up to a limit, whatever the headers claim."""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from app.core.errors import Fault, Refused, TooLarge

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
GZIP = 31
"""zlib's window bits for a gzip header and trailer."""

MAX_MEMBERS = 16
"""Each one costs a copy of what follows it."""

GZIP_NAMES = (b"gzip", b"x-gzip")
"""RFC 9110 section 8.4.1.3: the second is taken for the first."""


class Disconnected(Exception):
    """The client went away before its request was whole; there is nobody to answer."""


async def chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The pieces of a request body as they arrive."""
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Disconnected
        if body := event.get("body"):
            yield body
        if not event.get("more_body"):
            return


async def read(receive: Receive, *, limit: int, encoding: bytes | None) -> bytes:
    """A whole body, plain or gzip, of at most `limit` bytes after unpacking. Raises TooLarge, or Refused."""
    parts: list[bytes] = []
    size = 0
    async for part in chunks(receive):
        size += len(part)
        if size > limit:
            raise TooLarge(f"A request here has at most {limit} bytes.")
        parts.append(part)
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    said = (encoding or b"").strip().lower()
    if said in (b"", b"identity"):
        return body
    if said in GZIP_NAMES:
        return gunzip(body, limit)
    raise Refused("Send the body as it is, or with Content-Encoding: gzip.", code="unsupported_encoding")


def gunzip(body: bytes, limit: int) -> bytes:
    """Unpack a gzip body of one or more members (RFC 1952), never building more than `limit` bytes and one."""
    parts: list[bytes] = []
    left = limit + 1
    while body or not parts:
        if len(parts) == MAX_MEMBERS:
            raise Refused(f"A gzip body has at most {MAX_MEMBERS} members.", code="bad_gzip")
        unpacker = zlib.decompressobj(GZIP)
        try:
            part = unpacker.decompress(body, left)
        except zlib.error:
            part = None
        if part is not None and len(part) >= left:
            raise TooLarge(f"A request here has at most {limit} bytes after unpacking.")
        if part is None or not unpacker.eof:
            fault = Fault("", "bad_gzip", "The gzip stream is broken off or followed by something else.")
            raise Refused("The body says that it is gzip and is not.", code="bad_gzip", faults=[fault])
        parts.append(part)
        left -= len(part)
        body = unpacker.unused_data
    return b"".join(parts)
