"""From ``/authorize`` to its answer: what was asked, what is still missing, and the code at the end.

Nothing here draws a page. An unknown client or return address is never redirected to (RFC 6749 §4.1.2.1); every
other error goes back to the app with ``state`` and ``iss``. Sources: OpenID Connect Core §3.1.2, RFC 9207.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from authlib.oauth2 import OAuth2Error
from starlette.responses import Response

from component.dev_tenant.oauth import Refusal
from component.dev_tenant.request_checks import Params
from component.dev_tenant.server import TenantRequest, TenantServer
from component.dev_tenant.store import Pending, TenantSession
from component.dev_tenant.tenant import Tenant
from component.dev_tenant.tokens import MFA_ACR

Step = Literal["pick", "factor", "consent", "done"]

_PROMPTS = frozenset({"none", "login", "select_account", "consent"})
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_ORGANIZATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_AGE = re.compile(r"[0-9]{1,9}")
_FREE_TEXT = frozenset({"login_hint", "connection", "ui_locales"})
_UNSUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


class Unanswerable(Exception):
    """The request has no valid address for the response: the client or its return address is unknown."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The answer to the app, and the new tenant cookie that goes with it (None: it stays as it is)."""

    response: Response
    cookie: str | None = None


class Authorizer:
    """Checks requests and finishes sign-ins."""

    def __init__(self, tenant: Tenant, server: TenantServer) -> None:
        self._tenant = tenant
        self._server = server

    def check(self, params: Params) -> None:
        """Check everything about a request that does not depend on the user.

        Raises:
            Unanswerable: The client or its return address is unknown.
            OAuth2Error: Authlib's error, with the address to send it to.
        """
        first = {name: values[0] for name, values in params.items()}
        client = self._server.query_client(first.get("client_id", ""))
        redirect_uri = first.get("redirect_uri", "")
        if client is None or not client.check_redirect_uri(redirect_uri):
            raise Unanswerable
        if len(params["client_id"]) > 1 or len(params["redirect_uri"]) > 1:
            raise Unanswerable
        state = first.get("state")
        mistake = self._mistake(params, first)
        if mistake:
            raise Refusal(mistake[0], mistake[1], redirect_uri=redirect_uri, state=state)
        try:
            self._server.get_consent_grant(TenantRequest("GET", params))
        except OAuth2Error as error:
            error.redirect_uri, error.state = redirect_uri, state
            raise

    def _mistake(self, params: Params, first: dict[str, str]) -> tuple[str, str] | None:
        """What is wrong with the parameters, as error and description; None when nothing is."""
        for name, values in params.items():
            if len(values) > 1:
                return "invalid_request", "A parameter is repeated"
            if name in _UNSUPPORTED:
                return _UNSUPPORTED[name], "Send plain parameters"
            if name not in _FREE_TEXT and not _PRINTABLE.fullmatch(values[0]):
                return "invalid_request", "A parameter has characters that are not allowed"
        prompts = frozenset(first.get("prompt", "").split())
        audiences = {"", self._tenant.config.audience, f"{self._tenant.config.issuer}userinfo"}
        rules = (
            (first.get("response_type") == "code", "unsupported_response_type", "Only response_type=code is supported"),
            (
                first.get("response_mode", "query") == "query",
                "invalid_request",
                "Only response_mode=query is supported",
            ),
            (prompts <= _PROMPTS, "invalid_request", "Unknown prompt"),
            ("none" not in prompts or len(prompts) == 1, "invalid_request", "prompt=none stands alone"),
            ("max_age" not in first or _MAX_AGE.fullmatch(first["max_age"]), "invalid_request", "Invalid max_age"),
            (
                not first.get("organization") or _ORGANIZATION.fullmatch(first["organization"]),
                "invalid_request",
                "Invalid organization",
            ),
            (first.get("audience", "") in audiences, "access_denied", "Service not found"),
        )
        return next(((error, text) for satisfied, error, text in rules if not satisfied), None)

    def begin(self, params: Params, session: TenantSession | None) -> Pending:
        """A sign-in as far as the tenant session already carries it. ``params`` were checked."""
        parameters = {name: values[0] for name, values in params.items()}
        pending = Pending(params=parameters)
        prompts = frozenset(parameters.get("prompt", "").split())
        if session is None or prompts & {"login", "select_account"}:
            return pending
        now = int(self._tenant.config.clock())
        max_age = parameters.get("max_age")
        if max_age is not None and (int(max_age) == 0 or now - session.auth_at > int(max_age)):
            return pending
        return replace(pending, person=session.person, auth_at=session.auth_at, mfa=session.mfa)

    def pick(self, pending: Pending, key: str) -> Pending:
        """Record that a user was picked: a new sign-in, without a second factor yet."""
        return replace(pending, person=key, auth_at=int(self._tenant.config.clock()), picked=True, mfa=False)

    def recheck(self, pending: Pending, session: TenantSession | None) -> Pending:
        """The same sign-in, or back to its beginning when the session it leant on has ended meanwhile."""
        leans = bool(pending.person) and not pending.picked
        same = session is not None and (session.person, session.auth_at) == (pending.person, pending.auth_at)
        return Pending(params=pending.params) if leans and not same else pending

    def next_step(self, pending: Pending) -> Step:
        """The step that is still missing. None for a blocked user, whose response is the refusal."""
        if not pending.person or self._tenant.store.person(pending.person) is None:
            return "pick"
        if self._tenant.active_person(pending.person) is None:
            return "done"
        if MFA_ACR in pending.params.get("acr_values", "").split() and not pending.mfa:
            return "factor"
        if "consent" in pending.params.get("prompt", "").split() and not pending.consented:
            return "consent"
        return "done"

    def silent_refusal(self, pending: Pending) -> Response | None:
        """The answer to ``prompt=none`` when a page would be needed; None when it was not asked or not needed."""
        step = self.next_step(pending)
        if pending.params.get("prompt") != "none" or step == "done":
            return None
        if step == "pick":
            return self.refuse(pending, "login_required", "Login required")
        return self.refuse(pending, "interaction_required", "Multifactor authentication required")

    def refuse(self, pending: Pending, error: str, description: str) -> Response:
        """Send an error back to the app."""
        params = pending.params
        refusal = Refusal(error, description, redirect_uri=params["redirect_uri"], state=params.get("state"))
        return self.redirect(refusal)

    def redirect(self, error: OAuth2Error) -> Response:
        """An error that knows its address, as a redirect."""
        response: Response = self._server.handle_error_response(None, error)
        return response

    def finish(self, pending: Pending, cookie: str) -> Signed:
        """The code, sent to the app, with the tenant session it speaks for; or the refusal of a blocked person."""
        person = self._tenant.active_person(pending.person)
        if person is None:
            return Signed(self.refuse(pending, "unauthorized", "user is blocked"))
        session, fresh = self._tenant.store.session(cookie), None
        known = TenantSession(session.sid if session else "", person.key, pending.auth_at, pending.mfa)
        if session is None or pending.picked or session != known:
            session, fresh = self._tenant.store.sign_in(
                cookie, person=person.key, auth_at=pending.auth_at, mfa=pending.mfa
            )
        request = TenantRequest("GET", {name: [value] for name, value in pending.params.items()})
        request.session = session
        try:
            grant = self._server.get_consent_grant(request, end_user=person)
        except OAuth2Error as error:
            error.redirect_uri = pending.params["redirect_uri"]
            return Signed(self.redirect(error), fresh)
        return Signed(self._server.create_authorization_response(request, person, grant), fresh)
