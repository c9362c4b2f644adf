"""The pages for failed sign-ins and ended sessions: one table from the error to a title and plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.responses import Response

from app.core.errors import (
    FactorMissing,
    GatehouseError,
    NonceMismatch,
    OrganizationMismatch,
    PermissionDenied,
    ProviderRefused,
    ProviderUnavailable,
    SessionEnded,
    SessionExpired,
    SessionReplaced,
    SignedOut,
    SignInTooOld,
    StateMismatch,
    StorageUnavailable,
    TokenInvalid,
    TooManyRequests,
    Unauthenticated,
)
from app.core.failure_reasons import OAuthReason
from component.http.static_pages import START, PageLink, notice, storage_unavailable, try_again

UNKNOWN_SIGN_IN: Final = "/auth/ended?sign_in=unknown"
"""Where a callback that belongs to no sign-in redirects to."""

_FORBIDDEN: Final = 403
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
_INTERNAL: Final = 500
_UNAVAILABLE: Final = 503


class PageText(NamedTuple):
    """The texts of a page for one failure. ``again``: whether it has a link to try again."""

    title: str
    sentence: str
    status: int = _BAD_REQUEST
    again: bool = True


_BLOCKED: Final = PageText(
    "Your account is blocked", "You cannot sign in with this account. Ask an administrator about it.", _FORBIDDEN
)
_OFTEN: Final = PageText(
    "Too many attempts", "The sign-in service asks you to wait. Try again in a minute.", _UNAVAILABLE
)
REFUSED: Final[Mapping[str, PageText]] = {
    "access_denied": PageText(
        "Sign-in was cancelled", "You cancelled it, or the provider did not allow it. Nothing was changed.", _FORBIDDEN
    ),
    "unauthorized": PageText(
        "Sign-in was refused by the provider", "The sign-in provider does not allow this account.", _FORBIDDEN
    ),
    "user_blocked": _BLOCKED,
    "login_required": PageText("Sign in to continue", "The sign-in service needs you to sign in again."),
    "interaction_required": PageText(
        "One more step", "The sign-in service has a question for you before you can continue."
    ),
    "consent_required": PageText("One more step", "The sign-in service needs your consent before you can continue."),
    "account_selection_required": PageText("One more step", "Choose at the sign-in service which account to use."),
    "mfa_required": PageText("One more step", "The sign-in service asks for your second factor, such as a code."),
    "invalid_grant": PageText(
        "That took too long", "The response of the sign-in service was used already or is too old."
    ),
    "too_many_attempts": _OFTEN,
    "too_many_requests": _OFTEN,
    "temporarily_unavailable": PageText(
        "The sign-in service is busy", "It cannot sign you in right now. Try again in a moment.", _UNAVAILABLE
    ),
    "server_error": PageText(
        "The sign-in service had a fault", "It could not finish. Try again in a moment.", _UNAVAILABLE
    ),
}
"""The provider's error code → the texts of its page."""
_CODES: Final = REFUSED.keys() | {reason.value for reason in OAuthReason}
"""The only codes of the provider that reach the log and the audit as they are."""

_OTHER_REFUSAL: Final = PageText(
    "Sign-in was refused by the provider",
    "Nothing was changed. If this happens again, give your administrator the reference below.",
    _BAD_REQUEST,
)
_BY_CLASS: Final[Mapping[type[GatehouseError], PageText]] = {
    StateMismatch: PageText(
        "This sign-in is over",
        "It was completed already, took longer than ten minutes, or started in another browser. Start again.",
    ),
    NonceMismatch: PageText(
        "This sign-in did not match", "The response of the sign-in service belongs to another sign-in. Start again."
    ),
    SignInTooOld: PageText(
        "You were not asked to sign in again",
        "The sign-in service did not ask you again, or does not report when you signed in. Nothing was changed. If "
        "this happens again, give your administrator the reference below.",
    ),
    FactorMissing: PageText(
        "You were not asked for a second factor",
        "The sign-in service did not ask for your second factor, such as a code. Nothing was changed. If this happens "
        "again, give your administrator the reference below.",
    ),
    OrganizationMismatch: PageText(
        "That was for another organization",
        "You did not sign in for the requested organization, so you were not signed in. Choose an account that "
        "belongs to it.",
        _FORBIDDEN,
    ),
    TokenInvalid: PageText(
        "The response could not be verified",
        "The sign-in service's response could not be verified, so you were not signed in. If this happens again, give "
        "your administrator the reference below: the audit has the reason.",
    ),
    ProviderUnavailable: PageText(
        "The sign-in service does not answer",
        "It is down, slow, or sent an invalid response. Nothing was lost. Try again in a moment.",
        _UNAVAILABLE,
    ),
    TooManyRequests: PageText(
        "Too many failed sign-ins",
        "Several sign-ins from here failed just now, so this one was not tried. Nothing was changed. Try again in a "
        "minute.",
        _TOO_MANY,
    ),
    PermissionDenied: _BLOCKED._replace(again=False),
}


