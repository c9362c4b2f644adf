"""Addresses of the app in front of Streamlit: an unknown one is answered by a page of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from app import testing
from app.asgi import SCRIPT, create_app
from app.navigation import PAGES
from app.services import Services
from component.socket.middleware import IdentityMiddleware
from tests.cookie_client import ClientResponse, call


@pytest.fixture
def services() -> Iterator[Services]:
    with testing.gatehouse() as built:
        yield built


def get(services: Services, path: str, **more: object) -> ClientResponse:
    """The response of the middleware of ``create_app``; 204 stands for a request that it passes to Streamlit."""
    (middleware,) = create_app(services, **more)._user_middleware  # type: ignore[arg-type] # as create_app has it

    async def streamlit(_scope: Scope, _receive: Receive, send: Send) -> None:
        start: Message = {"type": "http.response.start", "status": 204, "headers": []}
        await send(start)
        await send({"type": "http.response.body", "body": b""})

    options: dict[str, Any] = middleware.kwargs
    return call(IdentityMiddleware(streamlit, **options), "GET", path)


@pytest.mark.parametrize("path", ["/nothing", "/nothing/", "/Reports", "/reports;x", "/index.html", "/nothing?a=1"])
def test_an_unknown_address_is_answered_with_404(services: Services, path: str) -> None:
    answer = get(services, path)
    assert (answer.status, "There is no such page" in answer.text) == (404, True)
    assert 'href="/"' in answer.text


@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.file)
def test_every_page_is_passed_to_streamlit_with_or_without_a_query(services: Services, row: object) -> None:
    path = f"/{row.path}"  # type: ignore[attr-defined] # a row of PAGES
    assert [get(services, address).status for address in (path, f"{path}?a=1", f"{path.rstrip('/')}/")] == [204] * 3


def test_addresses_of_another_script_are_passed_to_streamlit(services: Services) -> None:
    assert get(services, "/nothing", script=SCRIPT.with_name("another.py")).status == 204
