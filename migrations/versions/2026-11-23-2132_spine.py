"""The spine: workspaces, the ingest log, source records, golden profiles, and who may see which row."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001_spine"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = (
    "workspaces",
    "data_keys",
    "key_rotations",
    "sources",
    "traits",
    "policies",
    "refreshes",
    "ingest_log",
    "ingest_queue",
    "workers",
    "fates",
    "ingest_batches",
    "latest_contents",
    "imports",
    "import_chunks",
    "source_records",
    "record_identifiers",
    "links",
    "events",
    "profiles",
    "profile_versions",
    "quarantine",
)
# Records take odd numbers and everything else that outsiders name takes even ones: no two public ids are the same text.
SEQUENCES = {
    "workspace_ids": "",
    "log_ids": "",
    "record_ids": "START 1 INCREMENT 2",
    "thing_ids": "START 2 INCREMENT 2",
    "lease_ids": "",
}

# The role that serves. It owns nothing and cannot pass by row-level security.
# The lookout sees in which workspaces work waits, and nothing else; only the functions below run as it.
ROLES = """
DO $$
BEGIN
  BEGIN
    CREATE ROLE samewise_app NOLOGIN NOBYPASSRLS NOSUPERUSER;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  BEGIN
    CREATE ROLE samewise_lookout NOLOGIN NOBYPASSRLS NOSUPERUSER;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  EXECUTE format('GRANT samewise_app, samewise_lookout TO %I', current_user);
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO samewise_app', current_schema());
  EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO samewise_lookout', current_schema());
