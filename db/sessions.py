"""Writes of sessions: their start and end, the lease for a token refresh, and consumed login states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, insert, or_, text, update

from app.core.clock import Clock
from app.core.principal import Subject
from app.core.records import EndReason, NewSession, SealedTokens, Session, SteppedUp
from db.models import drafts, issued_tokens, login_states, own_clients, people, policy, sessions
from db.rows import SEALED, sealed_of, session_by_ref_query, session_query, session_with_person
from db.session_liveness import is_live
from db.texts import clean, is_storable_subject
from db.unit_of_work import BaseUnitOfWork, require_aware

KEEP_ENDED: Final = timedelta(days=30)
"""How long the row of a session is kept after it has ended or expired."""
KEEP_TOKENS: Final = timedelta(hours=1)
"""How long the hash of an expired access token is kept: longer than any allowed clock skew."""
NO_SIGN_IN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The stored time of a sign-in that the provider did not report; an ``auth_time`` of 0 is no report either."""
_MERGE_SEARCH: Final = text("INSERT INTO people_search (people_search, rank) VALUES ('merge', -1000)")
"""Merges up to 1,000 pages (4 MB) of the search index; searches of a merged index take half the time (FTS5 §6.9)."""
_BY_REF: Final = session_by_ref_query()


class SessionWrites(BaseUnitOfWork):
    """Writes of ``UnitOfWork`` for sessions."""

    def begin_session(self, session: NewSession, now: datetime) -> None:
        """Insert a session, the hash of its access token, and its client as one of our own.

        Raises:
            InvalidInput: The subject cannot be stored.
            ValueError: A time is naive.
        """
        require_aware(now, session.authenticated_at, session.expires_at, session.access_expires_at)
        inserted = self._execute(
            insert(sessions)
            .values(
                ref=session.ref,
                secret_hash=session.secret_hash,
                person_id=self._ensure_person(session.subject),
                client_id=clean(session.client_id),
                created_at=now,
                authenticated_at=session.authenticated_at or NO_SIGN_IN_TIME,
                last_seen_at=now,
                expires_at=session.expires_at,
                provider_sid=clean(session.provider_sid),
                acr=clean(session.acr),
                amr=_words(session.amr),
                user_agent=clean(session.user_agent),
                address=clean(session.address),
                sealed_tokens=session.sealed_tokens,
                access_expires_at=session.access_expires_at,
                rights_synced_at=now,
            )
            .returning(sessions.c.id)
        ).scalar_one()
        self._store_token_hash(int(inserted), session.access_token_hash, session.access_expires_at)
        if session.client_id:
            self._execute(
                self._insert(own_clients)
                .values(issuer=session.subject.issuer, client_id=clean(session.client_id))
                .on_conflict_do_nothing()
            )

    def session_by_ref(self, ref: str) -> Session | None:
        """The session, inside this transaction."""
        rows = self._rows(_BY_REF, ref=ref) if ref.isascii() else ()
        return session_with_person(rows[0]) if rows else None

    def step_up_session(self, fresh: SteppedUp, now: datetime) -> bool:
        """Continue a live session after a new sign-in of its person; False when it has ended."""
        return self._reauthenticate(fresh, now, {})

    def resume_session(self, fresh: SteppedUp, expires_at: datetime, now: datetime) -> bool:
        """Resume an expired session after a new sign-in of its person; False when it was ended."""
        require_aware(expires_at)
        return self._reauthenticate(fresh, now, {"expires_at": expires_at, "silent_at": None})

    def _reauthenticate(self, fresh: SteppedUp, now: datetime, changes: Mapping[str, object]) -> bool:
        require_aware(now, fresh.authenticated_at, fresh.access_expires_at)
        session = self._execute(
            update(sessions)
            .where(sessions.c.ref == fresh.ref, sessions.c.ended_at.is_(None))
            .values(
                secret_hash=fresh.secret_hash,
                authenticated_at=fresh.authenticated_at or NO_SIGN_IN_TIME,
                last_seen_at=now,
                provider_sid=clean(fresh.provider_sid),
                acr=clean(fresh.acr),
                amr=_words(fresh.amr),
                sealed_tokens=fresh.sealed_tokens,
                access_expires_at=fresh.access_expires_at,
                rights_synced_at=now,
                lease_owner="",
                lease_until=None,
                **changes,
            )
            .returning(sessions.c.id)
        ).scalar()
        if session is None:
            return False
        self._store_token_hash(int(session), fresh.access_token_hash, fresh.access_expires_at)
        # The change counters wake the tabs: sockets opened with the previous secret must reconnect.
        self._execute(update(policy).values(sessions_ended=policy.c.sessions_ended + 1))
        return True

    def sessions_at_provider(self, issuer: str, *, sid: str = "", subject: str = "") -> Sequence[Session]:
        """Live sessions of an issuer by the provider's session id, by the subject, or by both."""
        stored_sid = clean(sid)
        if (
            (sid and not stored_sid)
            or not (sid or subject)
            or (subject and not is_storable_subject(Subject(issuer, subject)))
        ):
            return ()
        live = session_query().where(people.c.issuer == issuer, sessions.c.ended_at.is_(None))
        if sid:
            live = live.where(sessions.c.provider_sid == stored_sid)
        if subject:
            live = live.where(people.c.subject == subject)
        return tuple(map(session_with_person, self._rows(live)))

    def end_session(self, ref: str, reason: EndReason, now: datetime) -> bool:
        """End one session; its tokens are erased."""
        return bool(self._end(reason, now, sessions.c.ref == ref))

    def end_sessions_of(
        self, subject: Subject, reason: EndReason, now: datetime, *, keep: str | None = None
    ) -> Sequence[str]:
        """End every live session of a subject but ``keep``; without ``keep`` record the sign-out everywhere."""
        require_aware(now)
        person = self._person_id(subject)
        if person is None:
            return ()
        if keep is None:
            self._execute(update(people).where(people.c.id == person).values(signed_out_at=now))
            return self._end(reason, now, sessions.c.person_id == person)
        return self._end(reason, now, sessions.c.person_id == person, sessions.c.ref != keep)

    def touch_session(self, ref: str, clock: Clock, *, idle: timedelta, page: str = "") -> bool:
        """Record the use of a session that is live once the transaction has started; False when it is not."""
        self._open_for_writing()
        now = clock()
        require_aware(now)
        values: dict[str, object] = {"last_seen_at": now} | ({"page": clean(page)} if page else {})
        touched = self._execute(
            update(sessions)
            .where(
                sessions.c.ref == ref,
                *is_live(now, used_after=now - idle),
                sessions.c.last_seen_at < now,
            )
            .values(values)
            .returning(sessions.c.person_id)
        ).scalar()
        if touched is None:
            return False
        self._execute(
            update(people)
            .where(people.c.id == touched, or_(people.c.last_seen_at.is_(None), people.c.last_seen_at < now))
            .values(last_seen_at=now)
        )
        return True

    def record_silent_sign_in(self, ref: str, now: datetime) -> bool:
        """Record the attempt of a silent sign-in; False when an attempt is recorded for the current access token."""
        require_aware(now)
        return self._changed(
            update(sessions)
            .where(sessions.c.ref == ref, sessions.c.ended_at.is_(None), sessions.c.silent_at.is_(None))
            .values(silent_at=now)
            .returning(sessions.c.id)
        )

    def take_refresh_lease(self, ref: str, owner: str, now: datetime, expires_at: datetime) -> SealedTokens | None:
        """Acquire the lease for a token refresh; None when another owner has it, or when the session has ended."""
        require_aware(now, expires_at)
        row = self._execute(
            update(sessions)
            .where(
                sessions.c.ref == ref,
                sessions.c.ended_at.is_(None),
                or_(sessions.c.lease_until.is_(None), sessions.c.lease_until <= now, sessions.c.lease_owner == owner),
            )
            .values(lease_owner=owner, lease_until=expires_at)
            .returning(*SEALED)
        ).first()
        return None if row is None else sealed_of(row)

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
        """Store new tokens and release the lease; False when the session has ended or another owner has the lease."""
        require_aware(access_expires_at, now)
        session = self._execute(
            update(sessions)
            .where(sessions.c.ref == ref, sessions.c.ended_at.is_(None), sessions.c.lease_owner == owner)
            .values(
                sealed_tokens=sealed,
                access_expires_at=access_expires_at,
                rights_synced_at=now,
                lease_owner="",
                lease_until=None,
                silent_at=None,
            )
            .returning(sessions.c.id)
        ).scalar()
        if session is None:
            return False
        self._store_token_hash(int(session), access_token_hash, access_expires_at)
        return True

    def release_refresh_lease(self, ref: str, owner: str) -> None:
        """Release the lease without new tokens."""
        self._execute(
            update(sessions)
            .where(sessions.c.ref == ref, sessions.c.lease_owner == owner)
            .values(lease_owner="", lease_until=None)
        )

    def consume_once(self, value_hash: bytes, expires_at: datetime, now: datetime) -> bool:
        """Consume a value that may be used once; False when it was consumed before."""
        require_aware(expires_at, now)
        self._execute(delete(login_states).where(login_states.c.expires_at < now))
        new = self._insert(login_states).values(state_hash=value_hash, expires_at=expires_at)
        return self._changed(new.on_conflict_do_nothing().returning(login_states.c.state_hash))

    def purge(self, now: datetime) -> int:
        """Delete expired rows; returns their number."""
        require_aware(now)
        long_ago = now - KEEP_ENDED
        deletions = (
            delete(login_states).where(login_states.c.expires_at < now),
            delete(drafts).where(drafts.c.expires_at < now),
            delete(issued_tokens).where(issued_tokens.c.expires_at < now - KEEP_TOKENS),
            delete(sessions).where(or_(sessions.c.ended_at < long_ago, sessions.c.expires_at < long_ago)),
        )
        if self._engine.dialect.name == "sqlite":
            self._execute(_MERGE_SEARCH)
        return sum(self._execute(statement).rowcount for statement in deletions)

    def _store_token_hash(self, session_id: int, token_hash: bytes, expires_at: datetime) -> None:
        new = self._insert(issued_tokens).values(token_hash=token_hash, session_id=session_id, expires_at=expires_at)
        self._execute(
            new.on_conflict_do_update(
                index_elements=["token_hash"], set_={"session_id": session_id, "expires_at": expires_at}
            )
        )

    def _end(self, reason: EndReason, now: datetime, *conditions: ColumnElement[bool]) -> Sequence[str]:
        require_aware(now)
        ended = self._execute(
            update(sessions)
            .where(sessions.c.ended_at.is_(None), *conditions)
            .values(
                ended_at=now,
                end_reason=reason.value,
                sealed_tokens=None,
                access_expires_at=None,
                lease_owner="",
                lease_until=None,
            )
            .returning(sessions.c.ref)
        )
        refs = tuple(str(row.ref) for row in ended)
        if refs:
            self._execute(update(policy).values(sessions_ended=policy.c.sessions_ended + len(refs)))
        return refs


def _words(methods: frozenset[str]) -> str:
    """Authentication methods (``amr``) as they are stored."""
    return " ".join(sorted(clean(word) for word in methods))
