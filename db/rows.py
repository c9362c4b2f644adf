"""The columns read for a person and a session, and how ``Person`` and ``Session`` are built from their rows.

Times are selected as the integers that are stored, so that units of work, which read through SQLAlchemy, and
stand-alone reads, which use the driver, build them the same way.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, ColumnElement, Select, bindparam, select, type_coerce

from app.core.principal import Subject
from app.core.records import EndReason, Person, SealedTokens, Session
from db.models import people, policy, sessions
from db.statement import Row
from db.times import from_micros, from_optional_micros


def raw_time(column: Column[datetime]) -> ColumnElement[int]:
    """A time as the stored integer, through SQLAlchemy and through the driver."""
    return type_coerce(column, BigInteger)


PERSON: Final = (
    people.c.issuer,
    people.c.subject,
    people.c.name,
    people.c.email,
    people.c.email_verified,
    people.c.picture,
    people.c.blocked,
    raw_time(people.c.first_seen_at),
    raw_time(people.c.last_seen_at),
    people.c.machine,
    raw_time(people.c.signed_out_at),
)
SESSION: Final = (
    sessions.c.ref,
    raw_time(sessions.c.created_at),
    raw_time(sessions.c.authenticated_at),
    raw_time(sessions.c.last_seen_at),
    raw_time(sessions.c.expires_at),
    raw_time(sessions.c.ended_at),
    sessions.c.end_reason,
    sessions.c.acr,
    sessions.c.amr,
    sessions.c.user_agent,
    sessions.c.address,
    sessions.c.page,
    raw_time(sessions.c.access_expires_at),
    raw_time(sessions.c.rights_synced_at),
    sessions.c.secret_hash,
)
SEALED: Final = (
    sessions.c.sealed_tokens,
    raw_time(sessions.c.access_expires_at),
    raw_time(sessions.c.rights_synced_at),
    sessions.c.lease_owner,
    raw_time(sessions.c.lease_until),
    raw_time(sessions.c.silent_at),
)
_NO_FACTORS: Final[frozenset[str]] = frozenset()


def session_query() -> Select[tuple[object, ...]]:
    """Sessions with their person and the policy version; rows are ``version + PERSON + SESSION``."""
    return select(policy.c.version, *PERSON, *SESSION).select_from(
        sessions.join(people, people.c.id == sessions.c.person_id).join(policy, policy.c.id == 1)
    )


def session_by_ref_query() -> Select[tuple[object, ...]]:
    """The session whose reference is the parameter ``ref``."""
    return session_query().where(sessions.c.ref == bindparam("ref"))


def person_of(row: Row) -> Person:
    """The person of ``PERSON`` columns."""
    issuer, subject, name, email, verified, picture, blocked, first_seen, last_seen, machine, signed_out = row
    return Person(
        Subject(issuer, subject),
        name,
        email,
        bool(verified),
        picture,
        bool(blocked),
        from_optional_micros(first_seen),
        from_optional_micros(last_seen),
        bool(machine),
        from_optional_micros(signed_out),
    )


def session_of(row: Row, person: Person, policy_version: int) -> Session:
    """The session of ``SESSION`` columns."""
    ref, created, authenticated, last_seen, expires, ended, reason, acr, amr, agent, address, page, *rest = row
    access, synced, secret_hash = rest
    return Session(
        ref,
        person,
        from_micros(created),
        from_optional_micros(authenticated or None),
        from_micros(last_seen),
        from_micros(expires),
        from_optional_micros(ended),
        None if reason is None else EndReason(reason),
        acr,
        frozenset(amr.split()) if amr else _NO_FACTORS,
        agent,
        address,
        page,
        from_optional_micros(access),
        from_micros(synced),
        policy_version,
        bytes(secret_hash),
    )


def session_with_person(row: Row) -> Session:
    """The session of a ``session_query`` row."""
    return session_of(row[12:], person_of(row[1:12]), row[0])


def sealed_of(row: Row) -> SealedTokens | None:
    """The tokens of ``SEALED`` columns; None when they are erased."""
    sealed, access, synced, owner, expires_at, silent_at = row
    if sealed is None or access is None:
        return None
    return SealedTokens(
        sealed,
        from_micros(access),
        from_micros(synced),
        owner,
        from_optional_micros(expires_at),
        from_optional_micros(silent_at),
    )
