"""``POST /auth/backchannel-logout``: the provider reports a logout (OpenID Connect Back-Channel Logout 1.0).

The route is public; the signed logout token authenticates the request. It is validated as in §2.6, used once, and
answered with 200 or 400 only (§2.8). The watcher of each process notifies the tabs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple
from urllib.parse import parse_qs

import structlog
from anyio import CapacityLimiter, fail_after, to_thread
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.core.audit import AuditKind
from app.core.clock import Clock, utc_now
from app.core.errors import BadRequest, GatehouseError, ServiceUnavailable, StorageUnavailable, TokenInvalid
from app.core.failure_reasons import TokenReason, TokenUse
from app.core.ports import Storage
from app.core.records import EndReason, SealedTokens
from app.core.refusal_counts import RefusalCounts
from app.core.tokens.jws import MAX_TOKEN_CHARACTERS
from app.core.tokens.types import LogoutToken
from app.core.tokens.verifier import TokenVerifier
from component.http.client_address import ClientAddresses
from component.http.responses import NO_STORE, SingleMethodEndpoint, problem
from component.session import audit as session_audit

PATH: Final = "/auth/backchannel-logout"
_MAX_BODY_BYTES: Final = 2 * MAX_TOKEN_CHARACTERS
_MAX_BODY_FIELDS: Final = 20
_BODY_SECONDS: Final = 10
_FORM: Final = "application/x-www-form-urlencoded"
_THREADS: Final = 4
_GRANULARITY: Final = timedelta(seconds=1)
"""``iat`` has whole seconds: a session that began within that second may have existed already."""

_LEASE: Final = "backchannel-logout"

_log = structlog.get_logger(__name__)


class LoggedOutSession(NamedTuple):
    """A session that a logout ended, with its erased tokens; None where another process held their lease."""

    ref: str
    tokens: SealedTokens | None


class BackchannelLogouts:
    """Ends the sessions that logout tokens name. Safe from any thread, and across processes."""

    def __init__(
        self,
        storage: Storage,
        verifier: TokenVerifier,
        *,
        client_id: str,
        revoke: Callable[[str, SealedTokens | None], None],
        clock: Clock = utc_now,
    ) -> None:
        """``revoke``: revokes the tokens of a session that has ended at the provider; must not raise."""
        self._revoke = revoke
        self._storage = storage
        self._verifier = verifier
        self._client_id = client_id
        self._clock = clock

    def act_on(self, token: str) -> list[LoggedOutSession]:
        """End the sessions that ``token`` names, and consume it, in one unit of work; returns the sessions.

        These are the ones with its ``sid``, otherwise all of its subject. A session that began after the token was
        issued (a new sign-in before it arrived) stays.

        Raises:
            TokenInvalid: The token is invalid, or was used before.
            ProviderUnavailable: The provider's keys cannot be fetched.
            StorageUnavailable: The database does not answer; the token is not consumed.
        """
        claims = self._verifier.logout_token(token, client_id=self._client_id)
        now, ended = self._clock(), list[LoggedOutSession]()
        with self._storage.unit_of_work() as unit:
            if not unit.consume_once(_id_hash(claims), claims.expires_at, now):
                raise TokenInvalid(reason=TokenReason.REPLAYED, use=TokenUse.LOGOUT)
            subject = claims.subject.subject if claims.subject is not None else ""
            for session in unit.sessions_at_provider(claims.issuer, sid=claims.sid, subject=subject):
                if session.created_at >= claims.issued_at + _GRANULARITY:
                    continue
                # The lease returns the newest tokens; a refresh in progress elsewhere revokes what it gets.
                sealed = unit.take_refresh_lease(session.ref, _LEASE, now, now + timedelta(seconds=1))
                if unit.end_session(session.ref, EndReason.BACKCHANNEL_LOGOUT, now):
                    ended.append(LoggedOutSession(session.ref, sealed))
                    unit.record(session_audit.ended(session, EndReason.BACKCHANNEL_LOGOUT, by="system", now=now))
            unit.commit()
        return ended

    def revoke(self, ended: Sequence[LoggedOutSession]) -> None:
        """Revoke refresh tokens at the provider: its logout ends its sessions, not tokens for offline access."""
        for ref, tokens in ended:
            self._revoke(ref, tokens)


class BackchannelLogoutRoutes:
    """The endpoint and its dependencies."""

    def __init__(self, logouts: BackchannelLogouts, *, refusals: RefusalCounts, addresses: ClientAddresses) -> None:
        self._logouts = logouts
        self._refusals = refusals
        self._addresses = addresses
        self._threads = CapacityLimiter(_THREADS)

    def routes(self) -> list[BaseRoute]:
        """The route of the endpoint."""
        return [Route(PATH, SingleMethodEndpoint("POST", self.logout))]

    async def logout(self, request: Request) -> Response:
        """Process a logout token. Needs no cookie, and never redirects."""
        try:
            token = await _posted_token(request)
            ended = await to_thread.run_sync(self._logouts.act_on, token, limiter=self._threads)
        except GatehouseError as error:
            _log.info("a logout token was refused", reason=error.reason_code)
            if not isinstance(error, StorageUnavailable):
                self._refusals.record(
                    AuditKind.LOGOUT_REFUSE, error.reason_code, address=self._addresses.of(request.scope)
                )
            # The standard has 200 and 400 only (§2.8), also when the keys cannot be fetched; the provider may send the
            # token again, and ``Retry-After`` says when that makes sense.
            seconds = error.retry_after_seconds if isinstance(error, ServiceUnavailable) else None
            return problem(400, error.detail or error.title, retry_after_seconds=seconds)
        _log.info("a logout token ended sessions", sessions=len(ended))
        # After the response: a provider may accept no call before it.
        return Response(status_code=200, headers=NO_STORE, background=BackgroundTask(self._logouts.revoke, ended))


async def _posted_token(request: Request) -> str:
    """The one ``logout_token`` of the form. Raises ``BadRequest``, for an oversized form too."""
    kinds = request.headers.getlist("content-type")
    if len(kinds) != 1 or kinds[0].partition(";")[0].strip().lower() != _FORM:
        raise BadRequest("Send a form with a logout_token.")
    body = bytearray()
    try:
        with fail_after(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MAX_BODY_BYTES:
                    raise BadRequest("The form is larger than a logout token.")
        form = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_BODY_FIELDS)
    except (ValueError, TimeoutError, ClientDisconnect):
        raise BadRequest("The form could not be read.") from None
    tokens = form.get("logout_token", [])
    if len(tokens) != 1:
        raise BadRequest("Send exactly one logout_token.")
    return tokens[0]


def _id_hash(token: LogoutToken) -> bytes:
    """The hash that marks a token's id as used; it never equals a login state's hash, which is of the state alone."""
    return hashlib.sha256(f"logout token {token.jti} of {token.issuer}".encode()).digest()
