"""Requests that another site has its visitor's browser send, told by Fetch Metadata (W3C) and ``Origin``.

A cookie that is ``SameSite=Lax`` is not sent with a cross-site form, yet one set by its answer is kept; and an answer
that depends on a cookie tells a site that can watch its window whether the visitor is signed in. So another site gets
no answer that sets or depends on a cookie, except for pages, which let go of their opener, and for ``/auth/callback``,
which believes a sealed transaction only (security rule R50).
"""

from __future__ import annotations

from enum import Enum
from typing import Final
from urllib.parse import quote, urlencode

from starlette.responses import PlainTextResponse, Response

from component.http.cookies import HeaderList
from component.http.origin import Site, header_values
from component.http.return_to import safe_return_to
from component.http.static_pages import Action, notice
from component.oidc.callback_query import parse_query
from component.oidc.provider import allowed_parameters

LOGIN: Final = "/auth/login"
CALLBACK: Final = "/auth/callback"
ENDED: Final = "/auth/ended"
_OWN_SITES: Final[tuple[list[str], ...]] = ([], ["same-origin"], ["none"])
_OTHER_SITES: Final = (["cross-site"], ["same-site"])


class Initiator(Enum):
    """Who has a browser send a request."""

    OWN = "own"  # a page of this site, the address bar, or a client that is no browser
    LINK = "link"  # another site, which the visitor leaves for this one: a link, or the provider's redirect
    FOREIGN = "foreign"  # another site in any other way: a form, a frame, an image, a script


def initiator_of(method: str, headers: HeaderList, own_site: Site) -> Initiator:
    """The source of a request.

    A browser older than Fetch Metadata names its ``Origin`` with everything but a plain GET, whose cookies it neither
    sends nor keeps unless it is a navigation (``SameSite=Lax``).
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
    return Initiator.LINK if navigates else Initiator.FOREIGN


def refusal() -> Response:
    """The answer to another site's request, whoever its visitor is."""
    return PlainTextResponse("This is not for other sites.\n", 403)


def link_answer(path: str, query: str) -> Response | None:
    """The answer to another site's link to anything but a page; None where the link may go on as it is.

    What is for our own pages only is refused. Where the answer would depend on the visitor, the browser gets a page
    that has let go of its opener, is the same for everybody, and goes on by itself as a page of ours.
    """
    if path == CALLBACK:
        return None
    if path == LOGIN:
        return _passage(_login_address(query))
    if path.startswith("/auth/") and path != ENDED:
        return refusal()
    return _passage(quote(path) + (f"?{query}" if query else ""))


def _login_address(query: str) -> str:
    """Where a link to ``/auth/login`` leads: another site chooses neither a silent sign-in nor one in a popup."""
    found = parse_query(query)
    return_to = safe_return_to(found.get("return_to"))
    if found.get("silent") == "1":
        return return_to
    return f"{LOGIN}?{urlencode({**allowed_parameters(found), 'return_to': return_to})}"


def _passage(address: str) -> Response:
    return notice(
        "One moment",
        ("You come from another site. This page goes on by itself.",),
        status=200,
        actions=(Action("Go on", address),),
        goes_on_to=address,
    )
