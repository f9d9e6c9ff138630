"""What people decided about pairs of records, the pairs that wait for them, and what somebody should look at."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from app.domain.tables.columns import BigInteger, Instant, Integer, LargeBinary, Text, column, key, workspace


class Decision(SQLModel, table=True):
    """A verdict on two records, `a` < `b`: `same` or `different`. Those made in one act (a split) share `act_id`.

    One verdict stands for a pair at a time; a revoked one stays as history.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index("decisions_pair", "workspace_id", "a", "b", unique=True, postgresql_where=text("revoked_at IS NULL")),
        Index("decisions_b", "workspace_id", "b", postgresql_where=text("revoked_at IS NULL")),
        Index("decisions_act", "workspace_id", "act_id"),
    )

    workspace_id: int = workspace()
    id: int = key()
    act_id: int = column(BigInteger)
    a: int = column(BigInteger)
    b: int = column(BigInteger)
    verdict: str = column(Text)
    origin: str = column(Text)
    reason: bytes | None = column(LargeBinary, null=True)
    decided_by: str = column(Text)
    decided_at: datetime = column(Instant)
    revoked_by: str | None = column(Text, null=True)
    revoked_at: datetime | None = column(Instant, null=True)


class Review(SQLModel, table=True):
    """A pair that a person should see, `a` < `b`: scored between the thresholds, or linked and refused.

    Written by the pipeline with the clusters that it derives, so it is a function of the data. `worth` orders the
    queue, the greatest first.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        Index("reviews_b", "workspace_id", "b"),
        Index("reviews_worth", "workspace_id", "worth", "a", "b"),
    )

    workspace_id: int = workspace()
    a: int = key()
    b: int = key()
    worth: float = Field(nullable=False)
    kind: str = column(Text)
    namespace: str | None = column(Text, null=True)
    score: float | None = Field(default=None)
    refused: str | None = column(Text, null=True)


class Alert(SQLModel, table=True):
    """Something in the identities that somebody should look at: an identifier that went generic and let go of people,
    a component that grew past its cap. One open alert a subject."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "alerts_open",
            "workspace_id",
            "kind",
            "token",
            unique=True,
            postgresql_where=text("settled_at IS NULL"),
        ),
    )

    workspace_id: int = workspace()
    id: int = key()
    kind: str = column(Text)
    token: bytes = column(LargeBinary)
    namespace: str | None = column(Text, null=True)
    record_id: int = column(BigInteger)
    size: int = column(Integer)
    raised_at: datetime = column(Instant)
    settled_at: datetime | None = column(Instant, null=True)
