"""Settings: environment variables `CDP_*`, each with a default that is safe.

With `CDP_DATABASE_URL` and `CDP_REDIS_URL` set nothing is embedded; a part whose
URL is not set runs privately inside `CDP_DATA_DIR`.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.errors import Unavailable

APP_ROLE = "samewise_app"
"""The database role that serves: not the owner of any table, bound by row-level security."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="CDP_", env_ignore_empty=True, frozen=True)

    database_url: str | None = Field(None, description="PostgreSQL 15 or newer; a private server when unset.")
    migrate_url: str | None = Field(None, description="Owner's connection for migrations; database_url when unset.")
    redis_url: str | None = Field(None, description="Valkey or Redis, only a doorbell; a private server when unset.")
    data_dir: Path = Field(Path(".data"), description="Private servers, keys and logs.")
    key_file: Path | None = Field(None, description="Root keys; keys/root.json in the data directory when unset.")
    token_keys: Path | None = Field(
        None, description="Folder of token-signing keys; keys/tokens in the data directory."
    )
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(8000, description="Port the API listens on.")
    public_url: str | None = Field(None, description="Base URL outsiders use; http://host:port when unset.")
    workers: Annotated[int, Field(ge=0, le=64)] = Field(1, description="Pipeline worker processes that `cdp up` keeps.")
    pool_size: Annotated[int, Field(ge=2, le=200)] = Field(10, description="Database connections per process.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_format: str = Field("json", description="json or console.")

    batch_size: Annotated[int, Field(ge=1, le=2000)] = Field(
        1000, description="Messages a pipeline batch takes at most."
    )
    lease_seconds: Annotated[int, Field(ge=3, le=600)] = Field(
        30, description="How long a silent worker keeps its batch."
    )
    sweep_seconds: Annotated[float, Field(ge=0.02, le=60)] = Field(
        1.0, description="How often a worker looks for work that no bell announced."
    )
    max_attempts: Annotated[int, Field(ge=1, le=20)] = Field(3, description="Tries before a message is set aside.")

    max_event_bytes: int = Field(32 * 1024, description="One event, as the Segment specification has it.")
    max_batch_bytes: int = Field(500 * 1024, description="One event request, after gunzip. RudderStack SDKs: 8500000.")
    max_batch_events: int = Field(2500, description="Events in one request.")
    max_record_bytes: int = Field(256 * 1024, description="One record of a record ingest.")
    max_records_bytes: int = Field(16 * 1024 * 1024, description="One record-ingest request, after gunzip.")
    max_records: int = Field(5000, description="Records in one request.")
    max_import_bytes: int = Field(20 * 1024 * 1024 * 1024, description="One import file.")
    max_backlog: int = Field(500_000, description="Messages waiting per workspace before ingest answers 429.")

    @property
    def owner_url(self) -> str:
        """The connection that may change the schema."""
        url = self.migrate_url or self.database_url
        if url is None:
            raise Unavailable("No database is running here; start it with ./run, or set CDP_DATABASE_URL.")
        return url

    @property
    def key_path(self) -> Path:
        return self.key_file or self.data_dir / "keys" / "root.json"

    @property
    def token_keys_path(self) -> Path:
        return self.token_keys or self.data_dir / "keys" / "tokens"

    @property
    def issuer(self) -> str:
        """Who signs the access tokens. Without a public URL a name that outlives a change of port."""
        return self.public_url or "urn:samewise"

    @property
    def base_url(self) -> str:
        return self.public_url or f"http://{self.host}:{self.port}"
