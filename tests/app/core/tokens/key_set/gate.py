"""A fetch of keys that a test can stop, and short assertions about keys."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from app.core.errors import ProviderUnavailable, TokenInvalid
from app.core.failure_reasons import TokenReason
from app.core.tokens.key_set import KeySet
from tests.issuer import Issuer, SigningKey


class Gate:
    """A ``fetch`` that can be held up, and made to fail."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.error: Exception | None = None
        self.answer: Any = None

    def __call__(self) -> Mapping[str, Any]:
        answer = self.issuer.jwks()
        self.entered.set()
        self.open.wait(5)
        if self.error is not None:
            raise self.error
        return answer if self.answer is None else self.answer


def count_of_waiting(keys: KeySet) -> list[object]:
    """An entry for each call from now on that waits for a fetch."""
    start_or_join, waiting = keys._start_or_join, list[object]()

    def counted(*cause: Any) -> Any:
        fetch = start_or_join(*cause)
        waiting.append(fetch)
        return fetch

    keys._start_or_join = counted  # type: ignore[method-assign,assignment]
    return waiting


def fetching() -> bool:
    """Whether a thread still fetches keys."""
    return "gatehouse-keys" in {thread.name for thread in threading.enumerate()}


def unknown(keys: KeySet, kid: str | None = "unknown") -> None:
    with pytest.raises(TokenInvalid) as caught:
        keys.key(kid, "RS256")
    assert caught.value.reason is TokenReason.KEY_UNKNOWN


def unavailable(keys: KeySet, kid: str = "unknown") -> ProviderUnavailable:
    """The error of a key that cannot be fetched now."""
    with pytest.raises(ProviderUnavailable) as caught:
        keys.key(kid, "RS256")
    return caught.value


def same(key: Any, signer: SigningKey) -> bool:
    return bool(key.public_numbers() == signer.private.public_key().public_numbers())
