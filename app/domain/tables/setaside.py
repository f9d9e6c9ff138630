"""What could not be taken as it came: kept sealed, with its reason, until somebody decides."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlmodel import SQLModel

from app.domain.tables.columns import BigInteger, Instant, Integer, LargeBinary, Text, column, key, workspace


class Quarantine(SQLModel, table=True):
    """One message or row set aside. `code` and `pointer` say what is wrong and where; the words are sealed."""

    __tablename__ = "quarantine"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="quarantine_workspace"),
        Index("quarantine_message", "workspace_id", "message_token"),
        Index("quarantine_open", "workspace_id", "id", postgresql_where=text("state = 'open'")),
        Index("quarantine_import", "workspace_id", "import_id", "position"),
    )

    workspace_id: int = workspace()
    id: int = key()
    source_id: int | None = column(Integer, null=True)
    kind: str = column(Text)
    message_token: bytes | None = column(LargeBinary, null=True)
    log_id: int | None = column(BigInteger, null=True)
    import_id: int | None = column(BigInteger, null=True)
    position: int | None = column(BigInteger, null=True)
    code: str = column(Text)
    pointer: str = column(Text)
    detail: str = column(Text)
    body: bytes = column(LargeBinary)
    state: str = column(Text)
    replayed_as: int | None = column(BigInteger, null=True)
    resolution: bytes | None = column(LargeBinary, null=True)
    set_aside_at: datetime = column(Instant)
    settled_at: datetime | None = column(Instant, null=True)
