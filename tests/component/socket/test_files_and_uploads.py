"""Pages, files and uploads behind the middleware: for the owner of the tab that has them, and for no other."""

from __future__ import annotations

import pytest

from app.core.errors import StorageUnavailable
from app.core.records import Session
from component.limits.admission import SocketLimits
from component.socket import upload_limits
from component.socket.request_context import HostedApp
from component.socket.tab_state import TabState
from tests.component.socket.middleware_harness import MiddlewareHarness, middleware_over
from tests.cookie_client import ClientResponse, CookieClient
from tests.signin import SignInWorld, call

FILE = "0f" * 16
MEDIA = f"/media/{FILE}.png"
UPLOAD = "/_stcore/upload_file/abc-1/file"


def tab_with_file(harness: MiddlewareHarness, client: CookieClient) -> TabState:
    """A Streamlit session of the browser that has rendered a file."""
    state = TabState()
    state.rendered.media[FILE] = None
    harness.tabs.owners.open_tab(harness.owner(client)).record_session("abc-1", state)
    return state


def upload(client: CookieClient, size: int, method: str = "PUT") -> ClientResponse:
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    headers = {"cookie": cookie, "content-length": f"{size}"}
    return call(client.app, method, UPLOAD, headers, b"x" * size)


def test_no_page_loads_while_every_socket_is_taken(installation: SignInWorld) -> None:
    """It could not connect. Files and the routes of sign-in need no socket."""
    harness = middleware_over(installation, limits=SocketLimits(sockets=1))
    client = harness.signed_in()
    tab_with_file(harness, client)
    slot = harness.admission.enter("198.51.100.1")
    page = client.get("/reports")
    assert page.status == 503
    assert "Too many tabs are open" in page.text
    assert '<meta http-equiv="refresh" content="10">' in page.text
    assert [client.get(path).status for path in (MEDIA, "/auth/session")] == [200, 200]
    slot.release()
    assert client.get("/reports").status == 200


def test_a_file_is_for_the_browser_whose_tab_has_rendered_it(installation: SignInWorld) -> None:
    harness = middleware_over(installation)
    ann, bob, anonymous, other = (
        harness.signed_in(),
        harness.signed_in("auth0|bob"),
        harness.anonymous(),
        harness.anonymous(),
    )
    for owner in (ann, anonymous):
        tab_with_file(harness, owner)
    assert [client.get(MEDIA).status for client in (ann, bob, anonymous, other)] == [200, 404, 200, 404]
    assert ann.get(f"/media/{'1a' * 16}.png").status == 404
    assert ann.get("/media/x").status == 404


def test_a_file_is_no_longer_for_a_user_who_has_lost_a_right_since(installation: SignInWorld) -> None:
    harness = middleware_over(installation)
    client, ann = harness.signed_in(), installation.subject()
    installation.grant(ann, role="viewer")
    state = tab_with_file(harness, client)
    state.update_grants(installation.storage.read.grants(ann, installation.clock()))
    assert client.get(MEDIA).status == 200
    installation.revoke(ann, role="viewer")
    assert client.get(MEDIA).status == 404  # before any check of the tab


def test_a_blocked_user_gets_no_file_and_uploads_none(installation: SignInWorld) -> None:
    harness = middleware_over(installation)
    client = harness.signed_in()
    tab_with_file(harness, client)
    assert (client.get(MEDIA).status, upload(client, 5).status) == (200, 200)
    installation.block(installation.subject())
    assert (client.get(MEDIA).status, upload(client, 5).status) == (404, 404)


def test_an_upload_is_for_a_streamlit_session_of_its_owner_and_counts_until_it_is_removed(
    installation: SignInWorld,
) -> None:
    harness = middleware_over(installation)
    ann, bob, anonymous = harness.signed_in(), harness.signed_in("auth0|bob"), harness.anonymous()
    for owner in (ann, anonymous):
        tab_with_file(harness, owner)
    assert upload(ann, 70_000).text == "70000 bytes"
    assert harness.tabs.upload_totals.size_of("abc-1") == 70_000
    assert [upload(client, 5).status for client in (bob, anonymous)] == [404, 404]
    assert upload(ann, 0, "DELETE").status == 200
    assert harness.tabs.upload_totals.size_of("abc-1") == 0


def test_an_upload_beyond_the_limit_of_its_session_is_refused(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_limits, "MAX_UPLOAD_BYTES", 100)
    harness = middleware_over(installation)
    client = harness.signed_in()
    tab_with_file(harness, client)
    assert (upload(client, 101).status, upload(client, 100).status) == (413, 200)


def test_the_static_files_of_a_hosted_app_are_for_users_who_may_enter_it(installation: SignInWorld) -> None:
    entered: list[str] = []

    def may_enter(session: Session) -> bool:
        entered.append(session.person.subject.subject)
        return session.person.subject == installation.subject()

    harness = middleware_over(installation, hosted_app=HostedApp(may_enter))
    clients = (harness.signed_in(), harness.signed_in("auth0|bob"), harness.anonymous())
    harness.scopes.clear()
    assert [client.get("/app/static/logo.png").status for client in clients] == [200, 404, 404]
    assert entered == ["auth0|ann", "auth0|bob"]
    assert len(harness.scopes) == 1


def test_without_the_database_a_static_file_of_a_hosted_app_is_not_served(installation: SignInWorld) -> None:
    def unavailable(_: Session) -> bool:
        raise StorageUnavailable

    harness = middleware_over(installation, hosted_app=HostedApp(unavailable))
    client = harness.signed_in()
    harness.scopes.clear()
    answer = client.get("/app/static/logo.png")
    assert (answer.status, answer.header("retry-after"), harness.scopes) == (503, "5", [])
