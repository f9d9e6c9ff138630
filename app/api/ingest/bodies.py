"""Request bodies: read up to a limit, gunzipped up to a limit, whatever the headers claim."""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from app.core.errors import Fault, Refused, TooLarge

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
GZIP = 31
"""zlib's window bits for a gzip header and trailer."""


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
    if encoding in (None, b"", b"identity"):
        return body
    if encoding == b"gzip":
        return gunzip(body, limit)
    raise Refused("Send the body as it is, or with Content-Encoding: gzip.", code="unsupported_encoding")


def gunzip(body: bytes, limit: int) -> bytes:
    """Unpack one gzip body, never building more than `limit` bytes and one."""
    unpacker = zlib.decompressobj(GZIP)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error:
        plain = None
    if plain is not None and len(plain) > limit:
        raise TooLarge(f"A request here has at most {limit} bytes after unpacking.")
    if plain is None or not unpacker.eof or unpacker.unused_data:
        fault = Fault("", "bad_gzip", "The gzip stream is broken off or followed by something else.")
        raise Refused("The body says that it is gzip and is not.", code="bad_gzip", faults=[fault])
    return plain
