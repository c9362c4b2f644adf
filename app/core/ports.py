"""The storage interface of core, the component and both adapters: Protocols whose docstrings are the contract.

All methods may raise ``StorageUnavailable`` (locked, missing, full) or its subclass ``SchemaMismatch``; no error of
the storage library crosses. Times in and out are aware UTC. All objects may be used from any thread; a
``UnitOfWork`` belongs to the thread that opened it, which cannot open a second one meanwhile (``RuntimeError``).

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
    TokenRightsChange,
    UsageDay,
)


class Reader(Protocol):
    """Reads without a unit of work: each is one query on the newest committed state and leaves no transaction open."""

    def session_by_secret(self, secret_hash: bytes) -> Session | None:
        """The session whose cookie secret has this SHA-256, ended or expired ones too; None when there is none."""

    def session_by_ref(self, ref: str) -> Session | None:
        """The session with this stable reference, ended or expired ones too; None when there is none."""

    def bearer_facts(self, token_hash: bytes, subject: Subject, client_id: str) -> BearerFacts:
        """The facts about a verified bearer token with this SHA-256, for this subject and client."""

    def token_issued(self, token_hash: bytes) -> bool:
        """Whether an access token with this SHA-256 was issued to a session of this installation."""

    def grants(self, subject: Subject, now: datetime) -> Grants:
        """The grants of this subject that count at ``now``; ``token_permissions`` stays empty."""

    def sealed_tokens(self, ref: str) -> SealedTokens | None:
        """The provider tokens of a live (not ended) session; None otherwise."""

    def person(self, subject: Subject) -> Person | None:
        """The person; None for a subject that never signed in and never had a grant."""

    def sessions_of(self, subject: Subject, now: datetime) -> Sequence[Session]:
        """Sessions neither ended nor past their absolute lifetime, newest first. The idle lifetime is the caller's."""

    def usage(self, since: date, until: date) -> Sequence[UsageDay]:
        """One entry for each day from ``since`` to ``until``, both included, oldest first."""

    def draft_waits(self, key_hash: bytes) -> bool:
        """Whether there is a draft under this key, expired or not."""

    def policy_version(self) -> int:
        """The policy version, which grows whenever the rights of any subject may have changed."""

    def change_counters(self) -> ChangeCounters:
        """The two counters that grow when live tabs must be rechecked."""

    def role_descriptions(self) -> Mapping[str, str]:
        """Role name → description, every role."""


