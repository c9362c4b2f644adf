"""Drafts: form values that a user entered before a sign-in, sealed, stored for minutes, restored once.

A draft is stored before the sign-in starts. It then waits for that sign-in (by its state), and afterwards for one page
of the resulting session. A user's draft is restored to that subject only, an anonymous one in the browser that made it
only. The database has the hash of its key, and the sealed values.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

import structlog

from app.core.clock import Clock, utc_now
from app.core.errors import StorageUnavailable
from app.core.keyring import Keyring, SealBroken
from app.core.ports import Storage, UnitOfWork
from app.core.principal import Subject
from app.core.records import Draft
from component.limits.token_bucket import TokenBucket

MAX_BYTES: Final = 32 * 1024
"""How large a draft may be, before it is sealed."""
SIGN_IN_SECONDS: Final = 660
"""How long a draft waits for its sign-in: the lifetime of a login transaction, and a minute."""
TAKE_SECONDS: Final = 120
"""How long it then waits for its page."""
MAX_DRAFTS_PER_OWNER: Final = 5
MAX_ANONYMOUS_DRAFTS: Final = 500
MAX_ANONYMOUS_BURST: Final = 20
ANONYMOUS_PER_SECOND: Final = 1.0
"""How many anonymous drafts one process stores: a burst, then a rate. Others are dropped."""

_PURPOSE: Final = "draft"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DraftOwner:
    """The owner of a draft: a subject, or the anonymous user of a browser."""

    name: str
    anonymous: bool

    @classmethod
    def of(cls, subject: Subject | None, browser_hash: str) -> DraftOwner:
        """The owner. ``browser_hash``: the SHA-256 of the browser's id, in hexadecimal; used without a subject only."""
        if subject is None:
            return cls(f"browser {browser_hash}", anonymous=True)
        return cls(f"subject {json.dumps(list(subject))}", anonymous=False)

    @property
    def hash(self) -> bytes:
        """The owner as it is stored."""
        return _hash(self.name)


class Drafts:
    """The drafts of this installation. Safe from any thread, and from any process with the same keyring and database.

    When storage fails, only the draft is lost: the sign-in continues.
    """

    def __init__(
        self,
        storage: Storage,
        keyring: Keyring,
        *,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._keyring = keyring
        self._clock = clock
        self._monotonic = monotonic
        self._lock = Lock()
        self._anonymous = TokenBucket.full(ANONYMOUS_PER_SECOND, MAX_ANONYMOUS_BURST, monotonic())

    def keep(self, owner: DraftOwner, plain: bytes) -> str:
        """Store a draft.

        Returns:
            The id for the sign-in link; empty when the draft was not stored.
        """
        if not plain or len(plain) > MAX_BYTES or (owner.anonymous and not self._takes_anonymous()):
            return ""
        now, draft_id = self._clock(), secrets.token_urlsafe(32)
        sealed = self._keyring.seal(_PURPOSE, plain, owner.name)
        expires_at = now + timedelta(seconds=SIGN_IN_SECONDS)
        try:
            with self._storage.unit_of_work() as unit:
                _put(unit, Draft(_hash(draft_id), owner.hash, owner.anonymous, sealed, expires_at), now)
                unit.commit()
        except StorageUnavailable:
            _log.warning("a draft could not be stored")
            return ""
        return draft_id

    def _takes_anonymous(self) -> bool:
        with self._lock:
            return self._anonymous.try_take(1, self._monotonic())

    def bind(self, draft: str | None, state: str) -> bool:
        """Assign a draft to the sign-in with this state, and to no other; False when there is none."""
        if draft is None or not _ID.fullmatch(draft):
            return False
        return self._move(_hash(draft), _waiting(state))

    def release(self, state: str) -> str:
        """Detach the draft of a failed sign-in.

        Returns:
            The id for the next sign-in link; empty when there is no draft.
        """
        draft_id = secrets.token_urlsafe(32)
        return draft_id if self._move(_waiting(state), _hash(draft_id)) else ""

    def claim(self, state: str, *, subject: Subject, browser_hash: str, ref: str, path: str) -> None:
        """Assign the draft of a completed sign-in to the page at ``path`` of its session, if it is this owner's.

        Another owner's draft is deleted.
        """
        try:
            with self._storage.unit_of_work() as unit:
                now = self._clock()
                draft = unit.take_draft(_waiting(state), now)
                if draft is not None and draft.owner_hash == _owner(draft, subject, browser_hash).hash:
                    expires_at = now + timedelta(seconds=TAKE_SECONDS)
                    _put(unit, replace(draft, key_hash=_for_page(ref, path), expires_at=expires_at), now)
                unit.commit()
        except StorageUnavailable:
            _log.warning("a draft could not be assigned to its page")

    def take(self, ref: str, path: str, *, subject: Subject, browser_hash: str) -> bytes | None:
        """The draft for the page at ``path`` of this session, once; None when there is none."""
        key = _for_page(ref, path)
        try:
            if not self._storage.read.draft_waits(key):  # most pages have none: no unit of work for those
                return None
            with self._storage.unit_of_work() as unit:
                draft = unit.take_draft(key, self._clock())
                unit.commit()
        except StorageUnavailable:
            return None
        if draft is None:
            return None
        try:
            return self._keyring.open(_PURPOSE, draft.sealed, _owner(draft, subject, browser_hash).name)
        except SealBroken:
            return None

    def _move(self, key_hash: bytes, to_hash: bytes) -> bool:
        try:
            if not self._storage.read.draft_waits(key_hash):  # an id can be forged: no unit of work for that
                return False
            with self._storage.unit_of_work() as unit:
                moved = unit.move_draft(key_hash, to_hash, self._clock())
                unit.commit()
        except StorageUnavailable:
            return False
        return moved


def _put(unit: UnitOfWork, draft: Draft, now: datetime) -> None:
    unit.keep_draft(draft, now, max_per_owner=MAX_DRAFTS_PER_OWNER, max_anonymous=MAX_ANONYMOUS_DRAFTS)


def _owner(draft: Draft, subject: Subject, browser_hash: str) -> DraftOwner:
    """The owner that this draft must have to be restored for this subject in this browser."""
    return DraftOwner.of(None if draft.anonymous else subject, browser_hash)


def _waiting(state: str) -> bytes:
    """The key of the draft that waits for the sign-in with this state."""
    return _hash(f"state {state}")


def _for_page(ref: str, path: str) -> bytes:
    """The key of the draft that waits for a page of a session."""
    return _hash(f"page {ref} {path.rstrip('/') or '/'}")


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
