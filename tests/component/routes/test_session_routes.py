"""The routes of the browser's session on their own, without the middleware, and without their database."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from component.routes.session import SessionRoutes
from tests.cookie_client import HTTP, ClientResponse, call
from tests.signin import CookieClient, SignInWorld

EXTENDING = ["/auth/active", "/auth/stay"]


@pytest.fixture
def routes(installation: SignInWorld) -> Starlette:
    return Starlette(
        routes=SessionRoutes(
            base_url=HTTP, sessions=installation.sessions, cookies=installation.cookies, clock=installation.clock
        ).routes()
    )


def post(app: Starlette, client: CookieClient, route: str, **headers: str) -> ClientResponse:
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    sent = {"origin": HTTP, "content-type": "application/json", "cookie": cookie}
    return call(app, "POST", route, sent | {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("route", EXTENDING)
@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ""}, {"sec_fetch_site": "cross-site"}],
)
def test_a_route_refuses_other_sites_even_without_the_middleware(
    installation: SignInWorld, routes: Starlette, route: str, headers: dict[str, str]
) -> None:
    client = installation.sign_in()
    before = installation.sessions.by_ref(installation.ref(client))
    installation.clock.move(seconds=100)
    answer = post(routes, client, route, **headers)
    assert answer.status == 403
    assert answer.json()["title"] == "This request did not come from a page of this product."
    assert installation.sessions.by_ref(before.ref) == before, "it was not extended"
    assert post(routes, client, route).status == 200
    assert installation.sessions.by_ref(before.ref).last_seen_at > before.last_seen_at


@pytest.mark.parametrize("route", EXTENDING)
def test_an_unavailable_database_is_no_end_of_the_session(
    installation: SignInWorld, routes: Starlette, route: str
) -> None:
    client = installation.sign_in()
    with installation.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO gone")
        connection.commit()
    answer = post(routes, client, route)
    assert answer.status == 503
    assert answer.json()["title"] == "The database does not answer. Try again in a moment."
    assert answer.all("set-cookie") == []
    with installation.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO sessions")
        connection.commit()
    assert post(routes, client, route).status == 200
