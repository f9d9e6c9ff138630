"""The road of every record: open, normalize, resolve, merge, version, settle, in one transaction per batch.

Each step is a named function of the batch; it returns the batch or sets a
record aside under a named reason. A step that raises fails the whole batch,
which is retried; app/domain/pipeline/work.py decides how.
"""

from app.domain.entries import Entry, SetAside
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.run import STEPS, run

__all__ = ["STEPS", "Batch", "Entry", "SetAside", "run"]