def refusal_code(error: GatehouseError) -> str:
    """The stable code under which a failure is logged and audited; never text from outside."""
    if isinstance(error, ProviderRefused) and error.error in _CODES:
        return error.error
    return error.reason_code


def failure_page(error: GatehouseError, return_to: str, *, popup: bool = False, draft: str = "") -> Response:
    """The page for a failed sign-in.

    Args:
        error: The failure.
        return_to: The page that another try returns to.
        popup: Whether the sign-in is in a popup; another try is, too.
        draft: The id of the draft that waits for another try; empty for none.
    """
    if isinstance(error, StorageUnavailable):
        return storage_unavailable(logged=True)
    text = _text_of(error)
    sentences = [text.sentence]
    if isinstance(error, ProviderRefused) and error.detail and text is not _BLOCKED:
        sentences.append(f"The provider's message: “{error.detail}”")
    seconds = error.retry_after_seconds if isinstance(error, ProviderUnavailable) else None
    if seconds is not None:
        sentences.append(f"Try again in {seconds} second{'' if seconds == 1 else 's'}.")
    if popup:
        sentences.append("Or close this window: the page you came from has not changed.")
    again = (try_again(return_to, popup=popup, draft=draft),) if text.again else ()
    actions = again if popup else (*again, START)
    return notice(
        text.title,
        sentences,
        status=text.status,
        actions=actions,
        keeps_opener=popup,
        retry_after_seconds=seconds,
    )


def unknown_sign_in_page() -> Response:
    """The page for a callback that belongs to no sign-in of this browser: the same for every visitor.

    It redirects by itself to ``/auth/ended``, which checks the browser's session, as a page of ours.
    """
    text = _BY_CLASS[StateMismatch]
    return notice(text.title, (text.sentence,), status=text.status, continue_at=UNKNOWN_SIGN_IN)


def _text_of(error: GatehouseError) -> PageText:
    if isinstance(error, ProviderRefused):
        return REFUSED.get(error.error, _OTHER_REFUSAL)
    for kind, text in _BY_CLASS.items():
        if isinstance(error, kind):
            return text
    if error.status >= _INTERNAL:
        return PageText("Something went wrong", "That should not have happened. Try again in a moment.", error.status)
    return PageText("Sign-in failed", error.detail or "Start again.")


def ended_page(error: Unauthenticated, return_to: str, *, signed_out: bool) -> Response:
    """The page that a tab of an ended session gets; signing in leads back to where it was.

    ``signed_out``: whether a user signed out in this browser within a day, which leaves no session to look up.
    """
    again = PageLink("Sign in again", try_again(return_to).href)
    if isinstance(error, SessionExpired):
        title = "Your session has expired"
        sentences = ("You were not here for a while, or signed in long ago, so you were signed out to be safe.",)
    elif signed_out or isinstance(error, SignedOut):
        title, sentences = (
            "You are signed out",
            ("You signed out in this browser. Sign in to continue where you were.",),
        )
    elif isinstance(error, SessionEnded):
        title, sentences = "You were signed out", (error.detail or "Your session was ended.",)
    else:
        title, sentences = "You are not signed in", ("Sign in to continue where you were.",)
    # The response with the new session's cookie may still be on its way: then this page redirects by itself.
    reload_seconds = 2 if isinstance(error, SessionReplaced) else None
    return notice(title, sentences, status=200, actions=(again, START), reload_seconds=reload_seconds)


def blocked_page() -> Response:
    """The page for a live session whose user is blocked."""
    return notice(_BLOCKED.title, ("An administrator has blocked your account. Ask them about it.",), status=_FORBIDDEN)
