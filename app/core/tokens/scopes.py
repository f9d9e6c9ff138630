"""What a token may allow. Every operation names one of these."""

from typing import Final

INGEST_WRITE: Final = "ingest:write"
PROFILES_READ: Final = "profiles:read"
PROFILES_WRITE: Final = "profiles:write"
PERSONALIZE_READ: Final = "personalize:read"
REVIEW_WRITE: Final = "review:write"
SEGMENTS_WRITE: Final = "segments:write"
CONNECTIONS_WRITE: Final = "connections:write"
PRIVACY_WRITE: Final = "privacy:write"
ADMIN: Final = "admin"

ALL: Final = frozenset(
    {
        INGEST_WRITE,
        PROFILES_READ,
        PROFILES_WRITE,
        PERSONALIZE_READ,
        REVIEW_WRITE,
        SEGMENTS_WRITE,
        CONNECTIONS_WRITE,
        PRIVACY_WRITE,
        ADMIN,
    }
)
