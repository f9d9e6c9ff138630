"""A file sent to the API of this machine, and the progress of its import."""

import contextlib
import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.core.errors import Refused, Unavailable

READ_BYTES = 256 * 1024
CONNECT_TIMEOUT = 10.0
ANSWER_TIMEOUT = 300.0


class Api:
    """The API at `base_url`, asked with one token. Raises Unavailable where it does not answer, Refused where it
    refuses."""

    def __init__(self, base_url: str, token: str) -> None:
        parts = urlsplit(base_url)
        self._base_url = base_url
        self._host = parts.netloc
        self._path = parts.path.rstrip("/")
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        conn = self._kind(self._host, timeout=CONNECT_TIMEOUT)
        try:
            conn.request("GET", self._path + path, headers=self._headers)
            return _answer(conn)
        except (OSError, http.client.HTTPException):
            raise self._away() from None
        finally:
            conn.close()

    def send(self, path: str, query: dict[str, Any], file: Path, told: Callable[[int], None]) -> Any:
        """POST a file; `told` hears how many bytes have gone."""
        conn = self._kind(self._host, timeout=CONNECT_TIMEOUT)
        length = str(file.stat().st_size)
        headers = {**self._headers, "Content-Type": "application/octet-stream", "Content-Length": length}
        try:
            conn.connect()
            if conn.sock is not None:
                conn.sock.settimeout(ANSWER_TIMEOUT)
            target = f"{self._path}{path}?{urlencode(query, doseq=True)}"
            # Refused before the end: the answer says why.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                conn.request("POST", target, body=_pieces(file, told), headers=headers)
            return _answer(conn)
        except (OSError, http.client.HTTPException):
            raise self._away() from None
        finally:
            conn.close()

    def _away(self) -> Unavailable:
        return Unavailable(f"The API does not answer at {self._base_url}; start it with ./run, or set CDP_PORT.")


def _pieces(file: Path, told: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    with file.open("rb") as held:
        while piece := held.read(READ_BYTES):
            yield piece
            done += len(piece)
            told(done)


def _answer(conn: http.client.HTTPConnection) -> Any:
    response = conn.getresponse()
    body = response.read()
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    if response.status >= http.HTTPStatus.BAD_REQUEST:
        detail = said.get("detail") if isinstance(said, dict) else None
        raise Refused(str(detail or f"The API answered with status {response.status}."))
    return said
