"""The body of an upload as the plain bytes of one file, never on disk and never more than a few pieces in memory.

Stages follow one another: gunzip, take the file out of a multipart form, gunzip a `.gz` file, UTF-16 to UTF-8.
"""

import codecs
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.core.errors import Refused, TooLarge

GZIP = 31
"""zlib's window bits for a gzip header and trailer."""

GZIP_MAGIC = b"\x1f\x8b"
MAX_RATIO = 100
"""How many times larger than what was sent the plain bytes may be, beyond FREE_BYTES. Text rarely exceeds 20."""

FREE_BYTES = 1 << 20
STEP_BYTES = 1 << 20
"""What gunzip makes at once."""


class Stage(Protocol):
    """Takes bytes and gives bytes on. Raises Refused."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def end(self) -> Iterator[bytes]:
        """What is left when nothing more comes; raises Refused where something is missing."""


class Gunzip:
    """One or more gzip members, one behind the other."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(GZIP)
        self._taken = self._made = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._taken += len(data)
        while data:
            if self._member.eof:
                self._member = zlib.decompressobj(GZIP)
            try:
                plain = self._member.decompress(data, STEP_BYTES)
            except zlib.error:
                raise Refused("The upload says that it is gzip and is not.", code="bad_gzip") from None
            self._made += len(plain)
            if self._made > FREE_BYTES + MAX_RATIO * self._taken:
                raise TooLarge(f"The upload unpacks to more than {MAX_RATIO} times its size; send it plain.")
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            yield plain

    def end(self) -> Iterator[bytes]:
        if not self._member.eof:
            raise Refused("The gzip stream breaks off; send the file again.", code="bad_gzip")
        return iter(())


class GunzipFile:
    """Gunzips a file that begins as gzip does; no format read here begins so."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: Gunzip | None = None
        self._known = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._known:
            data = self._head + data
            if len(data) < len(GZIP_MAGIC):
                self._head = data
                return
            self._known = True
            self._inner = Gunzip() if data.startswith(GZIP_MAGIC) else None
        if self._inner is None:
            yield data
        else:
            yield from self._inner.feed(data)

    def end(self) -> Iterator[bytes]:
        if self._inner is not None:
            yield from self._inner.end()
        elif not self._known and self._head:
            yield self._head


class Utf16:
    """UTF-16 to UTF-8. Without a byte order mark the first character tells, which is ASCII. What is no UTF-16 becomes
    what is no UTF-8 either, so that its row is refused and no other."""

    def __init__(self) -> None:
        self._head = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._decoder is None:
            data = self._head = self._head + data
            if len(data) < 2:
                return
            marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            name = "utf-16" if marked else "utf-16-be" if data[0] == 0 else "utf-16-le"
            self._decoder = codecs.getincrementaldecoder(name)("surrogatepass")
        yield self._decoder.decode(data).encode("utf-8", "surrogatepass")

    def end(self) -> Iterator[bytes]:
        try:
            if self._decoder is not None:
                yield self._decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
            elif self._head:
                self._head.decode("utf-16")
        except UnicodeDecodeError:
            raise Refused("The file ends in the middle of a UTF-16 character.", code="bad_encoding") from None


class FormFile:
    """The one file of a multipart/form-data body (RFC 7578). `name` is its file name, once its part has begun."""

    def __init__(self, content_type: str) -> None:
        _, parameters = parse_options_header(content_type)
        self.name: str | None = None
        self._headers: list[tuple[bytearray, bytearray]] = []
        self._ready: list[bytes] = []
        self._done = False
        try:
            self._parser = MultipartParser(
                parameters.get(b"boundary", b""),
                {
                    "on_header_begin": lambda: self._headers.append((bytearray(), bytearray())),
                    "on_header_field": lambda data, start, end: self._headers[-1][0].extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._headers[-1][1].extend(data[start:end]),
                    "on_headers_finished": self._part,
                    "on_part_data": lambda data, start, end: self._ready.append(bytes(data[start:end])),
                    "on_end": self._ended,
                },
            )
        except FormParserError:
            raise Refused("The multipart form has no usable boundary.", code="bad_form") from None

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            self._parser.write(data)
        except FormParserError:
            raise Refused("This is no multipart form.", code="bad_form") from None
        ready, self._ready = self._ready, []
        yield from ready

    def end(self) -> Iterator[bytes]:
        if self.name is None or not self._done:
            raise Refused("The multipart form breaks off or has no file.", code="bad_form")
        return iter(())

    def _part(self) -> None:
        headers = {bytes(name).lower(): bytes(value) for name, value in self._headers}
        self._headers = []
        _, said = parse_options_header(headers.get(b"content-disposition", b"").decode("latin-1"))
        if b"filename" not in said:
            raise Refused("The form holds one file and nothing else; options go into the query.", code="bad_form")
        if self.name is not None:
            raise Refused("The form holds more than one file; send one an import.", code="bad_form")
        self.name = said[b"filename"].decode("utf-8", "replace")

    def _ended(self) -> None:
        self._done = True


async def through(body: AsyncIterator[bytes], stages: Sequence[Stage]) -> AsyncIterator[bytes]:
    """The body after every stage, in pieces of any size."""
    async for data in body:
        for plain in _run(data, stages):
            yield plain
    for at, stage in enumerate(stages):
        for data in stage.end():
            for plain in _run(data, stages[at + 1 :]):
                yield plain


def _run(data: bytes, stages: Sequence[Stage]) -> Iterator[bytes]:
    if not stages:
        if data:
            yield data
        return
    for part in stages[0].feed(data):
        yield from _run(part, stages[1:])
