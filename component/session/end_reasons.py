"""The end reasons of sessions as users read them: one sentence for each."""

from __future__ import annotations

from typing import Final

from app.core.errors import SessionEnded, SessionExpired, SessionReplaced, SignedOut, Unauthenticated
from app.core.records import EndReason

_ENDED: Final = {
    EndReason.SIGNED_OUT: "You signed out.",
    EndReason.ENDED_BY_PERSON: "You ended this session from another one.",
    EndReason.ENDED_BY_ADMIN: "You were signed out by an administrator.",
    EndReason.BLOCKED: "Your account was blocked. Ask an administrator.",
    EndReason.BACKCHANNEL_LOGOUT: "You signed out at the sign-in provider.",
    EndReason.PROVIDER_REFUSED: "The sign-in provider ended this sign-in. Sign in again.",
    EndReason.REPLACED: "There was a new sign-in in this browser.",
}


def session_end_error(reason: EndReason | None) -> Unauthenticated:
    """The error for a session that ended: ``SessionExpired`` when only its time was over, else ``SessionEnded``."""
    sentence = _ENDED.get(reason) if reason is not None else None
    if reason is EndReason.REPLACED:
        return SessionReplaced(sentence or "")
    if reason is EndReason.SIGNED_OUT:
        return SignedOut(sentence or "")
    return SessionEnded(sentence) if sentence else SessionExpired("Sign in again to continue where you were.")
