"""The other candidate of bench/bulk.py: Splink's prediction for the same pairs. Prints one line of JSON.

It is given the columns, the frequencies and the live blocking keys of every record; what is timed is its prediction
alone, blocking included, which the scoring stage of ours is compared with.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.domain import keys, policies
from app.domain.bulk.engine import Duck
from app.domain.bulk.partition import opened, snapshot
from app.domain.bulk.reading import read
from app.domain.bulk.rules import Rules, rules
from app.domain.bulk.scored import MEETINGS
from app.identity.cluster import STEPS
from app.identity.matching.features import Features
from app.identity.matching.model import Model
from app.identity.matching.splink_settings import splink_settings

RECORDS = """
SELECT f.*, f.id AS unique_id, coalesce(m.keys, []) AS keys
  FROM features f LEFT JOIN (SELECT id, list(hi::VARCHAR || '.' || lo::VARCHAR) AS keys FROM meetings GROUP BY id) AS m
    ON m.id = f.id WHERE f.id > {after} ORDER BY f.id LIMIT 20000
"""


async def main(workspace: int) -> None:
    with tempfile.TemporaryDirectory(prefix="samewise-bench-") as home:
        place = Path(home) / "records.parquet"
        by = await _written(workspace, place)
        assert by.model is not None
        print(json.dumps(predicted(by.model, by.floor / STEPS, place)))


async def _written(workspace: int, place: Path) -> Rules:
    """The records of the workspace, in a file that Splink's own engine reads. They are made up."""
    rt = await Runtime.open(Settings(), pool_size=2)
    async with rt.begin(workspace) as tx, opened(Duck()) as engine:
        await snapshot(tx)
        keyring = await keys.load(rt.key_service, tx)
        by = await rules(tx, keyring, await policies.in_force(tx, keyring))
        assert by.model is not None
        assert by.matcher is not None
        await read(tx, keyring, by, engine, lambda *_: None, 0)
        engine.run(MEETINGS.format(most=by.matcher.max_holders))
        after, file = -1, None
        while rows := engine.rows(RECORDS.format(after=after)):
            held = _table(by.model, rows)
            file = file or pq.ParquetWriter(place, held.schema)
            file.write_table(held)
            after = rows[-1][0]
        assert file is not None
        file.close()
    await rt.close()
    return by


def _table(model: Model, rows: list[tuple[Any, ...]]) -> pa.Table:
    names = ("id", *Features._fields, "unique_id", "keys")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    texts = pa.list_(pa.string())
    held = {name: pa.array(columns[name], texts if isinstance(columns[name][0], list) else None) for name in names[1:]}
    for name, known in model.frequencies.items():
        often = [known.of(value) if value else None for value in columns[name]]
        held[f"tf_{name}"] = pa.array(often, pa.float64())
    return pa.table(held)


def predicted(model: Model, least: float, place: Path) -> dict[str, float]:
    """How long Splink takes, and how many pairs it finds at or above the review threshold."""
    import duckdb
    from splink import Linker, block_on
    from splink.backends.duckdb import DuckDBAPI

    conn = duckdb.connect()
    conn.execute(f"CREATE TABLE people AS SELECT * FROM read_parquet('{place}')")
    settings = splink_settings(model)
    settings["blocking_rules_to_generate_predictions"] = [block_on("keys", arrays_to_explode=["keys"])]
    settings["retain_intermediate_calculation_columns"] = False
    settings["retain_matching_columns"] = False
    api = DuckDBAPI(connection=conn)
    linker = Linker(api.register("people"), settings)
    started = time.perf_counter()
    found = linker.inference.predict(threshold_match_weight=least)
    pairs = len(found.as_record_list())
    return {"seconds": time.perf_counter() - started, "pairs": pairs}


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
