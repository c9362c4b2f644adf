"""The middleware of every response: headers, host, bounds, correlation id, and addresses of clients."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.remote_api.world import ApiWorld

CALLS = ["/api/ping", "/api/pong", "/api/none", "/healthz", "/openapi.json"]


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_headers_of_every_answer(world: ApiWorld, path: str, method: str) -> None:
    headers = world.call(path, method=method, headers={"Origin": "https://elsewhere.test"}).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", headers["X-Correlation-ID"])
    names = {name.lower() for name, _ in headers}
    assert not {name for name in names if name.startswith("access-control-")}
    assert not names & {"server", "set-cookie", "x-powered-by", "strict-transport-security"}


def test_https_in_production_is_strict(make_world: Callable[..., ApiWorld]) -> None:
    world = make_world(gatehouse_env="production", remote_api_base_url="https://api.example.com")
    answer = world.call("/api/ping", base_url="https://api.example.com")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8888", 200),
        ("LOCALHOST:8888", 200),
        ("localhost", 200),
        ("127.0.0.1", 200),
        ("[::1]", 200),
        ("localhost:80", 200),
        ("localhost:9999", 421),
        ("evil.test", 421),
        ("localhost.evil.test", 421),
        ("localhost:8888@evil.test", 421),
        ("localhost:8888, evil.test", 421),
        ("evil.test/localhost", 421),
        ("localhost:8888.", 421),
        ("", 421),
    ],
)
def test_the_host_in_development(world: ApiWorld, host: str, status: int) -> None:
    answer = world.call("/api/ping", headers={"Host": host, "X-Forwarded-Host": "localhost:8888"})
    assert answer.status_code == status
    if status == 421:
        assert answer.json["code"] == "misdirected-request"


@pytest.mark.parametrize(
    ("host", "status"),
    [("api.example.com", 200), ("api.example.com:443", 200), ("API.example.com", 200), ("localhost", 421)],
)
def test_the_host_in_production(make_world: Callable[..., ApiWorld], host: str, status: int) -> None:
    world = make_world(gatehouse_env="production", remote_api_base_url="https://api.example.com")
    assert world.call("/api/ping", headers={"Host": host}).status_code == status


def test_a_correlation_id_is_taken_over_only_in_its_own_form(world: ApiWorld) -> None:
    assert world.call("/api/ping", headers={"X-Correlation-ID": "mine-12345678"}).headers["X-Correlation-ID"] == (
        "mine-12345678"
    )
    for bad in ("short", "x" * 65, "with space here", "böse-12345678", "a" * 10 + ";b"):
        assert world.call("/api/ping", headers={"X-Correlation-ID": bad}).headers["X-Correlation-ID"] != bad
    assert len({world.call("/api/ping").headers["X-Correlation-ID"] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("environ", "status", "code"),
    [
        ({"CONTENT_LENGTH": "1048577"}, 413, "too-large"),
        ({"CONTENT_LENGTH": "9" * 5000}, 413, "too-large"),
        ({"CONTENT_LENGTH": "-1"}, 400, "bad-request"),
        ({"CONTENT_LENGTH": "1e3"}, 400, "bad-request"),
        ({"CONTENT_LENGTH": "\u0661"}, 400, "bad-request"),
        ({"QUERY_STRING": "a" * 4097}, 400, "bad-request"),
        ({"PATH_INFO": "/" + "a" * 3000}, 400, "bad-request"),
    ],
)
def test_bounds(world: ApiWorld, environ: dict[str, str], status: int, code: str) -> None:
    answer = world.call("/api/ping", environ_overrides=environ)
    assert (answer.status_code, answer.json["code"]) == (status, code)


@pytest.mark.parametrize(
    "path",
    [
        "/api/pong/", "//api/pong", "/api//pong", "/api/./pong", "/api/../api/pong", "/API/PONG", "/api/pong%00",
        "/api/pong;x", "/api/ping/../pong", "/api/pong%2f", "/x/..%2fapi/pong", "/api\\pong", "/api/pong%20",
    ],
)  # fmt: skip
def test_paths_are_exact(world: ApiWorld, path: str) -> None:
    from urllib.parse import unquote

    decoded = unquote(path).encode().decode("latin-1")
    answer = world.call("/", environ_overrides={"PATH_INFO": decoded}, headers={"Host": "localhost"})
    assert answer.status_code == 404
    assert answer.headers.get("Location") is None
