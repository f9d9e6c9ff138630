"""`cdp migrate`: bring schema, keys and the default workspace to this release."""

from app.cli.answer import AsJson, answer
from app.cli.connect import connected
from app.cli.prepare import prepare
from app.cli.schema import migrate


def migrate_command(as_json: AsJson = False) -> None:
    """Bring the database to the schema of this release, and make keys and the default workspace.

    Example: CDP_MIGRATE_URL=postgresql://owner@db/samewise cdp migrate
    """
    with connected(migrate=False) as settings:
        migrate(settings.owner_url)
        prepare(settings)
    answer({"migrated": True}, "The database has the schema of this release.", as_json=as_json)
