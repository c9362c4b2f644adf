"""Bearer token → caller and grants → the one decision, for the remote API.

The credential comes only in one ``Authorization: Bearer`` header (RFC 6750 §2.1): never the query, a cookie or a body.
A valid token is not enough: session, block and grants are read in one query on every call, so that ending a session,
blocking a person or revoking a grant takes effect at the next call.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from flask import request

from app.core import correlation
from app.core.audit import AuditEvent, AuditKind, Outcome, actor_of
from app.core.client_addresses import TrustedProxies
from app.core.errors import (
    BadRequest,
    ProviderUnavailable,
    SessionEnded,
    SessionExpired,
    StorageUnavailable,
    TokenInvalid,
    Unauthenticated,
)
from app.core.failure_reasons import ProviderReason, TokenReason
from app.core.guard import Caller, Guard
from app.core.permissions import CATALOGUE
from app.core.policy import NO_GRANTS, Decision, Grants
from app.core.principal import ANONYMOUS, AuthMethod, Principal
from app.core.records import BearerFacts, Session
from app.core.session_liveness import Liveness, liveness
from app.core.settings import Settings
from app.core.tokens.hashes import token_hash
from app.core.tokens.types import AccessToken
from remote_api.background_writer import BackgroundWriter
from remote_api.services import ApiServices

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_CALLER: Final = "gatehouse.caller"  # no header becomes a key of this form
_NAMES_BEARER: Final = re.compile(r"(?:^|,)\s*bearer(?:\s|,|$)", re.IGNORECASE)
_QUERY_TOKEN: Final = re.compile(r"(?:^|[&;])access_token(?:=|&|;|$)")
_ANONYMOUS_CALLER: Final = Caller(ANONYMOUS, NO_GRANTS)

log = structlog.get_logger("gatehouse.api")


def bearer_token(environ: WSGIEnvironment) -> str | None:
    """Return the token of the request; None without one.

    Servers join repeated headers with a comma, which no token contains; so a second header is malformed here.

    Raises:
        BadRequest: The request carries anything other than one token in the ``Authorization`` header.
    """
    if "access_token" in environ.get("QUERY_STRING", "") and _QUERY_TOKEN.search(environ["QUERY_STRING"]):
        raise BadRequest("Send the access token in the Authorization header, never in the address.")
    header: str | None = environ.get("HTTP_AUTHORIZATION")
    if not header:
        return None
    if header[:7].lower() == "bearer ":
        token = header[7:].lstrip(" ")
        # The verifier checks the characters of a token; these two would make it more than one.
        if token and "," not in token and " " not in token:
            return token
    elif not _NAMES_BEARER.search(header):
        return None
    raise BadRequest("Send exactly one Authorization header: Bearer, a space, and one access token.")


class BearerAuthentication:
    """The access check of one app, bound to the one decision as ``guard``."""

    def __init__(self, settings: Settings, services: ApiServices, background_writer: BackgroundWriter) -> None:
        self._services = services
        self._background_writer = background_writer
        self._idle = timedelta(seconds=settings.session_idle_seconds)
        self._proxies = TrustedProxies(settings.trusted_proxies)
        self.guard = Guard(lambda: self.caller(request.environ), self.record_refusal, clock=services.clock)

    def caller(self, environ: WSGIEnvironment) -> Caller:
        """Return the caller with its current grants, read once for each request and not cached beyond it."""
        known: Caller | None = environ.get(_CALLER)
        if known is None:
            known = environ[_CALLER] = self._find(environ)
        return known

    def address(self) -> str:
        """The client's address, for audit events."""
        environ = request.environ
        return self._proxies.client_address(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""))

    def _find(self, environ: WSGIEnvironment) -> Caller:
        raw = bearer_token(environ)
        if raw is None:
            return _ANONYMOUS_CALLER
        try:
            token = self._verified(raw)
            facts = self._services.storage.read.bearer_facts(token.digest, token.subject, token.client_id)
            principal = self._principal(token, facts)
        except (Unauthenticated, ProviderUnavailable) as error:
            self._background_writer.refused(AuditKind.BEARER_REFUSE, error.reason_code, self.address())
            raise
        if token.unusable and principal.method is not AuthMethod.OWN_TOKEN:  # the sign-in records those of own tokens
            self._background_writer.claims_dropped(token.subject, token.unusable, self.address())
        if facts.person is None:
            self._background_writer.add_subject(token.subject, machine=token.machine)
        grants = self._services.rights.of(token.subject, facts.policy_version)
        if (token.permissions or facts.withheld) and principal.method is not AuthMethod.OWN_TOKEN:
            grants = Grants(
                permissions=grants.permissions,
                roles=grants.roles,
                administrator_paths=grants.administrator_paths,
                token_permissions=frozenset(name for name in token.permissions if name in CATALOGUE),
                withheld=facts.withheld,
                next_expiry_at=grants.next_expiry_at,
            )
        return Caller(principal, grants)

    def _verified(self, raw: str) -> AccessToken:
        """The token, verified. Raises as ``TokenVerifier.access_token``.

        A token that was issued to one of our sessions came from the provider: its key is fetched although made-up key
        ids of other callers have used up the limit of fetches.
        """
        try:
            return self._services.verifier.access_token(raw)
        except ProviderUnavailable as error:
            if error.reason is not ProviderReason.KEYS_WAIT:
                raise
            if not self._services.storage.read.token_issued(token_hash(raw)):
                raise
            return self._services.verifier.access_token(raw, from_provider=True)

    def _principal(self, token: AccessToken, facts: BearerFacts) -> Principal:
        session, person = facts.session, facts.person
        if session is not None:
            if session.person.subject != token.subject:
                raise TokenInvalid(reason=TokenReason.OTHER_SESSION)
            # A blocked person gets that reason, not that the session ended because of the block.
            if not session.person.blocked:
                self._check_live(session)
            person, method = session.person, AuthMethod.OWN_TOKEN
        elif facts.own_client:
            raise TokenInvalid(reason=TokenReason.NOT_CURRENT)
        elif token.machine:
            method = AuthMethod.MACHINE
        else:
            method = AuthMethod.OTHER_TOKEN
            if person is not None and person.signed_out_at is not None and person.signed_out_at > token.issued_at:
                raise TokenInvalid(reason=TokenReason.SIGNED_OUT)
        return Principal(
            method=method,
            subject=token.subject,
            name=person.name if person is not None else "",
            email=person.email if person is not None else "",
            picture=person.picture if person is not None else "",
            blocked=person is not None and person.blocked,
            session_ref=session.ref if session is not None else None,
            # For own tokens the session knows; tokens of other clients must carry it.
            authenticated_at=session.authenticated_at if session is not None else token.authenticated_at,
            acr=session.acr if session is not None else token.acr,
            amr=session.amr if session is not None else token.amr,
            client_id=token.client_id,
            scope=token.scope,
        )

    def _check_live(self, session: Session) -> None:
        state = liveness(session, idle=self._idle, now=self._services.clock())
        if state is Liveness.ENDED:
            raise SessionEnded("The session of this token was ended. Sign in again.")
        if state is Liveness.EXPIRED:
            raise SessionExpired("The session of this token has expired. Sign in again.")

    def record_refusal(self, principal: Principal, permission: str | None, decision: Decision, target: str) -> None:
        """Record a refusal: of anonymous clients as a count, of subjects as an audit event in its own unit of work."""
        if principal.subject is None:
            self._background_writer.refused(AuditKind.ENDPOINT_DENY, decision.reason, self.address())
            return
        event = AuditEvent(
            kind=AuditKind.ENDPOINT_DENY,
            at=self._services.clock(),
            outcome=Outcome.REFUSED,
            actor=actor_of(principal),
            target=target,
            reason=decision.reason,
            correlation_id=correlation.current(),
            address=self.address(),
            details={
                "permission": permission and str(permission),
                "method": principal.method,
                "client": principal.client_id,
            },
        )
        try:
            with self._services.storage.unit_of_work() as unit:
                unit.record(event)
                unit.commit()
        except StorageUnavailable as error:
            # The response is a refusal either way; a 503 would only invite retries.
            log.warning("a refusal could not be recorded", error=error.code, target=target, reason=decision.reason)
