"""Matching without a shared identifier: what is compared, where candidates meet, the pairs found, and the models."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.domain.tables.columns import ARRAY, Instant, Integer, LargeBinary, Text, column, key, workspace


class MatchFeatures(SQLModel, table=True):
    """What a live record is compared by: the plain columns of the model, derived from its traits, sealed. `tokens` are
    its keys in `match_keys`."""

    __tablename__ = "match_features"

    workspace_id: int = workspace()
    record_id: int = key()
    features: bytes = column(LargeBinary)
    tokens: list[bytes] = column(ARRAY(LargeBinary))


class MatchKey(SQLModel, table=True):
    """A blocking key of a record, as a keyed hash: only records that share one are compared."""

    __tablename__ = "match_keys"

    workspace_id: int = workspace()
    token: bytes = key(LargeBinary)
    record_id: int = key()


class Pair(SQLModel, table=True):
    """Two records that the model scored at or above the review threshold, `a` < `b`, in log2 Bayes factors."""

    __tablename__ = "pairs"
    __table_args__ = (Index("pairs_b", "workspace_id", "b"),)

    workspace_id: int = workspace()
    a: int = key()
    b: int = key()
    score: float = Field(nullable=False)
    model: int = column(Integer)


class MatchModel(SQLModel, table=True):
    """One version of a workspace's own model, trained on its records. The policy in force names the one in use."""

    __tablename__ = "models"

    workspace_id: int = workspace()
    version: int = key(Integer)
    origin: str = column(Text)
    body: bytes = column(LargeBinary)
    created_at: datetime = column(Instant)