class UnitOfWork(Protocol):
    """Writes of one transaction: nothing is kept unless ``commit`` is called; leaving the block without it rolls back.

    The unit is opened for writing from its first statement, so what it reads cannot change before it commits. Never
    hold one across an HTTP call. The audit chain's head is locked last, by ``commit``.
    """

    def commit(self) -> None:
        """Commit everything, audit events included, or raise and commit nothing."""

    def record(self, event: AuditEvent) -> None:
        """Append an audit event in this unit."""

    def save_person(self, person: Person, now: datetime) -> None:
        """Insert or update a subject's profile, last seen at ``now``. Never changes ``blocked``."""

    def set_blocked(self, subject: Subject, *, blocked: bool) -> bool:
        """Block or unblock; True when that changed something. Moves the policy version if so.

        A subject can be blocked before its first sign-in.
        """

    def begin_session(self, session: NewSession, now: datetime) -> None:
        """Insert the session, the hash of its access token, and its client as one of our own."""

    def session_by_ref(self, ref: str) -> Session | None:
        """As ``Reader.session_by_ref``, inside this unit."""

    def step_up_session(self, fresh: SteppedUp, now: datetime) -> bool:
        """Continue a session after a fresh sign-in of its user, with a new secret, tokens, sign-in time and factors.

        The reference and the lifetimes stay. A refresh lease is released, whichever process has it. False (and nothing
        changed) if the session has ended or expired.
        """

    def resume_session(self, fresh: SteppedUp, expires_at: datetime, now: datetime) -> bool:
        """Resume an expired session as ``step_up_session``, with new lifetimes; the caller checks the user.

        ``expires_at`` is the end of its new absolute lifetime. ``ChangeCounters.sessions_ended`` grows, so that live
        tabs are rechecked. False (and nothing changed) if the session was ended.
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

        Without ``keep`` this is "signed out everywhere": it sets ``signed_out_at``.
        """

    def touch_session(self, ref: str, clock: Clock, *, idle: timedelta, page: str = "") -> bool:
        """Record activity of the user; callers write at most once a minute.

        Args:
            ref: The session's stable reference.
            clock: Read once the unit is open for writing, which may have taken longer than the session lasts.
            idle: The idle lifetime.
            page: The page of the activity; empty if it is not known.

        Returns:
            False (and nothing changed) if the session has ended or expired, or later activity is recorded already.
        """

    def record_silent_sign_in(self, ref: str, now: datetime) -> bool:
        """Record an attempt of a silent sign-in; False after one for the same access token, or if the session ended."""

    def take_refresh_lease(self, ref: str, owner: str, now: datetime, expires_at: datetime) -> SealedTokens | None:
        """Take the refresh lease, if no other owner has it beyond ``now`` and the session is live; else None."""

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
        """Store new tokens, record the sync of rights at ``now`` and release the lease.

        False (and nothing changed) if the session ended meanwhile or another owner has the lease.
        """

    def release_refresh_lease(self, ref: str, owner: str) -> None:
        """Release the lease without new tokens."""

    def consume_once(self, value_hash: bytes, expires_at: datetime, now: datetime) -> bool:
        """Mark a value that may be used once (a login state, a logout token's id) as used; False if it was used before.

        It is stored until ``expires_at``; values that expired before ``now`` are purged.
        """

    def keep_draft(self, draft: Draft, now: datetime, *, max_per_owner: int, max_anonymous: int) -> None:
        """Store a draft, in place of one with the same key. Drafts that expired before ``now`` are deleted.

        So are the oldest ones beyond the maximum of its owner, or of all anonymous owners together.
        """

    def move_draft(self, key_hash: bytes, to_hash: bytes, now: datetime) -> bool:
        """Move a draft to another key; False if there is none that has not expired."""

    def take_draft(self, key_hash: bytes, now: datetime) -> Draft | None:
        """Return and delete the draft under this key; None if there is none that has not expired."""

    def sync_token_rights(
        self, subject: Subject, rights: TokenRights, *, implicit_role_mapping: bool, now: datetime
    ) -> TokenRightsChange:
        """Make the subject's grants of source ``token`` equal to the token's rights, and return what changed.

        Token roles count through the role mappings, and where ``implicit_role_mapping`` (development) also through a
        built-in role of the same name. Unknown permissions are omitted. A token older than the last one synced changes
        nothing. What an administrator withholds is not granted. The policy version grows if the grants changed.
        """

    def grant_default_role(self, subject: Subject, role: str | None, now: datetime) -> bool:
        """Grant the default role, by a grant of source ``policy``; None if there is no default role now.

        False if the subject has it already, or an administrator withholds it.

        Raises:
            NotFound: if the role does not exist.
        """

    def add_grant(self, grant: NewGrant, now: datetime) -> bool:
        """Add a grant, also before the subject's first sign-in. The policy version grows if it is added.

        False if the same one (subject, role or permission, source) exists; one that had expired at ``now`` is replaced.

        Raises:
            NotFound: if the role or permission does not exist.
        """

    def revoke_grant(self, grant: NewGrant, now: datetime) -> bool:
        """Delete the grant with the same subject, role or permission, and source; True if there was one."""

    def administrators(self, now: datetime) -> Sequence[Person]:
        """The people who count as administrators.

        They are not blocked and have the administrator role by a grant of source ``admin`` or ``policy`` that does not
        expire.
        """

    def people_by_email(self, email: str) -> Sequence[Person]:
        """People who signed in with exactly this e-mail, compared without case, verified ones only; at most 10."""

    def record_subject(self, subject: Subject, now: datetime, *, machine: bool) -> None:
        """Record an unknown subject once, without any detail."""

    def add_page_views(self, views: Mapping[tuple[date, str], int]) -> None:
        """Add to the daily counters: (day, page path) → views."""

    def seal_retention(self, before: datetime, *, by: str, now: datetime) -> RetentionBoundary | None:
        """Seal a boundary below which events may be deleted: the first one that is not older than ``before``.

        Nothing is deleted yet. None if the oldest event that no boundary covers is not older.

        Raises:
            Conflict: if the event at the boundary was changed after it was written.
        """

    def delete_below_boundary(self, limit: int) -> int:
        """Delete at most ``limit`` of the oldest events below the newest sealed boundary; returns how many."""

    def write_key(self) -> str:
        """The id of the key this installation writes with; empty before the first process announced its keys."""

    def switch_write_key(self, key_id: str, *, lost: bool = False) -> None:
        """Write with another key from this unit's events on; ``lost`` says that the previous key is lost."""

    def announce(self, process: AnnouncedProcess) -> None:
        """Insert or update the row of a process."""

    def announced(self) -> Sequence[AnnouncedProcess]:
        """Every process that announced its keys and was not withdrawn, the oldest first."""

    def withdraw(self, ids: Collection[str]) -> None:
        """Delete the rows of processes."""

    def purge(self, now: datetime) -> int:
        """Delete what has expired; returns how many rows.

        Login states, drafts and hashes of access tokens past their expiry; sessions ended or expired over 30 days ago.
        """


class Storage(Protocol):
    """The storage of an installation."""

    @property
    def read(self) -> Reader:
        """Reads without a unit of work."""

    def unit_of_work(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work; leaving the block without ``commit`` rolls back."""

    def check(self) -> None:
        """Check that this process can use the database.

        Raises:
            SchemaMismatch: if it is of another version.
            SecretMismatch: if it is written with a secret that this process does not have.
            StorageUnavailable: if it does not respond.
        """

    def close(self) -> None:
        """Close every connection."""
