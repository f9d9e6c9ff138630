"""Where each row of an import went, and what each source declared before."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003_import_rows"
down_revision: str | None = "0002_matching"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("earlier", postgresql.JSONB(), server_default="[]", nullable=False))
    op.create_table(
        "import_pages",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("import_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("positions", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("log_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("repeats", postgresql.ARRAY(sa.Boolean()), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "import_id", "first"),
    )
    op.execute("ALTER TABLE import_pages ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE import_pages FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON import_pages USING "
        "(workspace_id = CAST(NULLIF(current_setting('samewise.workspace', true), '') AS integer))"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON import_pages TO samewise_app")


def downgrade() -> None:
    op.drop_table("import_pages")
    op.drop_column("sources", "earlier")
