"""Login transactions: the state of a sign-in between ``/auth/login`` and ``/auth/callback``, sealed in a cookie.

Starting a sign-in stores nothing: state, nonce and PKCE verifier (RFC 7636 §4.1) are kept encrypted in a
cookie of the browser, named after the state, so that parallel tabs work. A state is consumed once, in storage, before
its code is exchanged.
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

from app.core.assurance import SignInRequirement
from app.core.clock import Clock, utc_now
from app.core.errors import StateMismatch
from app.core.failure_reasons import CallbackReason
from app.core.keyring import Keyring, SealBroken
from app.core.ports import Storage
from component.http.cookies import Cookies, browser_hash
from component.http.return_to import safe_return_to
from component.oidc.authorization_parameters import allowed_parameters
from component.oidc.provider import Provider

LIFETIME_SECONDS: Final = 600
MAX_OPEN: Final = 5
_RANDOM_BYTES: Final = 32
_PURPOSE: Final = "login"
_STATE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class LoginTransaction:
    """A sign-in in progress. ``started_at`` is aware UTC; the repr shows nothing that could be replayed."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    return_to: str
    started_at: datetime
    silent_for: str = ""
    """Reference of the session that a silent sign-in refreshes; empty for every other sign-in."""
    step_up: SignInRequirement | None = None
    """The requirement of a step-up; None for every other sign-in."""
    organization: str = ""
    """The requested organization, which the ID token must name (``org_id``); empty for none."""
    silent_sign_in: bool = False
    """Whether it is a silent sign-in in a browser without a session (with one: ``silent_for``)."""
    popup: bool = False
    """Whether it happens in a popup, which closes itself at the end."""
    draft: bool = False
    """Whether a draft waits for it (``component.drafts``)."""

    @property
    def is_silent(self) -> bool:
        """Whether it is a silent sign-in (``prompt=none``)."""
        return self.silent_sign_in or bool(self.silent_for)


@dataclass(frozen=True, slots=True)
class StartedLogin:
    """The redirect to the provider: its address, its ``Set-Cookie`` values, and the state of the sign-in."""

    location: str = field(repr=False)
    set_cookies: tuple[str, ...] = field(repr=False)
    state: str = field(repr=False)


