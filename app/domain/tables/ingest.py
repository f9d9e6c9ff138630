"""The ingest log, what waits in it, and what became of each message."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKeyConstraint, Index, text
from sqlmodel import SQLModel

from app.domain.tables.columns import (
    ARRAY,
    JSONB,
    BigInteger,
    Instant,
    Integer,
    LargeBinary,
    Longs,
    SmallInteger,
    Text,
    column,
    key,
    workspace,
)


class LogEntry(SQLModel, table=True):
    """What a source said, word for word and sealed, once: the unique token deduplicates for ever."""

    __tablename__ = "ingest_log"
    __table_args__ = (Index("ingest_log_message", "workspace_id", "message_token", unique=True),)

    workspace_id: int = workspace()
    id: int = key()
    message_token: bytes = column(LargeBinary)
    source_id: int = column(Integer)
    kind: int = column(SmallInteger)
    received_at: datetime = column(Instant)
    body: bytes = column(LargeBinary)


class Waiting(SQLModel, table=True):
    """A log entry that the pipeline has not settled yet; leased while a worker holds it."""

    __tablename__ = "ingest_queue"
    __table_args__ = ({"postgresql_with": {"fillfactor": 60}},)

    workspace_id: int = workspace()
    log_id: int = key()
    attempts: int = column(SmallInteger, default="0")
    lease: int | None = column(BigInteger, null=True)
    leased_until: datetime | None = column(Instant, null=True)


class RunningWorker(SQLModel, table=True):
    """A worker process that runs, as long as it holds the advisory lock of its lease. Rows live in workspace 0, which
    is nobody's."""

    __tablename__ = "workers"

    workspace_id: int = workspace()
    lease: int = key()
    started_at: datetime = column(Instant)


class Fate(SQLModel, table=True):
    """What became of one message, and the profile version it made."""

    __tablename__ = "fates"

    workspace_id: int = workspace()
    log_id: int = key()
    fate: str = column(Text)
    reason: str | None = column(Text, null=True)
    record_id: int | None = column(BigInteger, null=True)
    profile_id: int | None = column(BigInteger, null=True)
    profile_version: int | None = column(Integer, null=True)
    settled_at: datetime = column(Instant)


class Batch(SQLModel, table=True):
    """One accepted record-ingest request: its answer, for `Idempotency-Key` and for the fate of its items."""

    __tablename__ = "ingest_batches"
    __table_args__ = (
        Index(
            "ingest_batches_idempotency",
            "workspace_id",
            "idempotency_token",
            unique=True,
            postgresql_where=text("idempotency_token IS NOT NULL"),
        ),
    )

    workspace_id: int = workspace()
    id: int = key()
    source_id: int = column(Integer)
    idempotency_token: bytes | None = column(LargeBinary, null=True)
    request_token: bytes | None = column(LargeBinary, null=True)
    answer: Any = column(JSONB)
    received_at: datetime = column(Instant)


class LatestContent(SQLModel, table=True):
    """The newest content under a source key that came without a time of its own: a repeat of it is a duplicate."""

    __tablename__ = "latest_contents"

    workspace_id: int = workspace()
    source_id: int = key(Integer)
    key_token: bytes = key(LargeBinary)
    content_token: bytes = column(LargeBinary)


class Import(SQLModel, table=True):
    """A file on its way into the log: stored sealed in chunks, then worked off row by row."""

    __tablename__ = "imports"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="imports_workspace"),
        Index("imports_open", "workspace_id", "id", postgresql_where=text("state IN ('waiting', 'running')")),
    )

    workspace_id: int = workspace()
    id: int = key()
    source_id: int = column(Integer)
    format: str = column(Text)
    state: str = column(Text)
    options: Any = column(JSONB, default="{}")
    bytes: int = column(BigInteger)
    position: int = column(BigInteger, default="0")
    rows_read: int = column(BigInteger, default="0")
    accepted: int = column(BigInteger, default="0")
    duplicates: int = column(BigInteger, default="0")
    rejected: int = column(BigInteger, default="0")
    failure: str | None = column(Text, null=True)
    attempts: int = column(SmallInteger, default="0")
    lease: int | None = column(BigInteger, null=True)
    leased_until: datetime | None = column(Instant, null=True)
    created_at: datetime = column(Instant)
    finished_at: datetime | None = column(Instant, null=True)


class ImportChunk(SQLModel, table=True):
    """A piece of an import file, sealed; deleted when the import is finished."""

    __tablename__ = "import_chunks"

    workspace_id: int = workspace()
    import_id: int = key()
    number: int = key(Integer)
    body: bytes = column(LargeBinary)


class ImportPage(SQLModel, table=True):
    """Rows of an import that were committed together: where each one went. `log_ids` has an entry for each of
    `positions`, its own or the one that it repeats; null for a repeat of the newest content under its key."""

    __tablename__ = "import_pages"

    workspace_id: int = workspace()
    import_id: int = key()
    first: int = key()
    positions: list[int] = column(Longs)
    log_ids: list[int | None] = column(Longs)
    repeats: list[bool] = column(ARRAY(Boolean))
    read_at: datetime = column(Instant)
