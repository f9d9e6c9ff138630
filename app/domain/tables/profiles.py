"""Golden profiles: one row each, and what every version changed and why."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.domain.tables.columns import (
    JSONB,
    BigInteger,
    Instant,
    Integer,
    LargeBinary,
    Longs,
    Text,
    column,
    key,
    workspace,
)


class Profile(SQLModel, table=True):
    """The golden profile. `public` is what SQL may see, `sealed` the rest of the traits and the identifiers,
    `proof` where each value came from and which records stand behind it. A row that is not live was merged away."""

    __tablename__ = "profiles"
    __table_args__ = (
        Index("profiles_component", "workspace_id", "component_id"),
        {"postgresql_with": {"fillfactor": 85}},
    )

    workspace_id: int = workspace()
    id: int = key()
    component_id: int = column(BigInteger)
    version: int = column(Integer)
    live: bool = Field(nullable=False)
    created_at: datetime = column(Instant)
    updated_at: datetime = column(Instant)
    public: Any = column(JSONB)
    sealed: bytes = column(LargeBinary)
    proof: bytes = column(LargeBinary)


class ProfileVersion(SQLModel, table=True):
    """What one version changed. `joined` and `parted` are record ids: folding them replays the partition."""

    __tablename__ = "profile_versions"

    workspace_id: int = workspace()
    profile_id: int = key()
    version: int = key(Integer)
    at: datetime = column(Instant)
    reason: str = column(Text)
    log_ids: list[int] = column(Longs)
    other_id: int | None = column(BigInteger, null=True)
    joined: list[int] = column(Longs)
    parted: list[int] = column(Longs)
    whole: bool = Field(nullable=False)
    body: bytes = column(LargeBinary)
