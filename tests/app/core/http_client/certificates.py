"""Providers with valid and faulty certificates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.core.failure_reasons import ProviderReason
from tests.authority import Authority
from tests.clock import FakeClock
from tests.provider import FakeProvider


@contextmanager
def provider_with(authority: Authority, **certificate: Any) -> Iterator[FakeProvider]:
    """A provider on loopback with a certificate of ``authority``."""
    fake = FakeProvider(FakeClock().timestamp)
    fake.tls = authority.server(**certificate)
    with fake:
        yield fake


CERTIFICATES: dict[str, tuple[dict[str, Any], bool, ProviderReason]] = {
    "unknown authority": ({}, False, ProviderReason.UNKNOWN_AUTHORITY),
    "expired": ({"since_days": -9, "until_days": -1}, True, ProviderReason.CERTIFICATE_EXPIRED),
    "not yet valid": ({"since_days": 1, "until_days": 9}, True, ProviderReason.CERTIFICATE_AHEAD),
    "another host": ({"names": ("provider.example",)}, True, ProviderReason.WRONG_HOST),
    "another address": ({"names": ("127.0.0.2",)}, True, ProviderReason.WRONG_HOST),
}
