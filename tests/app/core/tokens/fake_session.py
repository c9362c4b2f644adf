"""A session of ``requests`` with a fixed response, and the detail of a ``ProviderUnavailable``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from app.core.errors import ProviderUnavailable


class FixedResponse(BaseAdapter):
    """Replaces the network where loopback is no use: https, unusual bodies and errors."""

    def __init__(self, body: bytes, headers: dict[str, str], error: type[Exception] | None) -> None:
        super().__init__()
        self.body, self.headers, self.error = body, headers, error
        self.sent: list[str] = []
        self.requests: list[tuple[requests.PreparedRequest, dict[str, Any]]] = []
        """Each request, and how it was to be sent."""
        self.read = 0

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.sent.append(str(request.url))
        self.requests.append((request, kwargs))
        assert kwargs["timeout"] is not None
        if self.error is not None:
            raise self.error("no")
        response = requests.Response()
        response.status_code = 200
        response.headers.update(self.headers)
        response.raw = self
        return response

    def read1(self, size: int, *, decode_content: bool) -> bytes:
        chunk, self.body = self.body[:size], self.body[size:]
        self.read += len(chunk)
        return chunk

    def close(self) -> None:
        pass


def fake_session(
    body: Any, headers: dict[str, str] | None = None, error: type[Exception] | None = None
) -> tuple[requests.Session, list[str]]:
    """A session that answers every request with ``body`` or raises ``error``, and the list of its requests' URLs."""
    session = requests.Session()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    adapter = FixedResponse(raw, headers or {}, error)
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session, adapter.sent


def unavailable(ask: Callable[[], object]) -> str:
    """The detail of the ``ProviderUnavailable`` that ``ask`` raises."""
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    return caught.value.detail
