"""How often a serving process looks for reference cycles.

A batch of a thousand messages makes some hundred thousand objects and drops
them all by reference count; Python's usual threshold would walk them several
hundred times meanwhile. Measured: a quarter of the pipeline's and of the
accept path's time.
"""

import gc

ALLOCATIONS = 100_000


def collect_seldom() -> None:
    """Leave what is loaded by now out of every collection, and look at the rest seldom. Call once, after imports."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 50)
