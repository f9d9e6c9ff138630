"""The token gate: issues access tokens (RFC 9068) and lets none through that is not in order.

A verified token is remembered until it expires, so that the price of a signature is paid once; whether it has been
revoked is asked every time.
"""

import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from app.core.errors import CdpError, Refused
from app.core.strictjson import Json, parse
from app.core.tokens import scopes as known_scopes
from app.core.tokens.jws import MAX_TOKEN_BYTES, TokenRefused, UnknownTokenKey, sign, verify
from app.core.tokens.keys import SigningKeys

TYPE = "at+jwt"
LEEWAY = timedelta(seconds=60)
LIFETIME = timedelta(hours=1)
MAX_LIFETIME = timedelta(days=1)
MAX_NAME = 255
MAX_AUDIENCES = 16
REMEMBERED = 10_000
# How long a key that was added to the folder or taken out of it may go unnoticed.
KEYS_SEEN_FOR = timedelta(seconds=1)

log = structlog.get_logger(__name__)

_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token proves: who, through which client, in which workspace, may do what, until when."""

    subject: str
    client_id: str
    scopes: frozenset[str]
    workspace: str
    expires_at: datetime
    issued_at: datetime
    token_id: str


def never_revoked(_: Claims) -> bool:
    return False


class TokenGate:
    """Issues and verifies the access tokens of one issuer for one audience. Safe to share between threads.

    `revoked` is asked at every verification and must be quick: a look into memory.
    """

    def __init__(
        self,
        keys: SigningKeys,
        *,
        issuer: str,
        audience: str,
        max_lifetime: timedelta = MAX_LIFETIME,
        revoked: Callable[[Claims], bool] = never_revoked,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._max_lifetime = max_lifetime
        self._revoked = revoked
        self._verified: dict[bytes, Claims] = {}
        self._changing = threading.Lock()
        self._keys_seen_at = datetime.min.replace(tzinfo=UTC)

    @property
    def keys(self) -> SigningKeys:
        return self._keys

    def issue(
        self,
        *,
        subject: str,
        client_id: str,
        scopes: Iterable[str],
        workspace: str,
        now: datetime,
        lifetime: timedelta = LIFETIME,
    ) -> str:
        """A new access token. Raises Refused for an unknown scope or a lifetime that is too long."""
        wanted = sorted(set(scopes))
        if not known_scopes.ALL.issuperset(wanted):
            raise Refused(f"Ask for scopes among: {' '.join(sorted(known_scopes.ALL))}.", code="invalid_scope")
        if not timedelta(seconds=1) <= lifetime <= self._max_lifetime:
            longest = int(self._max_lifetime.total_seconds())
            raise Refused(f"A token lives from 1 to {longest} seconds.", code="invalid_lifetime")
        if not all(0 < len(name) <= MAX_NAME for name in (subject, client_id, workspace)):
            raise Refused(f"Subject, client and workspace have 1 to {MAX_NAME} characters each.")
        self._see_keys(now)
        issued_at = int(now.timestamp())
        payload: dict[str, Any] = {
            "iss": self._issuer,
            "sub": subject,
            "aud": self._audience,
            "client_id": client_id,
            "iat": issued_at,
            "exp": issued_at + int(lifetime.total_seconds()),
            "jti": secrets.token_urlsafe(16),
            "scope": " ".join(wanted),
            "workspace": workspace,
        }
        return sign(payload, self._keys.current.signer, typ=TYPE, kid=self._keys.current.kid)

    def verify(self, token: str, *, now: datetime) -> Claims:
        """What a token proves. Raises TokenRefused."""
        if len(token) > MAX_TOKEN_BYTES or not token.isascii():
            raise TokenRefused(f"An access token is ASCII text of at most {MAX_TOKEN_BYTES} bytes.")
        # Outside the span also when the clock was set back.
        if not timedelta() <= now - self._keys_seen_at < KEYS_SEEN_FOR:
            self._see_keys(now)
        # The digest stands for the token, so that memory holds nothing that opens a door.
        name = hashlib.blake2b(token.encode("ascii"), digest_size=32).digest()
        claims = self._verified.get(name)
        if claims is None:
            claims = self._claims(self._payload(token, now), now)
            self._remember(name, claims)
        if now >= claims.expires_at + LEEWAY:
            self._verified.pop(name, None)
            raise TokenRefused("The access token has expired; get a new one.")
        if self._revoked(claims):
            raise TokenRefused("The access token was revoked; get a new one.")
        return claims

    def _payload(self, token: str, now: datetime) -> bytes:
        try:
            return verify(token, self._keys.verifiers, typ=TYPE)
        except UnknownTokenKey:
            if not self._see_keys(now):
                raise
            return verify(token, self._keys.verifiers, typ=TYPE)

    def _see_keys(self, now: datetime) -> bool:
        """Take over what has changed in the folder of the keys; whether anything has."""
        self._keys_seen_at = now
        try:
            keys = self._keys.refreshed()
        except CdpError as error:
            # Half a backup being restored must not lock everyone out.
            log.warning("token_keys_unreadable", code=error.code)
            return False
        if keys is self._keys:
            return False
        with self._changing:
            self._keys = keys
            self._verified.clear()
        return True

    def _remember(self, name: bytes, claims: Claims) -> None:
        with self._changing:
            if len(self._verified) >= REMEMBERED:
                del self._verified[next(iter(self._verified))]
            self._verified[name] = claims

    def _claims(self, payload: bytes, now: datetime) -> Claims:
        try:
            said = parse(payload, max_bytes=MAX_TOKEN_BYTES)
        except Refused:
            said = None
        if not isinstance(said, dict):
            raise TokenRefused("The access token's claims are no JSON object.")
        if said.get("iss") != self._issuer:
            raise TokenRefused("The access token comes from another issuer.")
        if not _is_for(self._audience, said.get("aud")):
            raise TokenRefused("The access token is meant for another service.")
        scope = said.get("scope", "")
        if not isinstance(scope, str) or (scope and not _SCOPE.fullmatch(scope)):
            raise TokenRefused("The access token's scope is not a list of words.")
        issued_at, expires_at = _time(said, "iat"), _time(said, "exp")
        if issued_at > now + LEEWAY or ("nbf" in said and _time(said, "nbf") > now + LEEWAY):
            raise TokenRefused("The access token is not valid yet; check both clocks.")
        if not timedelta() < expires_at - issued_at <= self._max_lifetime:
            raise TokenRefused("The access token lives longer than tokens may here.")
        return Claims(
            subject=_name(said, "sub"),
            client_id=_name(said, "client_id"),
            scopes=frozenset(scope.split()),
            workspace=_name(said, "workspace"),
            expires_at=expires_at,
            issued_at=issued_at,
            token_id=_name(said, "jti"),
        )


def _is_for(audience: str, said: Json) -> bool:
    if isinstance(said, list):
        return len(said) <= MAX_AUDIENCES and all(isinstance(one, str) for one in said) and audience in said
    return said == audience


def _name(said: dict[str, Json], claim: str) -> str:
    value = said.get(claim)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        raise TokenRefused(f"The access token has no usable claim {claim}.")
    return value


def _time(said: dict[str, Json], claim: str) -> datetime:
    value = said.get(claim)
    # A bool is an int to Python; a year past 9999 is none to datetime.
    if type(value) is not int or not 0 <= value < 253_402_300_800:
        raise TokenRefused(f"The access token has no usable claim {claim}.")
    return datetime.fromtimestamp(value, UTC)