class LoginTransactions:
    """Starts and completes login transactions. Safe from any thread, and from any process with the same keyring."""

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
        silent_sign_in: bool = False,
        another_account: bool = False,
        step_up: SignInRequirement | None = None,
        popup: bool = False,
        draft: bool = False,
    ) -> StartedLogin:
        """Start a sign-in. When ``MAX_OPEN`` are open in the browser already, the oldest is dropped.

        Args:
            browser: The browser's id.
            cookies: The cookies of the request.
            return_to: The page to return to.
            parameters: Parameters for the provider, of which only the allowed ones are sent.
            silent_for: The session that a silent sign-in refreshes; empty for none.
            silent_sign_in: Whether it is a silent sign-in in a browser without a session.
            another_account: As in ``Provider.authorize_url``.
            step_up: As in ``Provider.authorize_url``.
            popup: Whether it happens in a popup.
            draft: Whether a draft waits for it.

        Raises:
            ProviderUnavailable: The provider's metadata cannot be fetched.
        """
        now = self._clock()
        transaction = LoginTransaction(
            state=secrets.token_urlsafe(_RANDOM_BYTES),
            nonce=secrets.token_urlsafe(_RANDOM_BYTES),
            code_verifier=secrets.token_urlsafe(_RANDOM_BYTES),
            return_to=safe_return_to(return_to),
            started_at=now,
            silent_for=silent_for,
            step_up=step_up,
            organization=allowed_parameters(parameters or {}).get("organization", ""),
            silent_sign_in=silent_sign_in,
            popup=popup,
            draft=draft,
        )
        location = self._provider.authorize_url(
            state=transaction.state,
            nonce=transaction.nonce,
            code_verifier=transaction.code_verifier,
            parameters=parameters,
            silent_sign_in=transaction.is_silent,
            another_account=another_account,
            step_up=step_up,
        )
        value = f"{int(now.timestamp())}.{self._seal(transaction, browser)}"
        # The unsealed timestamp only determines which transaction is the oldest. Whether one has expired is decided by
        # the sealed timestamp, which a browser cannot change.
        open_ones = sorted(self._cookies.logins(cookies).items(), key=lambda item: _unsealed_timestamp(item[1]))
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
        """The transaction with this state that this browser started; stores nothing.

        Raises:
            StateMismatch: There is none, it is too old, or it belongs to another browser.
        """
        if state is None or not _STATE.fullmatch(state):
            raise StateMismatch(reason=CallbackReason.UNKNOWN)
        value = cookies.get(self._cookies.login(state), "")
        if not value:
            raise StateMismatch(reason=CallbackReason.GONE)
        transaction, started_by = self._unseal(value, state)
        if not browser or not hmac.compare_digest(started_by, browser_hash(browser)):
            raise StateMismatch(reason=CallbackReason.OTHER_BROWSER)
        age = self._clock() - transaction.started_at
        if not timedelta(seconds=-60) <= age <= timedelta(seconds=LIFETIME_SECONDS):
            raise StateMismatch(reason=CallbackReason.LATE)
        return transaction

    def complete(self, transaction: LoginTransaction) -> None:
        """Consume the transaction.

        Raises:
            StateMismatch: It was consumed before, in any process.
        """
        now = self._clock()
        expires_at = transaction.started_at + timedelta(seconds=LIFETIME_SECONDS + 60)
        with self._storage.unit_of_work() as unit:
            fresh = unit.consume_once(hashlib.sha256(transaction.state.encode()).digest(), expires_at, now)
            unit.commit()
        if not fresh:
            raise StateMismatch(reason=CallbackReason.USED)

    def clear_cookie(self, state: str | None) -> tuple[str, ...]:
        """The ``Set-Cookie`` values that remove a transaction from its browser."""
        return (self._cookies.clear(self._cookies.login(state)),) if state and _STATE.fullmatch(state) else ()

    def _seal(self, transaction: LoginTransaction, browser: str) -> str:
        plain = json.dumps(
            {
                "n": transaction.nonce,
                "v": transaction.code_verifier,
                "r": transaction.return_to,
                "t": transaction.started_at.timestamp(),
                "b": browser_hash(browser),
                "s": transaction.silent_for,
                "u": transaction.step_up,
                "o": transaction.organization,
                "f": [transaction.silent_sign_in, transaction.popup, transaction.draft],
            }
        ).encode()
        return base64.urlsafe_b64encode(self._keyring.seal(_PURPOSE, plain, transaction.state)).decode().rstrip("=")

    def _unseal(self, value: str, state: str) -> tuple[LoginTransaction, str]:
        text = value.partition(".")[2]
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            payload = json.loads(self._keyring.open(_PURPOSE, sealed, state))
        except (ValueError, SealBroken):
            raise StateMismatch(reason=CallbackReason.UNKNOWN) from None
        started_at = datetime.fromtimestamp(payload["t"], UTC)
        step_up = SignInRequirement(*payload["u"]) if payload["u"] is not None else None
        silent_sign_in, popup, draft = payload["f"]
        transaction = LoginTransaction(
            state=state,
            nonce=payload["n"],
            code_verifier=payload["v"],
            return_to=payload["r"],
            started_at=started_at,
            silent_for=payload["s"],
            step_up=step_up,
            organization=payload["o"],
            silent_sign_in=silent_sign_in,
            popup=popup,
            draft=draft,
        )
        return transaction, str(payload["b"])


def _unsealed_timestamp(value: str) -> int:
    """The start time in front of a sealed transaction (Unix seconds); 0 if invalid, so that it is dropped first."""
    timestamp = value.partition(".")[0]
    is_valid = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12  # noqa: PLR2004 - sane times
    return int(timestamp) if is_valid else 0
