"""Signing out: Auth0's ``/v2/logout`` and OpenID Connect's ``/oidc/logout``, both with allow-listed return addresses.

Either ends the tenant session of this browser (and the one the ID token names) and tells the app by back channel.
Sources: OpenID Connect RP-Initiated Logout 1.0 §2, Auth0's documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from component.dev_tenant.request_checks import Params
from component.dev_tenant.tenant import Tenant


class LogoutRefused(Exception):
    """The request names an unknown app or a return address that is not registered; the text is for the person."""


@dataclass(frozen=True, slots=True)
class LogoutPlan:
    """The plan of a logout: which sessions end, and where the browser goes (None: to a page of the tenant)."""

    sids: frozenset[str]
    location: str | None


def plan_logout(tenant: Tenant, params: Params, cookie: str, *, return_name: str) -> LogoutPlan:
    """Check a logout, and plan it. ``return_name``: the endpoint's parameter for the return address.

    Raises:
        LogoutRefused: The request is invalid; no session ends.
    """
    if any(len(values) > 1 for values in params.values()):
        raise LogoutRefused("A parameter of this sign-out link is repeated.")
    parameters = {name: values[0] for name, values in params.items()}
    known = tenant.credentials.client_id
    session = tenant.store.session(cookie)
    sids = {session.sid} if session else set()
    if parameters.get("client_id", known) != known:
        raise LogoutRefused("This sign-out link is not from an app this tenant knows.")
    if "id_token_hint" in parameters:
        claims = tenant.keys.verify(parameters["id_token_hint"])
        right = claims is not None and claims.get("iss") == tenant.config.issuer and claims.get("aud") == known
        if claims is None or not right or "events" in claims:
            raise LogoutRefused("This sign-out link does not carry an ID token of this tenant.")
        sids.add(str(claims.get("sid", "")))
    location = parameters.get(return_name)
    if not location:
        return LogoutPlan(frozenset(sids), None)
    if location not in tenant.config.return_uris:
        raise LogoutRefused("This sign-out link wants to return to an address that is not registered here.")
    if parameters.get("state"):
        location += ("&" if "?" in location else "?") + urlencode({"state": parameters["state"]})
    return LogoutPlan(frozenset(sids), location)


def log_out(tenant: Tenant, plan: LogoutPlan) -> None:
    """End the sessions and tell the app."""
    ended = [tenant.store.end_session(sid) for sid in plan.sids]
    tenant.notify([session for session in ended if session is not None])
