"""Workspaces, their keys, sources, traits and identity policy: few rows, read often, changed by people."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Identity, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.domain.tables.columns import JSONB, BigInteger, Instant, Integer, LargeBinary, Text, column, key, workspace


class Workspace(SQLModel, table=True):
    """A tenant; nothing ever crosses it. `salt` seasons its public ids."""

    __tablename__ = "workspaces"
    __table_args__ = (UniqueConstraint("name", name="workspaces_name"),)

    id: int = Field(sa_type=Integer, primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str = column(Text)
    salt: str = column(Text)
    catalog_version: int = column(Integer, default="1")
    created_at: datetime = column(Instant)


class DataKey(SQLModel, table=True):
    """A data key or the hash key of a workspace, wrapped by the root key."""

    __tablename__ = "data_keys"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="data_keys_workspace"),
        CheckConstraint("purpose IN ('seal', 'hash')", name="data_keys_purpose"),
    )

    workspace_id: int = workspace()
    id: int = key(Integer)
    purpose: str = column(Text)
    wrapped: bytes = column(LargeBinary)
    active: bool = Field(nullable=False)
    created_at: datetime = column(Instant)


class KeyRotation(SQLModel, table=True):
    """How far a rotation has re-sealed one table; the row is what lets it resume."""

    __tablename__ = "key_rotations"
    __table_args__ = (ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="key_rotations_workspace"),)

    workspace_id: int = workspace()
    table_name: str = key(Text)
    key_id: int = column(Integer)
    position: Any = column(JSONB, null=True)
    resealed: int = column(Integer, default="0")
    done_at: datetime | None = column(Instant, null=True)


class Source(SQLModel, table=True):
    """A system that sends data, what it declares about its values, and its write key. `earlier` is what it declared
    before, oldest first: `[{"until": <the first log id of the next>, "declared": {...}}]`."""

    __tablename__ = "sources"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="sources_workspace"),
        UniqueConstraint("workspace_id", "name", name="sources_name"),
        Index("sources_write_key", "workspace_id", "write_key_token", unique=True),
    )

    workspace_id: int = workspace()
    id: int = Field(sa_type=Integer, sa_column_args=[Identity(always=True)], primary_key=True)
    name: str = column(Text)
    kind: str = column(Text)
    priority: int = column(Integer, default="0")
    declared: Any = column(JSONB, default="{}")
    earlier: Any = column(JSONB, default="[]")
    one_per_person: bool = Field(nullable=False, sa_column_kwargs={"server_default": "false"})
    write_key_token: bytes | None = column(LargeBinary, null=True)
    write_key: bytes | None = column(LargeBinary, null=True)
    created_at: datetime = column(Instant)
    disabled_at: datetime | None = column(Instant, null=True)


class Trait(SQLModel, table=True):
    """A named, typed fact that profiles may have; `class` decides whether it is sealed."""

    __tablename__ = "traits"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="traits_workspace"),
        CheckConstraint("class IN ('public', 'personal', 'sensitive')", name="traits_class"),
        CheckConstraint("origin IN ('built_in', 'arrived', 'defined')", name="traits_origin"),
    )

    workspace_id: int = workspace()
    name: str = key(Text)
    type: str = column(Text)
    class_: str = Field(sa_type=Text, nullable=False, sa_column_kwargs={"name": "class"})
    rule: str = column(Text)
    origin: str = column(Text)
    description: str = column(Text, default="")
    created_at: datetime = column(Instant)


class Refresh(SQLModel, table=True):
    """A walk over all records of a workspace after its rules changed: how far it has come, and whose turn it is."""

    __tablename__ = "refreshes"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="refreshes_workspace"),
        Index("refreshes_open", "workspace_id", "id", postgresql_where=text("done_at IS NULL")),
    )

    workspace_id: int = workspace()
    id: int = key()
    reason: str = column(Text)
    position: int = column(BigInteger, default="0")
    refreshed: int = column(BigInteger, default="0")
    lease: int | None = column(BigInteger, null=True)
    leased_until: datetime | None = column(Instant, null=True)
    created_at: datetime = column(Instant)
    done_at: datetime | None = column(Instant, null=True)


class Policy(SQLModel, table=True):
    """One version of a workspace's identity policy. The highest version is in force. `blocked` are the values and
    patterns that identify nobody, sealed: an address may be among them."""

    __tablename__ = "policies"
    __table_args__ = (ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="policies_workspace"),)

    workspace_id: int = workspace()
    version: int = key(Integer)
    body: Any = column(JSONB)
    blocked: bytes = column(LargeBinary)
    created_at: datetime = column(Instant)
