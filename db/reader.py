"""Stand-alone reads (``app.core.ports.Reader``): each is one statement, compiled once.

The hot ones (session, bearer, grants) are measured against the driver alone in ``tests/benchmarks``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, cast

from sqlalchemy import (
    CompoundSelect,
    Dialect,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.sql import Executable

from app.core.policy import NO_GRANTS, Grants
from app.core.principal import Subject
from app.core.records import BearerFacts, ChangeCounters, Person, SealedTokens, Session, UsageDay
from db.audit import REFUSAL, SIGN_IN
from db.grant_loader import grants_from, grants_query
from db.models import (
    audit_days,
    drafts,
    issued_tokens,
    own_clients,
    page_views,
    people,
    policy,
    roles,
    sessions,
    withheld_grants,
)
from db.read_connections import ReadConnections
from db.rows import (
    PERSON,
    SEALED,
    SESSION,
    person_of,
    sealed_of,
    session_by_ref_query,
    session_of,
    session_query,
    session_with_person,
)
from db.session_liveness import is_live
from db.statement import PreparedStatement, prepared_once
from db.texts import is_storable_subject
from db.times import day_number, day_of, to_micros

_NOTHING: Final[frozenset[str]] = frozenset()
_THIS_SUBJECT = (people.c.issuer == bindparam("issuer"), people.c.subject == bindparam("subject"))


class DatabaseReader:
    """``Reader`` over the read connections. Thread-safe."""

    def __init__(self, connections: ReadConnections, dialect: Dialect) -> None:
        self._fetch = connections.fetch

        def prepared(name: str, build: Callable[[], Executable]) -> PreparedStatement:
            return prepared_once(dialect, f"reader: {name}", build)

        self._by_secret = prepared(
            "session by secret", lambda: session_query().where(sessions.c.secret_hash == bindparam("secret_hash"))
        )
        self._by_ref = prepared("session by ref", session_by_ref_query)
        self._bearer = prepared("bearer", _bearer_query)
        self._issued = prepared("issued token", _issued_query)
        self._grants = prepared("grants", grants_query)
        self._sealed = prepared("sealed tokens", _sealed_query)
        self._person = prepared("person", lambda: select(*PERSON).where(*_THIS_SUBJECT))
        self._sessions_of = prepared("sessions of a person", _sessions_query)
        self._usage = prepared("usage", _usage_query)
        self._version = prepared("policy version", lambda: select(policy.c.version))
        self._change_counters = prepared("change counters", lambda: select(policy.c.version, policy.c.sessions_ended))
        self._draft_expiry = prepared(
            "draft", lambda: select(drafts.c.expires_at).where(drafts.c.key_hash == bindparam("key_hash"))
        )
        self._roles = prepared("roles", lambda: select(roles.c.name, roles.c.description).order_by(roles.c.name))

    def session_by_secret(self, secret_hash: bytes) -> Session | None:
        """The session whose cookie secret has this SHA-256."""
        rows = self._fetch(self._by_secret.text, self._by_secret.values({"secret_hash": secret_hash}))
        return session_with_person(rows[0]) if rows else None

    def session_by_ref(self, ref: str) -> Session | None:
        """The session with this stable reference."""
        if not ref.isascii():
            return None
        rows = self._fetch(self._by_ref.text, self._by_ref.values({"ref": ref}))
        return session_with_person(rows[0]) if rows else None

    def bearer_facts(self, token_hash: bytes, subject: Subject, client_id: str) -> BearerFacts:
        """The stored facts about a verified bearer token."""
        if not is_storable_subject(subject) or (client_id and not client_id.isprintable()):
            return BearerFacts(None, None, own_client=False, policy_version=self.policy_version())
        parameters = {
            "token_hash": token_hash,
            "issuer": subject.issuer,
            "subject": subject.subject,
            "client_id": client_id,
        }
        row = self._fetch(self._bearer.text, self._bearer.values(parameters))[0]
        version = row[0]
        withheld = _NOTHING if row[2] is None else frozenset(row[2].split(" "))
        person = None if row[3] is None else person_of(row[3:14])
        session = None if row[14] is None or person is None else session_of(row[14:], person, version)
        return BearerFacts(session, person, own_client=row[1] is not None, policy_version=version, withheld=withheld)

    def token_issued(self, token_hash: bytes) -> bool:
        """Whether an access token with this SHA-256 was issued to a session."""
        return bool(self._fetch(self._issued.text, self._issued.values({"token_hash": token_hash})))

    def grants(self, subject: Subject, now: datetime) -> Grants:
        """The live grants of the subject at ``now``."""
        at = to_micros(now)
        if not is_storable_subject(subject):
            return NO_GRANTS
        parameters = {"issuer": subject.issuer, "subject": subject.subject, "now": at}
        return grants_from(self._fetch(self._grants.text, self._grants.values(parameters)))

    def sealed_tokens(self, ref: str) -> SealedTokens | None:
        """The provider tokens of a live session."""
        rows = self._fetch(self._sealed.text, self._sealed.values({"ref": ref})) if ref.isascii() else ()
        return sealed_of(rows[0]) if rows else None

    def person(self, subject: Subject) -> Person | None:
        """The person, if the subject was ever seen or granted anything."""
        if not is_storable_subject(subject):
            return None
        rows = self._fetch(self._person.text, self._person.values(subject._asdict()))
        return person_of(rows[0]) if rows else None

    def sessions_of(self, subject: Subject, now: datetime) -> Sequence[Session]:
        """Live sessions, newest first."""
        parameters = {"issuer": subject.issuer, "subject": subject.subject, "now": to_micros(now)}
        if not is_storable_subject(subject):
            return ()
        return tuple(
            map(session_with_person, self._fetch(self._sessions_of.text, self._sessions_of.values(parameters)))
        )

    def usage(self, since: date, until: date) -> Sequence[UsageDay]:
        """One entry a day, oldest first."""
        first, last = day_number(since), day_number(until)
        parameters = {"first_day": first, "last_day": last}
        counts: dict[tuple[int, str], int] = {}
        views: dict[int, dict[str, int]] = {}
        rows = self._fetch(self._usage.text, self._usage.values(parameters))
        for day, counted, page, count in rows:
            if counted == "view":
                views.setdefault(day, {})[page] = int(count)
            else:
                counts[day, counted] = int(count)
        return tuple(
            UsageDay(day_of(day), counts.get((day, SIGN_IN), 0), counts.get((day, REFUSAL), 0), views.get(day, {}))
            for day in range(first, last + 1)
        )

    def change_counters(self) -> ChangeCounters:
        """The two counters that change when live tabs may have to be rechecked."""
        row = self._fetch(self._change_counters.text, self._change_counters.values({}))[0]
        return ChangeCounters(policy_version=row[0], sessions_ended=row[1])

    def draft_waits(self, key_hash: bytes) -> bool:
        """Whether a draft is stored under this key, expired or not."""
        return bool(self._fetch(self._draft_expiry.text, self._draft_expiry.values({"key_hash": key_hash})))

    def policy_version(self) -> int:
        """The policy version."""
        return int(self._fetch(self._version.text, self._version.values({}))[0][0])

    def role_descriptions(self) -> Mapping[str, str]:
        """Role name → description."""
        return {row[0]: row[1] for row in self._fetch(self._roles.text, self._roles.values({}))}


def _issued_query() -> Select[tuple[object, ...]]:
    return select(issued_tokens.c.session_id).where(issued_tokens.c.token_hash == bindparam("token_hash"))


def _sealed_query() -> Select[tuple[object, ...]]:
    return select(*SEALED).where(sessions.c.ref == bindparam("ref"), sessions.c.ended_at.is_(None))


def _sessions_query() -> Select[tuple[object, ...]]:
    """The live sessions of a person, the newest first."""
    live = is_live(bindparam("now", type_=sessions.c.expires_at.type))
    newest_first = (sessions.c.created_at.desc(), sessions.c.id.desc())
    return session_query().where(*_THIS_SUBJECT, *live).order_by(*newest_first)


def _bearer_query() -> Select[tuple[object, ...]]:
    """Always one row: version, own client, withheld permissions, ``PERSON``, ``SESSION``.

    The session is joined only if it belongs to the subject of the token.
    """
    space = cast("str", literal_column("' '"))  # a literal, so that the statement can be prepared
    withheld = (
        select(func.aggregate_strings(withheld_grants.c.permission, space))
        .where(withheld_grants.c.person_id == people.c.id, withheld_grants.c.permission.is_not(None))
        .scalar_subquery()
    )
    return select(policy.c.version, own_clients.c.client_id, withheld, *PERSON, *SESSION).select_from(
        policy.outerjoin(people, and_(*_THIS_SUBJECT))
        .outerjoin(
            own_clients,
            and_(own_clients.c.issuer == bindparam("issuer"), own_clients.c.client_id == bindparam("client_id")),
        )
        .outerjoin(issued_tokens, issued_tokens.c.token_hash == bindparam("token_hash"))
        .outerjoin(sessions, and_(sessions.c.id == issued_tokens.c.session_id, sessions.c.person_id == people.c.id))
    )


def _usage_query() -> CompoundSelect[tuple[object, ...]]:
    """Rows of (day number, what is counted, page, count)."""
    first, last = bindparam("first_day", type_=Integer), bindparam("last_day", type_=Integer)
    number = type_coerce(audit_days.c.day, Integer)
    view_day = type_coerce(page_views.c.day, Integer)
    view_count = select(view_day, literal("view", Text), page_views.c.page, page_views.c.views)
    return union_all(
        select(number, audit_days.c.what, literal("", Text), audit_days.c.events).where(number.between(first, last)),
        view_count.where(view_day.between(first, last)),
    )
