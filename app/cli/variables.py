"""Settings as environment variables, for the processes that a command starts."""

from app.core.settings import Settings


def variables(settings: Settings) -> dict[str, str]:
    """What the children have to know of how this instance was started."""
    found = {
        "CDP_DATABASE_URL": settings.database_url,
        "CDP_REDIS_URL": settings.redis_url,
        "CDP_DATA_DIR": settings.data_dir,
        "CDP_KEY_FILE": settings.key_path.absolute(),
        "CDP_TOKEN_KEYS": settings.token_keys_path.absolute(),
        "CDP_HOST": settings.host,
        "CDP_PORT": settings.port,
    }
    return {name: str(value) for name, value in found.items() if value is not None}
