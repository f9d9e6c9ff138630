"""Matching without a shared identifier, what people decided about pairs, and the pairs that wait for them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002_matching"
down_revision: str | None = "0001_spine"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("match_features", "match_keys", "pairs", "decisions", "reviews", "models", "alerts")
# Ciphertext does not compress: trying would only cost time.
SEALED = (("match_features", "features"), ("decisions", "reason"), ("models", "body"))


def upgrade() -> None:
    op.add_column("sources", sa.Column("one_per_person", sa.Boolean(), server_default="false", nullable=False))
    matching()
    people()
    for table in TABLES:
        fence(table)
    for table, column in SEALED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("sources", "one_per_person")


def fence(table: str) -> None:
    """Row-level security, forced also on the owner: no workspace named, no row seen."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {table} USING "
        "(workspace_id = CAST(NULLIF(current_setting('samewise.workspace', true), '') AS integer))"
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO samewise_app")


def matching() -> None:
    op.create_table(
        "match_features",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.Column("tokens", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "record_id"),
    )
    op.create_table(
        "match_keys",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "token", "record_id"),
    )
    op.create_table(
        "pairs",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("a", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("b", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "a", "b"),
    )
    op.create_index("pairs_b", "pairs", ["workspace_id", "b"], unique=False)
    op.create_table(
        "models",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "version"),
    )


def people() -> None:
    op.create_table(
        "decisions",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("act_id", sa.BigInteger(), nullable=False),
        sa.Column("a", sa.BigInteger(), nullable=False),
        sa.Column("b", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    standing = sa.text("revoked_at IS NULL")
    op.create_index("decisions_pair", "decisions", ["workspace_id", "a", "b"], unique=True, postgresql_where=standing)
    op.create_index("decisions_b", "decisions", ["workspace_id", "b"], unique=False, postgresql_where=standing)
    op.create_index("decisions_act", "decisions", ["workspace_id", "act_id"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("a", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("b", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("worth", sa.Float(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "a", "b"),
    )
    op.create_index("reviews_b", "reviews", ["workspace_id", "b"], unique=False)
    op.create_index("reviews_worth", "reviews", ["workspace_id", "worth", "a", "b"], unique=False)
    op.create_table(
        "alerts",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=True),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index(
        "alerts_open",
        "alerts",
        ["workspace_id", "kind", "token"],
        unique=True,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
