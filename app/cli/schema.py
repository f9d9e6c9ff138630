"""The schema of this release, by Alembic, as the owner of the database."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import app
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
