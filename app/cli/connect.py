"""How a command finds its servers: the URLs that are set, those that `cdp up` runs, or its own for a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.cli.prepare import prepare
from app.core.settings import APP_ROLE, Settings
from app.embedded import Embedded, Servers, running


@contextmanager
def connected(settings: Settings | None = None, *, migrate: bool = True) -> Iterator[Settings]:
    """Settings whose `database_url` and `redis_url` lead to servers that are up while the block lasts.

    A command on a data directory that nobody serves starts its servers, brings schema and
    keys up to date unless `migrate` is false, and stops them at the end.
    """
    settings = settings or Settings()
    if settings.database_url and settings.redis_url:
        yield settings
        return
    servers = running(settings.data_dir)
    if servers is not None:
        yield with_servers(settings, servers)
        return
    with embedded_for(settings) as servers:
        complete = with_servers(settings, servers)
        if migrate:
            from app.cli.schema import migrate as bring_up_to_date  # alembic is slow to import

            bring_up_to_date(complete.owner_url)
            prepare(complete)
        yield complete


def embedded_for(settings: Settings, say: Callable[[str], None] = lambda _: None) -> Embedded:
    """The private servers for what has no URL."""
    return Embedded(settings.data_dir, postgres=not settings.database_url, valkey=not settings.redis_url, say=say)


def with_servers(settings: Settings, servers: Servers) -> Settings:
    """Settings with the private servers' URLs where none was set.

    The product serves as a role that owns nothing and logs in as itself: there is no owner to go back to.
    """
    owner = servers.database_url or None
    return settings.model_copy(
        update={
            "database_url": settings.database_url or (owner and owner.replace("://samewise@", f"://{APP_ROLE}@", 1)),
            "migrate_url": settings.migrate_url or (None if settings.database_url else owner),
            "redis_url": settings.redis_url or servers.redis_url or None,
        }
    )
