"""Cross-site requests, recognized by Fetch Metadata (W3C) and ``Origin``, and the responses to them.

A cookie with ``SameSite=Lax`` is not sent with a cross-site form, but one that the response sets is stored; and a
response that depends on a cookie discloses to a site that watches its window whether the user is signed in. So another
site gets no response that sets a cookie or depends on one, except for pages, which detach from their opener, and for
``/auth/callback``, which accepts a sealed transaction only.
"""

from __future__ import annotations

from enum import Enum
from typing import Final
from urllib.parse import quote, urlencode

from starlette.responses import PlainTextResponse, Response

from component.http.cookies import HeaderList
from component.http.origin import Site, header_values
from component.http.return_to import safe_return_to
from component.http.static_pages import PageLink, notice
from component.oidc.authorization_parameters import allowed_parameters
from component.oidc.callback_query import parse_query

LOGIN: Final = "/auth/login"
CALLBACK: Final = "/auth/callback"
ENDED: Final = "/auth/ended"
_OWN_SITES: Final[tuple[list[str], ...]] = ([], ["same-origin"], ["none"])
_OTHER_SITES: Final = (["cross-site"], ["same-site"])


class Initiator(Enum):
    """Which site initiates a request of a browser."""

    OWN = "own"  # a page of this site, the address bar, or a client that is not a browser
    NAVIGATION = "navigation"  # another site that navigates to this one: a link, or the provider's redirect
    FOREIGN = "foreign"  # another site in any other way: a form, a frame, an image, a script


def initiator_of(method: str, headers: HeaderList, own_site: Site) -> Initiator:
    """The initiator of a request.

    A browser without Fetch Metadata sends ``Origin`` with everything but a plain GET, and for a plain GET it neither
    sends nor stores cookies unless it is a navigation (``SameSite=Lax``).
    """
    headers = list(headers)
    origin = header_values(headers, b"origin")
    foreign_origin = bool(origin) and not own_site.is_origin(headers)
    site = header_values(headers, b"sec-fetch-site")
    if site in _OWN_SITES and not foreign_origin:
        return Initiator.OWN
    navigates = (
        method == "GET"
        and site in _OTHER_SITES
        and not origin
        and header_values(headers, b"sec-fetch-mode") == ["navigate"]
        and header_values(headers, b"sec-fetch-dest") == ["document"]
    )
    return Initiator.NAVIGATION if navigates else Initiator.FOREIGN


def refusal() -> Response:
    """The response to a cross-site request, the same for every user."""
    return PlainTextResponse("This is not for other sites.\n", 403)


def link_answer(path: str, query: str) -> Response | None:
    """The response to a cross-site link to anything but a page; None where the link may proceed as it is.

    What only our own pages may request is refused. Where the response would depend on the user, the browser gets a
    page that is detached from its opener, is the same for every user, and navigates on by itself as a page of ours.
    """
    if path == CALLBACK:
        return None
    if path == LOGIN:
        return _passage(_login_url(query))
    if path.startswith("/auth/") and path != ENDED:
        return refusal()
    return _passage(quote(path) + (f"?{query}" if query else ""))


def _login_url(query: str) -> str:
    """Where a link to ``/auth/login`` leads: another site requests neither a silent sign-in nor one in a popup."""
    parameters = parse_query(query)
    return_to = safe_return_to(parameters.get("return_to"))
    if parameters.get("silent") == "1":
        return return_to
    return f"{LOGIN}?{urlencode({**allowed_parameters(parameters), 'return_to': return_to})}"


def _passage(address: str) -> Response:
    return notice(
        "One moment",
        ("You come from another site. This page continues by itself.",),
        status=200,
        actions=(PageLink("Continue", address),),
        continue_at=address,
    )
