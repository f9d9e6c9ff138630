"""Column kinds that every table shares."""

from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

Instant = DateTime(timezone=True)
Longs = ARRAY(BigInteger)


def workspace() -> Any:
    return Field(sa_type=Integer, primary_key=True, sa_column_kwargs={"autoincrement": False})


def key(kind: Any = BigInteger) -> Any:
    return Field(sa_type=kind, primary_key=True, sa_column_kwargs={"autoincrement": False})


def column(kind: Any, *, null: bool = False, default: str | None = None) -> Any:
    kwargs: dict[str, Any] = {} if default is None else {"server_default": default}
    return Field(sa_type=kind, nullable=null, sa_column_kwargs=kwargs)


__all__ = [
    "ARRAY",
    "JSONB",
    "BigInteger",
    "Instant",
    "Integer",
    "LargeBinary",
    "Longs",
    "SmallInteger",
    "Text",
    "column",
    "key",
    "workspace",
]
