"""Records that were there before matching are compared as well: every workspace is derived again once."""

from collections.abc import Sequence

from alembic import op

revision: str = "0004_compared"
down_revision: str | None = "0003_import_rows"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Row-level security holds for the owner as well, so each workspace is entered by its name.
REQUEST = """
DO $$
DECLARE
  each record;
BEGIN
  FOR each IN SELECT id FROM workspace_directory() LOOP
    PERFORM set_config('samewise.workspace', CAST(each.id AS text), true);
    INSERT INTO refreshes (workspace_id, id, reason, created_at)
    SELECT each.id, nextval('thing_ids'), 'matching', now()
     WHERE EXISTS (SELECT FROM source_records WHERE workspace_id = each.id);
  END LOOP;
  PERFORM set_config('samewise.workspace', '', true);
END $$
"""


def upgrade() -> None:
    op.execute(REQUEST)


def downgrade() -> None:
    """A walk that was asked for does no harm where nothing is compared."""
