"""`cdp migrate`: bring schema, keys and the default workspace to this release."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import app
from app.cli.answer import AsJson, answer
from app.cli.connect import connected
from app.cli.prepare import prepare
from app.core.errors import Unavailable
from app.core.runtime import DATABASE_AWAY

SCRIPTS = Path(app.__file__).parent.parent / "migrations"


def migrate(database_url: str) -> None:
    """Run every migration that the database has not had, as its owner; safe to call by many at once."""
    config = Config()
    # Alembic reads '%' as the start of a name; a directory may well hold one.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    try:
        command.upgrade(config, "head")
    except DATABASE_AWAY as away:
        raise Unavailable("The database does not answer; see that it runs and that its URL is right.") from away


def migrate_command(as_json: AsJson = False) -> None:
    """Bring the database to the schema of this release, and make keys and the default workspace.

    Example: CDP_MIGRATE_URL=postgresql://owner@db/samewise cdp migrate
    """
    with connected(migrate=False) as settings:
        assert settings.database_url is not None, "connected() fills it in"
        migrate(settings.migrate_url or settings.database_url)
        prepare(settings)
    answer({"migrated": True}, "The database has the schema of this release.", as_json=as_json)
