"""What core, the component and both adapters ask of storage: Protocols whose docstrings are the contract.

All methods may raise ``StorageUnavailable`` (locked, missing, full) or its subclass ``SchemaMismatch``; no error of
the storage library crosses. Times in and out are aware UTC. All objects may be used from any thread; a
``UnitOfWork`` belongs to the thread that opened it, which has no second one meanwhile (``RuntimeError``).

Texts to be shown are stored without control characters and bounded. A subject is never altered: one that is empty,
not printable, or longer than 255 characters is unknown to reads and ``InvalidInput`` to writes. A naive time is a
``ValueError``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import Protocol

from app.core.audit import AuditEvent
from app.core.clock import Clock
from app.core.policy import Grants
from app.core.principal import Subject
from app.core.records import (
    AnnouncedProcess,
    BearerFacts,
    ChangeCounters,
    Draft,
    EndReason,
    NewGrant,
    NewSession,
    Person,
    RetentionBoundary,
    SealedTokens,
    Session,
    SteppedUp,
    TokenRights,
    UsageDay,
)


class Reader(Protocol):
    """Reads that stand alone: each is one query on the newest committed state, and holds no transaction after."""

    def session_by_secret(self, secret_hash: bytes) -> Session | None:
        """The session whose cookie secret has this SHA-256, ended or expired ones too; None when there is none."""

    def session_by_ref(self, ref: str) -> Session | None:
        """The session with this stable reference, ended or expired ones too; None when there is none."""

    def bearer(self, token_hash: bytes, subject: Subject, client_id: str) -> BearerFacts:
        """What is known of a verified bearer token with this SHA-256, for this subject and client."""

    def token_issued(self, token_hash: bytes) -> bool:
        """Whether an access token with this SHA-256 was issued to a session of this installation."""

    def grants(self, subject: Subject, now: datetime) -> Grants:
        """What this subject holds at ``now``, without anything expired; ``asserted`` is left empty."""

    def sealed_tokens(self, ref: str) -> SealedTokens | None:
        """The provider tokens of a live (not ended) session; None otherwise."""

    def person(self, subject: Subject) -> Person | None:
        """The person, or None when never seen and never granted anything."""

    def sessions_of(self, subject: Subject, now: datetime) -> Sequence[Session]:
        """Sessions neither ended nor past their absolute lifetime, newest first. The idle lifetime is the caller's."""

    def usage(self, since: date, until: date) -> Sequence[UsageDay]:
        """One entry for each day from ``since`` to ``until``, both included, oldest first."""

    def draft_waits(self, key_hash: bytes) -> bool:
        """Whether there is a draft under this key, expired or not."""

    def policy_version(self) -> int:
        """The policy version; it has moved whenever anybody's rights may have changed."""

    def change_counters(self) -> ChangeCounters:
        """The two counters whose moving means that live tabs may have something to learn."""

    def role_descriptions(self) -> Mapping[str, str]:
        """Role name → description, every role."""


