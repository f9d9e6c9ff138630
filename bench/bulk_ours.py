"""One candidate of bench/bulk.py: all stages over one workspace, timed. Prints one line of JSON."""

import asyncio
import json
import os
import sys
import time

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.domain import keys, policies
from app.domain.bulk.difference import difference
from app.domain.bulk.engine import Duck, Engine
from app.domain.bulk.partition import opened, partition, snapshot
from app.domain.bulk.rules import rules
from app.domain.bulk.scored import BOUNDS, CHUNK, MET
from bench.measure import peak_memory


async def main(workspace: int) -> None:
    rt = await Runtime.open(Settings(), pool_size=2)
    seconds: dict[str, float] = {}
    now = ["Reading", time.perf_counter()]

    def told(stage: str, _done: int, _total: int | None) -> None:
        at = time.perf_counter()
        seconds[str(now[0])] = seconds.get(str(now[0]), 0.0) + at - float(now[1])
        now[:] = [stage, at]

    async with rt.begin(workspace) as tx, opened(Duck()) as engine:
        await snapshot(tx)
        keyring = await keys.load(rt.key_service, tx)
        by = await rules(tx, keyring, await policies.in_force(tx, keyring))
        found = await difference(tx, keyring, await partition(tx, keyring, by, engine, told))
        told("done", 0, None)
        peak = peak_memory(os.getpid())
        compared = met(engine)
        kept = engine.rows("SELECT count(*) FROM pairs")[0][0]
    await rt.close()
    said = {"seconds": seconds, "peak": peak, "compared": compared, "kept": kept, "profiles": found.then}
    print(json.dumps(said))


def met(engine: Engine) -> int:
    """How many pairs were scored."""
    bounds = engine.rows(BOUNDS.format(chunk=CHUNK))
    return sum(
        engine.rows(f"SELECT count(*) FROM ({MET.format(first=first, last=last)}) AS met")[0][0]
        for first, last in bounds
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
