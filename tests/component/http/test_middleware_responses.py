"""What the middleware itself answers: the host configuration, a full process, and the headers of a hosted app."""

from __future__ import annotations

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from app.core.rights import Rights
from component.http.host_config import HOST_CONFIG
from component.limits.admission import Admission, SocketLimits
from component.socket.middleware import IdentityMiddleware
from component.socket.request_context import HostedApp, MiddlewareConfig
from component.socket.tabs import Tabs
from tests.signin import SignInWorld, call

COMPONENT = "/component/map/index.html"


def protected(
    installation: SignInWorld, *, hosted_app: HostedApp | None = None, admission: Admission | None = None
) -> ASGIApp:
    """An app behind the middleware that answers every request which reaches it with "reached"."""
    return IdentityMiddleware(
        PlainTextResponse("reached"),
        tabs=Tabs(installation.sessions, Rights(installation.storage.read, clock=installation.clock)),
        cookies=installation.cookies,
        identity=installation.identity,
        config=MiddlewareConfig(base_url=installation.settings.app_base_url, production=False, hosted_app=hosted_app),
        admission=admission,
    )


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_that_frames_the_app_may_send_it_nothing(installation: SignInWorld, method: str) -> None:
    answer = call(protected(installation), method, "/_stcore/host-config")
    assert answer.status == 200
    assert answer.json() == HOST_CONFIG
    assert answer.header("cache-control") == "no-cache"
    assert answer.header("x-content-type-options") == "nosniff"


def test_no_page_is_loaded_while_all_sockets_are_taken(installation: SignInWorld) -> None:
    admission = Admission(SocketLimits(sockets=1))
    app = protected(installation, admission=admission)
    assert call(app, "GET", "/reports").body == b"reached"
    slot = admission.enter("203.0.113.8")
    answer = call(app, "GET", "/reports")
    assert answer.status == 503
    assert "<h1>Too many tabs are open</h1>" in answer.text
    assert "Close tabs that you no longer need." in answer.text
    assert answer.header("retry-after") == "10"
    assert '<meta http-equiv="refresh" content="10">' in answer.text
    assert call(app, "GET", "/static/x.js").body == b"reached", "the files of pages that are open"
    slot.release()
    assert call(app, "GET", "/reports").body == b"reached"


def policy(app: ASGIApp, path: str = "/") -> dict[str, str]:
    """The directives of the content security policy of a response: name → sources."""
    parts = call(app, "GET", path).header("content-security-policy").split("; ")
    return {name: sources for name, _, sources in (part.partition(" ") for part in parts)}


def test_what_a_hosted_app_shows_may_come_from_anywhere_by_https(installation: SignInWorld) -> None:
    app = protected(installation, hosted_app=HostedApp(may_enter=lambda _: True))
    hosted, own = policy(app), policy(protected(installation))
    for name in ("img-src", "media-src", "frame-src", "connect-src", "font-src", "style-src"):
        assert hosted[name].endswith(" https:"), name
        assert "https:" not in own[name], name
    assert hosted["script-src"] == own["script-src"].replace("'self'", "'self' blob:")
    assert "'sha256-" in hosted["script-src"]
    for name in ("default-src", "worker-src", "object-src", "base-uri", "form-action", "frame-ancestors"):
        assert hosted[name] == own[name], name


def test_only_a_hosted_app_with_scripts_of_its_own_may_run_inline_scripts(installation: SignInWorld) -> None:
    app = protected(installation, hosted_app=HostedApp(may_enter=lambda _: True, inline_scripts=True))
    assert policy(app)["script-src"] == "'self' blob: 'unsafe-inline' 'unsafe-eval' https:"
    plain = protected(installation, hosted_app=HostedApp(may_enter=lambda _: True))
    assert "unsafe-inline" not in policy(plain)["script-src"]


def test_only_custom_components_of_a_hosted_app_may_be_framed_by_its_pages(installation: SignInWorld) -> None:
    app = protected(installation, hosted_app=HostedApp(may_enter=lambda _: True))
    framed = call(app, "GET", COMPONENT)
    assert framed.header("x-frame-options") == "SAMEORIGIN"
    assert policy(app, COMPONENT) == {"object-src": "'none'", "base-uri": "'self'", "frame-ancestors": "'self'"}
    for response in (call(app, "GET", "/"), call(protected(installation), "GET", COMPONENT)):
        assert response.header("x-frame-options") == "DENY"
        assert "frame-ancestors 'none'" in response.header("content-security-policy")


def test_the_features_that_widgets_use_are_allowed_to_a_hosted_app_only(installation: SignInWorld) -> None:
    app = protected(installation, hosted_app=HostedApp(may_enter=lambda _: True))
    allowed, denied = (call(each, "GET", "/").header("permissions-policy") for each in (app, protected(installation)))
    assert {part for part in allowed.split(", ") if part.endswith("=(self)")} == {
        "camera=(self)",
        "geolocation=(self)",
        "microphone=(self)",
    }
    assert "usb=()" in allowed
    assert "(self)" not in denied
