"""JSON answers written straight from what was read: a response model documents them, orjson writes them."""

from typing import Any

import orjson
from fastapi.responses import Response

_OPTIONS = orjson.OPT_UTC_Z


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response; instants are ISO 8601 in UTC."""
    return Response(orjson.dumps(body, option=_OPTIONS), status, headers, media_type="application/json")
