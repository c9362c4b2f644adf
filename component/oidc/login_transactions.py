"""Login transactions: what must be remembered between ``/auth/login`` and ``/auth/callback``, sealed in a cookie.

Beginning a sign-in writes nothing: state, nonce and PKCE verifier (RFC 7636 §4.1) travel encrypted in the
browser that began, in a cookie named after the state, so that parallel tabs work. A state is consumed once, in storage,
before its code is exchanged.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from app.core.assurance import Requirement
from app.core.clock import Clock, utc_now
from app.core.errors import StateMismatch
from app.core.failure_reasons import CallbackReason
from app.core.keyring import Keyring, SealBroken
from app.core.ports import Storage
from component.http.cookies import Cookies, browser_hash
from component.http.return_to import safe_return_to
from component.oidc.provider import Provider, allowed_parameters

LIFETIME_SECONDS: Final = 600
MAX_OPEN: Final = 5
_RANDOM_BYTES: Final = 32
_PURPOSE: Final = "login"
_STATE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class LoginTransaction:
    """One sign-in on its way. ``begun_at`` is aware UTC; the repr shows nothing that could be replayed."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    return_to: str
    begun_at: datetime
    silent_for: str = ""
    """Reference of the session that a silent sign-in renews; empty for every other sign-in."""
    step_up: Requirement | None = None
    """What a step-up asked for; None for every other sign-in."""
    organization: str = ""
    """The organization that was asked for, which the ID token must then name (``org_id``); empty when none was."""
    silent: bool = False
    """Whether nobody is to be asked anything, though nobody is signed in yet (see ``silent_for`` for who is)."""
    popup: bool = False
    """Whether it happens in a window of its own, which closes itself at the end."""
    draft: bool = False
    """Whether a draft waits for it (``component.drafts``)."""

    @property
    def is_silent(self) -> bool:
        """Whether the provider asks nobody anything."""
        return self.silent or bool(self.silent_for)


@dataclass(frozen=True, slots=True)
class StartedLogin:
    """Where the browser goes, the ``Set-Cookie`` values that must go with it, and the sign-in's state."""

    location: str = field(repr=False)
    set_cookies: tuple[str, ...] = field(repr=False)
    state: str = field(repr=False)


