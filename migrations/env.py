"""How migrations run: as the owner, one transaction each, never waiting long for a lock.

The URL comes from `config.attributes["database_url"]` (the command line sets
it), or from CDP_MIGRATE_URL or CDP_DATABASE_URL.
"""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.core.settings import Settings
from app.domain.tables import metadata

LOCK_TIMEOUT = "2s"
STATEMENT_TIMEOUT = "15min"
ONE_AT_A_TIME = 7_253_001
"""Advisory lock: two processes that start together must not migrate together."""


def sqlalchemy_url() -> str:
    settings = Settings()
    url = context.config.attributes.get("database_url") or settings.migrate_url or settings.database_url
    if not url:
        raise SystemExit("Set CDP_DATABASE_URL, or start the private database with ./run, before migrating.")
    _, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}"


def migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ONE_AT_A_TIME})
        connection.commit()


async def main() -> None:
    engine = create_async_engine(sqlalchemy_url(), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(main())
