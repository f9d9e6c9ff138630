"""What of the scoring is done already: a file for each finished chunk, so that a killed run does not begin anew.

A file holds ids and scores, nothing that anybody said. It is good for the very features, keys and model that it was
made of and no others: their digest is the name of its directory.
"""

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


class Chunks:
    """The finished chunks of one scoring, under a directory of this workspace's own."""

    def __init__(self, home: Path, digest: str) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        self._place = home / digest
        for other in home.iterdir():
            if other != self._place:
                shutil.rmtree(other, ignore_errors=True)  # of records or a model that are not these any more
        self._place.mkdir(mode=0o700, exist_ok=True)

    def get(self, number: int) -> pa.Table | None:
        """A chunk that was finished, or None."""
        place = self._path(number)
        return pq.read_table(place) if place.exists() else None

    def put(self, number: int, rows: pa.Table) -> None:
        """Keep a chunk: whole or not at all, whenever this process ends."""
        place = self._path(number)
        part = place.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            pq.write_table(rows, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)

    def _path(self, number: int) -> Path:
        return self._place / f"{number:06}.parquet"


def forget(home: Path) -> None:
    """Everything is done: nobody goes on from here."""
    shutil.rmtree(home, ignore_errors=True)
