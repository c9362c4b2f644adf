"""A test client for ASGI applications: requests in this process, with cookies kept as a browser keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.types import ASGIApp

HTTP = "http://localhost:8501"


@dataclass
class ClientResponse:
    """The response to a request of the test client."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The one header of that name; empty when there is none."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1, values
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def location(self) -> str:
        assert self.status == 303, (self.status, self.text[-600:])
        return self.header("location")

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def call(
    app: ASGIApp, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"", **scope: Any
) -> ClientResponse:
    """One request straight into an ASGI application."""
    raw_path, _, query = path.partition("?")
    sent = {"host": "localhost:8501"} | {name.lower(): value for name, value in (headers or {}).items()}
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    full: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": raw_path,
        "raw_path": raw_path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
        "client": ("203.0.113.7", 50000),
        "server": ("127.0.0.1", 8501),
        "extensions": {},
    } | scope

    async def run() -> None:
        await app(full, receive, send)

    anyio.run(run)
    start = next(message for message in messages if message["type"] == "http.response.start")
    answered = b"".join(message.get("body", b"") for message in messages if message["type"] == "http.response.body")
    headers_back = [(name.decode().lower(), value.decode("latin-1")) for name, value in start.get("headers", [])]
    return ClientResponse(start["status"], headers_back, answered)


@dataclass
class CookieClient:
    """A test client that keeps cookies as a browser does, and follows no redirect by itself."""

    app: ASGIApp
    base_url: str = HTTP
    cookies: dict[str, str] = field(default_factory=dict)
    responses: list[ClientResponse] = field(default_factory=list)

    def request(self, method: str, path: str, **headers: str) -> ClientResponse:
        path = path.removeprefix(self.base_url)
        sent = {"host": urlsplit(self.base_url).netloc, "user-agent": "Test Browser"}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        extra_headers = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        answer = call(self.app, method, path, sent | extra_headers)
        for line in answer.all("set-cookie"):
            pair, *attributes = [part.strip() for part in line.split(";")]
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        self.responses.append(answer)
        return answer

    def get(self, path: str, **headers: str) -> ClientResponse:
        return self.request("GET", path, **headers)

    def logout(self, **headers: str) -> ClientResponse:
        return self.request("POST", "/auth/logout", **({"origin": self.base_url} | headers))
