"""The pieces of a file, each sealed to its place, and the column names that its rejected rows had."""

import orjson

from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict
from app.core.sql import Queries, Tx
from app.domain.imports.ledger import UPLOAD_SILENCE

COLUMNS = -1
"""The number of the piece that holds column names; it outlives the file, for the download of what was rejected."""

CLEAR_AT_ONCE = 200

_imports = Queries("imports")


async def add(tx: Tx, keyring: Keyring, import_id: int, number: int, piece: bytes) -> None:
    """Keep one more piece of an upload. Raises Conflict where the upload was given up.

    The commit of a piece need not reach the disk by itself: that of the whole upload comes after it in the log.
    """
    await tx.conn.execute("SET LOCAL synchronous_commit TO off")
    sealed = keyring.seal(piece, "import_chunks", "body", _place(import_id, number))
    if not await _imports.run(
        tx, "add_piece", id=import_id, number=number, body=sealed, more=len(piece), silence=UPLOAD_SILENCE
    ):
        raise Conflict("This upload was given up meanwhile; send the file again.")


async def one(tx: Tx, keyring: Keyring, import_id: int, number: int) -> bytes:
    sealed = await _imports.value(tx, "piece", id=import_id, number=number)
    if sealed is None:
        raise Conflict("This file was cleared away meanwhile.")
    return keyring.open(sealed, "import_chunks", "body", _place(import_id, number))


async def clear(tx: Tx, import_id: int) -> bool:
    """Delete some pieces of the file; False when none is left."""
    return bool(await _imports.run(tx, "clear", id=import_id, many=CLEAR_AT_ONCE))


async def columns(tx: Tx, keyring: Keyring, import_id: int) -> list[str]:
    """The column names of the rejected rows, in the order in which they came."""
    sealed = await _imports.value(tx, "piece", id=import_id, number=COLUMNS)
    if sealed is None:
        return []
    names: list[str] = orjson.loads(keyring.open(sealed, "import_chunks", "body", _place(import_id, COLUMNS)))
    return names


async def put_columns(tx: Tx, keyring: Keyring, import_id: int, names: list[str]) -> None:
    body = keyring.seal(orjson.dumps(names), "import_chunks", "body", _place(import_id, COLUMNS))
    await _imports.run(tx, "put_columns", id=import_id, body=body)


def _place(import_id: int, number: int) -> str:
    return f"{import_id}/{number}"