END $$
"""

FUNCTIONS = (
    # Which workspaces there are: needed before a transaction can name one.
    """
    CREATE FUNCTION workspace_directory() RETURNS TABLE (id integer, name text, salt text, catalog_version integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS $$ SELECT id, name, salt, catalog_version FROM workspaces ORDER BY id $$
    """,
    # Which workspaces have messages that nobody holds: a skip scan, one index probe a workspace.
    """
    CREATE FUNCTION workspaces_with_work(at timestamptz) RETURNS SETOF integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS $$
      WITH RECURSIVE each(id) AS (
        (SELECT workspace_id FROM ingest_queue ORDER BY workspace_id LIMIT 1)
        UNION ALL
        SELECT (SELECT q.workspace_id FROM ingest_queue q
                 WHERE q.workspace_id > each.id ORDER BY q.workspace_id LIMIT 1)
          FROM each WHERE each.id IS NOT NULL
      )
      SELECT each.id FROM each
       WHERE each.id IS NOT NULL
         AND EXISTS (SELECT FROM ingest_queue q
                      WHERE q.workspace_id = each.id AND (q.leased_until IS NULL OR q.leased_until < at))
    $$
    """,
    # How much waits in each workspace, counted no further than the cap, and since when the oldest does.
    """
    CREATE FUNCTION workspace_backlogs(cap integer)
    RETURNS TABLE (workspace_id integer, waiting bigint, oldest timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS $$
      SELECT w.id,
             (SELECT count(*) FROM (SELECT FROM ingest_queue q WHERE q.workspace_id = w.id LIMIT cap) AS capped),
             (SELECT l.received_at FROM ingest_log l
               WHERE l.workspace_id = w.id
                 AND l.id = (SELECT min(q.log_id) FROM ingest_queue q WHERE q.workspace_id = w.id))
        FROM workspaces w
    $$
    """,
    """
    CREATE FUNCTION workspaces_with_imports(at timestamptz) RETURNS SETOF integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS $$
      SELECT DISTINCT workspace_id FROM imports
       WHERE state IN ('waiting', 'running') AND (leased_until IS NULL OR leased_until < at)
    $$
    """,
    """
    CREATE FUNCTION workspaces_with_refreshes(at timestamptz) RETURNS SETOF integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS $$
      SELECT DISTINCT workspace_id FROM refreshes
       WHERE done_at IS NULL AND (leased_until IS NULL OR leased_until < at)
    $$
    """,
)
# Ciphertext does not compress: trying would only cost time.
SEALED = (
    ("ingest_log", "body"),
    ("import_chunks", "body"),
    ("source_records", "state"),
    ("profiles", "sealed"),
    ("profiles", "proof"),
    ("profile_versions", "body"),
    ("quarantine", "body"),
    ("policies", "blocked"),
)
SIGNATURES = (
    "workspace_directory()",
    "workspaces_with_work(timestamptz)",
    "workspace_backlogs(integer)",
    "workspaces_with_imports(timestamptz)",
    "workspaces_with_refreshes(timestamptz)",
)
LOOKOUT_SEES = ("workspaces", "ingest_queue", "imports", "refreshes")


def upgrade() -> None:
    op.execute(ROLES)
    for name, how in SEQUENCES.items():
        op.execute(f"CREATE SEQUENCE {name} {how}")
    workspaces()
    catalog()
    rules()
    ingest()
    fates()
    imports()
    identity()
    profiles()
    quarantine()
    for table in TABLES:
        fence(table)
    for table, column in SEALED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    for name in SEQUENCES:
        op.execute(f"GRANT USAGE ON SEQUENCE {name} TO samewise_app")
    for body in FUNCTIONS:
        op.execute(body)
    lookout()


def downgrade() -> None:
    """Drop everything but the roles: those belong to the whole server and may serve another database."""
    for name in SIGNATURES:
        op.execute(f"DROP FUNCTION {name}")
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in SEQUENCES:
        op.execute(f"DROP SEQUENCE {name}")


def fence(table: str) -> None:
    """Row-level security, forced also on the owner: no workspace named, no row seen."""
    column = "id" if table == "workspaces" else "workspace_id"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {table} USING "
        f"({column} = CAST(NULLIF(current_setting('samewise.workspace', true), '') AS integer))"
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO samewise_app")


def lookout() -> None:
    for table in LOOKOUT_SEES:
        op.execute(f"CREATE POLICY lookout ON {table} FOR SELECT TO samewise_lookout USING (true)")
        op.execute(f"GRANT SELECT ON {table} TO samewise_lookout")
    op.execute("CREATE POLICY lookout ON ingest_log FOR SELECT TO samewise_lookout USING (true)")
    op.execute("GRANT SELECT (workspace_id, id, received_at) ON ingest_log TO samewise_lookout")
    for name in SIGNATURES:
        op.execute(f"ALTER FUNCTION {name} OWNER TO samewise_lookout")
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO samewise_app")


def workspaces() -> None:
    op.create_table(
        "workspaces",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("catalog_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="workspaces_name"),
    )
    op.create_table(
        "data_keys",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("purpose IN ('seal', 'hash')", name="data_keys_purpose"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="data_keys_workspace"),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_table(
        "key_rotations",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("table_name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("position", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("resealed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="key_rotations_workspace"),
        sa.PrimaryKeyConstraint("workspace_id", "table_name"),
    )


def catalog() -> None:
    op.create_table(
        "sources",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("declared", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("write_key_token", sa.LargeBinary(), nullable=True),
        sa.Column("write_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="sources_workspace"),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "name", name="sources_name"),
    )
    op.create_index("sources_write_key", "sources", ["workspace_id", "write_key_token"], unique=True)
    op.create_table(
        "traits",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("class IN ('public', 'personal', 'sensitive')", name="traits_class"),
        sa.CheckConstraint("origin IN ('built_in', 'arrived', 'defined')", name="traits_origin"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="traits_workspace"),
        sa.PrimaryKeyConstraint("workspace_id", "name"),
    )


def rules() -> None:
    op.create_table(
        "policies",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("blocked", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="policies_workspace"),
        sa.PrimaryKeyConstraint("workspace_id", "version"),
    )
    op.create_table(
        "refreshes",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refreshed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="refreshes_workspace"),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index(
        "refreshes_open",
        "refreshes",
        ["workspace_id", "id"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )


def ingest() -> None:
    op.create_table(
        "ingest_log",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_token", sa.LargeBinary(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("ingest_log_message", "ingest_log", ["workspace_id", "message_token"], unique=True)
    op.create_table(
        "ingest_queue",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("log_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "log_id"),
        postgresql_with={"fillfactor": 60},
    )


def fates() -> None:
    op.create_table(
        "workers",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lease", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "lease"),
    )
    op.create_table(
        "fates",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("log_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("record_id", sa.BigInteger(), nullable=True),
        sa.Column("profile_id", sa.BigInteger(), nullable=True),
        sa.Column("profile_version", sa.Integer(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "log_id"),
    )
    op.create_table(
        "ingest_batches",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("idempotency_token", sa.LargeBinary(), nullable=True),
        sa.Column("request_token", sa.LargeBinary(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index(
        "ingest_batches_idempotency",
        "ingest_batches",
        ["workspace_id", "idempotency_token"],
        unique=True,
        postgresql_where=sa.text("idempotency_token IS NOT NULL"),
    )
    op.create_table(
        "latest_contents",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_token", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("content_token", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "source_id", "key_token"),
    )


def imports() -> None:
    op.create_table(
        "imports",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("accepted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("duplicates", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="imports_workspace"),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index(
        "imports_open",
        "imports",
        ["workspace_id", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_table(
        "import_chunks",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("import_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "import_id", "number"),
    )


def identity() -> None:
    op.create_table(
        "source_records",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("key_token", sa.LargeBinary(), nullable=False),
        sa.Column("profile_id", sa.BigInteger(), nullable=True),
        sa.Column("component_id", sa.BigInteger(), nullable=True),
        sa.Column("heir_id", sa.BigInteger(), nullable=True),
        sa.Column("born_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
        postgresql_with={"fillfactor": 85},
    )
    op.create_index("source_records_component", "source_records", ["workspace_id", "component_id"], unique=False)
    op.create_index("source_records_key", "source_records", ["workspace_id", "source_id", "key_token"], unique=True)
    op.create_table(
        "record_identifiers",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "token", "record_id"),
    )
    op.create_table(
        "links",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("a", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("b", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("token", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("namespace", sa.Text(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("model", sa.Integer(), nullable=True),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "a", "b", "kind", "token"),
    )
    op.create_table(
        "events",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), autoincrement=False, nullable=False),
        sa.Column("log_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("name_token", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "record_id", "occurred_at", "log_id"),
    )


def profiles() -> None:
    op.create_table(
        "profiles",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("component_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("public", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
        postgresql_with={"fillfactor": 85},
    )
    op.create_index("profiles_component", "profiles", ["workspace_id", "component_id"], unique=False)
    op.create_table(
        "profile_versions",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("profile_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("log_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=True),
        sa.Column("joined", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("parted", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "profile_id", "version"),
    )


def quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message_token", sa.LargeBinary(), nullable=True),
        sa.Column("log_id", sa.BigInteger(), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("pointer", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("replayed_as", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.LargeBinary(), nullable=True),
        sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="quarantine_workspace"),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("quarantine_import", "quarantine", ["workspace_id", "import_id", "position"], unique=False)
    op.create_index("quarantine_message", "quarantine", ["workspace_id", "message_token"], unique=False)
    op.create_index(
        "quarantine_open",
        "quarantine",
        ["workspace_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