class LoginTransactions:
    """Begins and completes login transactions. Safe from any thread, and from any process with the same keyring."""

    def __init__(
        self, storage: Storage, keyring: Keyring, provider: Provider, cookies: Cookies, *, clock: Clock = utc_now
    ) -> None:
        self._storage = storage
        self._keyring = keyring
        self._provider = provider
        self._cookies = cookies
        self._clock = clock

    def begin(
        self,
        *,
        browser: str,
        cookies: Mapping[str, str],
        return_to: str | None,
        parameters: Mapping[str, str] | None = None,
        silent_for: str = "",
        silent: bool = False,
        another: bool = False,
        step_up: Requirement | None = None,
        popup: bool = False,
        draft: bool = False,
    ) -> StartedLogin:
        """Begin a sign-in for the browser with this id; ``cookies`` are those it sent.

        ``silent_for``: the session that a silent sign-in is to renew; the provider then asks nobody anything.
        ``silent``: the same where nobody is signed in. ``another`` and ``step_up``: as ``Provider.authorize_url``.
        ``popup``: it is in a window of its own. ``draft``: whether a draft waits for it.

        When ``MAX_OPEN`` are open already, the oldest is given up. Raises ``ProviderUnavailable``.
        """
        now = self._clock()
        transaction = LoginTransaction(
            state=secrets.token_urlsafe(_RANDOM_BYTES),
            nonce=secrets.token_urlsafe(_RANDOM_BYTES),
            code_verifier=secrets.token_urlsafe(_RANDOM_BYTES),
            return_to=safe_return_to(return_to),
            begun_at=now,
            silent_for=silent_for,
            step_up=step_up,
            organization=allowed_parameters(parameters or {}).get("organization", ""),
            silent=silent,
            popup=popup,
            draft=draft,
        )
        location = self._provider.authorize_url(
            state=transaction.state,
            nonce=transaction.nonce,
            code_verifier=transaction.code_verifier,
            parameters=parameters,
            silent=transaction.is_silent,
            another=another,
            step_up=step_up,
        )
        value = f"{int(now.timestamp())}.{self._seal(transaction, browser)}"
        # The time in front is for giving up the oldest only; what counts is the one inside the seal.
        open_ones = sorted(self._cookies.logins(cookies).items(), key=lambda item: _time_in_front(item[1]))
        surplus = open_ones[: max(0, len(open_ones) - MAX_OPEN + 1)]
        name = self._cookies.login(transaction.state)
        return StartedLogin(
            location,
            (
                self._cookies.set(name, value, max_age_seconds=LIFETIME_SECONDS),
                *(self._cookies.clear(old) for old, _ in surplus),
            ),
            transaction.state,
        )

    def open(self, state: str | None, *, browser: str, cookies: Mapping[str, str]) -> LoginTransaction:
        """The transaction with this state that this browser began; writes nothing. Raises ``StateMismatch``."""
        if state is None or not _STATE.fullmatch(state):
            raise StateMismatch(reason=CallbackReason.UNKNOWN)
        value = cookies.get(self._cookies.login(state), "")
        if not value:
            raise StateMismatch(reason=CallbackReason.GONE)
        transaction, begun_by = self._unseal(value, state)
        if not browser or not hmac.compare_digest(begun_by, browser_hash(browser)):
            raise StateMismatch(reason=CallbackReason.OTHER_BROWSER)
        age = self._clock() - transaction.begun_at
        if not timedelta(seconds=-60) <= age <= timedelta(seconds=LIFETIME_SECONDS):
            raise StateMismatch(reason=CallbackReason.LATE)
        return transaction

    def complete(self, transaction: LoginTransaction) -> None:
        """Use the transaction up: raises ``StateMismatch`` if it was used before, in any process."""
        now = self._clock()
        expires_at = transaction.begun_at + timedelta(seconds=LIFETIME_SECONDS + 60)
        with self._storage.unit_of_work() as unit:
            fresh = unit.consume_once(hashlib.sha256(transaction.state.encode()).digest(), expires_at, now)
            unit.commit()
        if not fresh:
            raise StateMismatch(reason=CallbackReason.USED)

    def forget(self, state: str | None) -> tuple[str, ...]:
        """The ``Set-Cookie`` values that remove a transaction from its browser."""
        return (self._cookies.clear(self._cookies.login(state)),) if state and _STATE.fullmatch(state) else ()

    def _seal(self, transaction: LoginTransaction, browser: str) -> str:
        plain = json.dumps(
            {
                "n": transaction.nonce,
                "v": transaction.code_verifier,
                "r": transaction.return_to,
                "t": transaction.begun_at.timestamp(),
                "b": browser_hash(browser),
                "s": transaction.silent_for,
                "u": transaction.step_up,
                "o": transaction.organization,
                "f": [transaction.silent, transaction.popup, transaction.draft],
            }
        ).encode()
        return base64.urlsafe_b64encode(self._keyring.seal(_PURPOSE, plain, transaction.state)).decode().rstrip("=")

    def _unseal(self, value: str, state: str) -> tuple[LoginTransaction, str]:
        text = value.partition(".")[2]
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            found = json.loads(self._keyring.open(_PURPOSE, sealed, state))
        except (ValueError, SealBroken):
            raise StateMismatch(reason=CallbackReason.UNKNOWN) from None
        begun_at = datetime.fromtimestamp(found["t"], UTC)
        step_up = Requirement(*found["u"]) if found["u"] is not None else None
        silent, popup, draft = found["f"]
        transaction = LoginTransaction(
            state=state,
            nonce=found["n"],
            code_verifier=found["v"],
            return_to=found["r"],
            begun_at=begun_at,
            silent_for=found["s"],
            step_up=step_up,
            organization=found["o"],
            silent=silent,
            popup=popup,
            draft=draft,
        )
        return transaction, str(found["b"])


def _time_in_front(value: str) -> int:
    """When a transaction says it began; 0 for one that says nothing sensible, so that it goes first."""
    front = value.partition(".")[0]
    return int(front) if front.isascii() and front.isdigit() and len(front) <= 12 else 0  # noqa: PLR2004 - sane times