class UnitOfWork(Protocol):
    """Writes that belong together: nothing is kept unless ``commit`` is called; leaving without it rolls back.

    The unit is opened for writing from its first statement, so what it reads cannot change before it commits. Never
    hold one across an HTTP call. The audit chain's head is locked last, by ``commit``.
    """

    def commit(self) -> None:
        """Keep everything, audit events included, or raise and keep nothing."""

    def record(self, event: AuditEvent) -> None:
        """Append an audit event in this unit."""

    def save_person(self, person: Person, now: datetime) -> None:
        """Insert or update what is shown of a subject, and that it was seen at ``now``. Never changes ``blocked``."""

    def set_blocked(self, subject: Subject, *, blocked: bool) -> bool:
        """Block or unblock; True when that changed something. Moves the policy version if so.

        Somebody not seen yet can be blocked in advance.
        """

    def begin_session(self, session: NewSession, now: datetime) -> None:
        """Insert the session, the hash of its access token and its client among our own."""

    def session_by_ref(self, ref: str) -> Session | None:
        """As ``Reader.session_by_ref``, inside this unit."""

    def step_up_session(self, fresh: SteppedUp, now: datetime) -> bool:
        """Go on with a session after its person signed in afresh: new secret, tokens, sign-in time and factors.

        The reference stays, and so do the limits. A refresh lease is taken away from whoever holds it. False (and
        nothing changed) when the session is over.
        """

    def resume_session(self, fresh: SteppedUp, expires_at: datetime, now: datetime) -> bool:
        """Go on with a session whose time was over, as ``step_up_session``, with new limits; callers check whose it is.

        ``expires_at``: its new absolute limit. Moves ``ChangeCounters.sessions_ended``, so that live tabs look. False
        (and nothing changed) when the session was ended.
        """

    def sessions_at_provider(self, issuer: str, *, sid: str = "", subject: str = "") -> Sequence[Session]:
        """Live (not ended) sessions of this issuer, with its own session id ``sid`` and of ``subject``, where given.

        None at all when neither is given.
        """

    def end_session(self, ref: str, reason: EndReason, now: datetime) -> bool:
        """End one session; its tokens are erased. True when it was live."""

    def end_sessions_of(
        self, subject: Subject, reason: EndReason, now: datetime, *, keep: str | None = None
    ) -> Sequence[str]:
        """End every live session of a subject but ``keep``; returns the references that ended.

        Without ``keep`` this is "signed out everywhere": it notes ``signed_out_at``.
        """

    def touch_session(self, ref: str, clock: Clock, *, idle: timedelta, page: str = "") -> bool:
        """Note that the user is here; callers write at most once a minute.

        Args:
            ref: The session's stable reference.
            clock: Read once the unit is open for writing, which may have taken longer than the session lasts.
            idle: The idle lifetime.
            page: On which page; empty when it is not known.

        Returns:
            False (and nothing changed) when the session has ended or expired, or a later moment is noted already.
        """

    def note_silent_try(self, ref: str, now: datetime) -> bool:
        """Note that a silent sign-in is tried; False when one was for the same access token, or the session ended."""

    def take_refresh_lease(self, ref: str, owner: str, now: datetime, until: datetime) -> SealedTokens | None:
        """Take the right to refresh, if nobody else holds it past ``now`` and the session is live; else None."""

    def store_refreshed(
        self,
        ref: str,
        owner: str,
        *,
        sealed: bytes,
        access_token_hash: bytes,
        access_expires_at: datetime,
        now: datetime,
    ) -> bool:
        """Store new tokens, note the sync of rights at ``now`` and give the lease back.

        False (and nothing changed) when the session ended meanwhile or the lease is another's.
        """

    def release_refresh_lease(self, ref: str, owner: str) -> None:
        """Give the lease back without new tokens."""

    def consume_once(self, value_hash: bytes, expires_at: datetime, now: datetime) -> bool:
        """Mark what may be used once (a login state, a logout token's id) as used; False when it was used before.

        Remembered until ``expires_at``; forgets those that expired before ``now``.
        """

    def keep_draft(self, draft: Draft, now: datetime, *, max_per_owner: int, max_anonymous: int) -> None:
        """Store a draft, in place of one with the same key. Those that expired before ``now`` go.

        So do the oldest where its owner, or all anonymous owners together, would have more than that many.
        """

    def move_draft(self, key_hash: bytes, to_hash: bytes, now: datetime) -> bool:
        """Have a draft found under another key only; False when there is none, or none that has not expired."""

    def take_draft(self, key_hash: bytes, now: datetime) -> Draft | None:
        """The draft under this key, which is gone with that; None when there is none, or it had expired."""

    def sync_token_rights(self, subject: Subject, rights: TokenRights, *, map_own_names: bool, now: datetime) -> bool:
        """Make the subject's grants of source ``token`` equal to what the token says; no others are touched.

        Token roles count through the role mappings, and where ``map_own_names`` (development) also through a
        built-in role of the same name. Unknown permissions are left out. A token older than the last one synced
        changes nothing. What an administrator withholds from the subject is not given. True, and the policy version
        moved, when the grants changed.
        """

    def grant_default_role(self, subject: Subject, role: str | None, now: datetime) -> bool:
        """Give the default role, by a grant of source ``policy``; None: there is no default role now.

        False when it was there, or an administrator withholds it. Raises ``NotFound`` for a role that does not exist.
        """

    def add_grant(self, grant: NewGrant, now: datetime) -> bool:
        """Add a grant, to a subject not seen yet too. False when the same one (subject, what, source) was there.

        One that had expired at ``now`` is replaced.

        Raises ``NotFound`` for a role or permission that does not exist. Moves the policy version when it adds.
        """

    def revoke_grant(self, grant: NewGrant, now: datetime) -> bool:
        """Remove the grant with the same subject, what and source. True, and the version moved, when it was there."""

    def administrators(self, now: datetime) -> Sequence[Person]:
        """Those who count as administrators.

        Not blocked, and holding the administrator role by an endless grant of source ``admin`` or ``policy``.
        """

    def people_by_email(self, email: str) -> Sequence[Person]:
        """People who signed in with exactly this e-mail, compared without case, verified ones only; at most 10."""

    def note_subject(self, subject: Subject, now: datetime, *, machine: bool) -> None:
        """Record an unknown subject once, without any detail."""

    def add_page_views(self, views: Mapping[tuple[date, str], int]) -> None:
        """Add to the daily counters: (day, page path) → views."""

    def seal_retention(self, before: datetime, *, by: str, now: datetime) -> RetentionBoundary | None:
        """Seal that the events up to the first one not older than ``before`` may go; deletes nothing yet.

        None when the oldest event that no boundary covers is not older. Raises ``Conflict`` when the event at the
        boundary was changed after it was written.
        """

    def delete_below_boundary(self, most: int) -> int:
        """Delete the oldest events covered by the newest sealed boundary, at most so many; returns how many went."""

    def write_key(self) -> str:
        """The id of the key this installation writes with; empty before the first process announced its keys."""

    def switch_write_key(self, key_id: str, *, lost: bool = False) -> None:
        """Write with another key from this unit's events on; ``lost``: nobody has the one before any more."""

    def announce(self, process: AnnouncedProcess) -> None:
        """Insert or update the row of a process."""

    def announced(self) -> Sequence[AnnouncedProcess]:
        """Every process that announced its keys and was not withdrawn, the oldest first."""

    def withdraw(self, ids: Collection[str]) -> None:
        """Forget processes."""

    def purge(self, now: datetime) -> int:
        """Forget what has expired; returns how many rows went.

        Login states, drafts and hashes of access tokens past their expiry; sessions ended or expired over 30 days ago.
        """


class Storage(Protocol):
    """Where everything is remembered."""

    @property
    def read(self) -> Reader:
        """Reads that stand alone."""

    def unit_of_work(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work; leaving the block without ``commit`` rolls back."""

    def check(self) -> None:
        """Raise unless the database is there, of this version, and written with a secret that this process holds.

        ``SchemaMismatch``, ``SecretMismatch`` or ``StorageUnavailable``.
        """

    def close(self) -> None:
        """Let go of every connection."""
