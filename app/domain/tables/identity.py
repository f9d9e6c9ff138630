"""Source records, the identifiers they carry, the links between them, and the events they own."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.domain.tables.columns import (
    BigInteger,
    Instant,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    column,
    key,
    workspace,
)


class SourceRecord(SQLModel, table=True):
    """The current state of one entity in one source. Its id is minted once and is the id of a profile that it founds.

    `component_id` names the connected component over all links, refused ones
    included: what a change of this record can reach. `heir_id` is where the id
    leads after the record is removed.
    """

    __tablename__ = "source_records"
    __table_args__ = (
        Index("source_records_key", "workspace_id", "source_id", "key_token", unique=True),
        Index("source_records_component", "workspace_id", "component_id"),
        {"postgresql_with": {"fillfactor": 85}},
    )

    workspace_id: int = workspace()
    id: int = key()
    source_id: int = column(Integer)
    key_token: bytes = column(LargeBinary)
    profile_id: int | None = column(BigInteger, null=True)
    component_id: int | None = column(BigInteger, null=True)
    heir_id: int | None = column(BigInteger, null=True)
    born_at: datetime = column(Instant)
    removed: bool = Field(nullable=False)
    state: bytes = column(LargeBinary)


class RecordIdentifier(SQLModel, table=True):
    """A record carries an identifier, as a keyed hash. Blocked values are not here; generic ones are."""

    __tablename__ = "record_identifiers"

    workspace_id: int = workspace()
    token: bytes = key(LargeBinary)
    record_id: int = key()
    namespace: str = column(Text)


class Link(SQLModel, table=True):
    """A reason that holds two records together, or one that was refused, with its because.

    `a` < `b`. Kept: the links that united two sides, and every refused one.
    """

    __tablename__ = "links"

    workspace_id: int = workspace()
    a: int = key()
    b: int = key()
    kind: str = key(Text)
    token: bytes = key(LargeBinary)
    namespace: str | None = column(Text, null=True)
    score: float | None = Field(default=None)
    model: int | None = column(Integer, null=True)
    refused: str | None = column(Text, null=True)


class Event(SQLModel, table=True):
    """Something that happened, owned by its source record; its words are the log entry's."""

    __tablename__ = "events"

    workspace_id: int = workspace()
    record_id: int = key()
    occurred_at: datetime = key(Instant)
    log_id: int = key()
    type: int = column(SmallInteger)
    name_token: bytes | None = column(LargeBinary, null=True)
