"""Figures for Prometheus, of this process and, where `PROMETHEUS_MULTIPROC_DIR` is set, of all beside it.

Labels are names of our own (steps, doors, statuses, fates), never a value that
somebody sent.
"""

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

INGEST_ANSWERS = Counter("samewise_ingest_answers_total", "Answers of the ingest doors", ["door", "status"])
INGEST_SECONDS = Histogram(
    "samewise_ingest_seconds", "Seconds from a request to its answer after the commit", ["door"], buckets=FAST
)
STEP_SECONDS = Histogram("samewise_pipeline_step_seconds", "Seconds of a step, per batch", ["step"], buckets=FAST)
BATCHES = Counter("samewise_pipeline_batches_total", "Batches by how they ended", ["outcome"])
MESSAGES = Counter("samewise_pipeline_messages_total", "Messages by the fate that the pipeline gave them", ["fate"])


def exposition() -> bytes:
    """The figures in the Prometheus text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)
