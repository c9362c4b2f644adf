"""Values that cross the storage border: what ``db`` returns and takes. Plain data; times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from app.core.policy import Source
from app.core.principal import Subject


class EndReason(StrEnum):
    """Why a session ended."""

    SIGNED_OUT = "signed-out"  # by the person, here
    ENDED_BY_PERSON = "ended-by-person"  # by the person, from another session
    ENDED_BY_ADMIN = "ended-by-admin"
    BLOCKED = "blocked"
    PROVIDER_LOGOUT = "provider-logout"
    PROVIDER_REFUSED = "provider-refused"  # the refresh answered invalid_grant
    REPLACED = "replaced"  # a new sign-in in the same browser
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Person:
    """What we show of a subject. Empty texts where the provider gave nothing."""

    subject: Subject
    name: str = ""
    email: str = ""
    email_verified: bool = False
    picture: str = ""
    blocked: bool = False
    first_seen_at: datetime | None = None
    """None for a subject that was granted something and has not signed in yet."""
    last_seen_at: datetime | None = None
    machine: bool = False
    signed_out_at: datetime | None = None
    """"Signed out everywhere": other clients' tokens issued before this are refused."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is now, with its person and the policy version, read in one query."""

    ref: str
    """Stable reference: what sockets and Streamlit's ``st.user`` are bound to. Not a secret, not the cookie."""
    person: Person
    created_at: datetime
    authenticated_at: datetime | None
    """When the person last proved themselves to the provider; None when it does not say."""
    last_seen_at: datetime
    expires_at: datetime
    """The absolute limit."""
    ended_at: datetime | None
    end_reason: EndReason | None
    acr: str
    amr: frozenset[str]
    user_agent: str
    address: str
    page: str
    """Path of the page the person last did something on, with its slash; empty when not known."""
    access_expires_at: datetime | None
    """When the access token in store expires; None when there is none."""
    rights_synced_at: datetime
    """When the provider last told us this person's rights (sign-in or refresh)."""
    policy_version: int
    secret_hash: bytes = field(repr=False)
    """SHA-256 of the secret in its cookie, which is a new one after each sign-in: what a socket was opened with."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """What it takes to begin a session. ``sealed_tokens`` is encrypted already; hashes are SHA-256 digests."""

    ref: str
    secret_hash: bytes
    subject: Subject
    authenticated_at: datetime | None
    expires_at: datetime
    sealed_tokens: bytes
    access_token_hash: bytes
    access_expires_at: datetime
    provider_sid: str = ""
    client_id: str = ""
    acr: str = ""
    amr: frozenset[str] = frozenset()
    user_agent: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class SteppedUp:
    """What a fresh sign-in brings to the session with this reference, or to one that expired; as in ``NewSession``."""

    ref: str
    secret_hash: bytes
    authenticated_at: datetime | None
    sealed_tokens: bytes
    access_token_hash: bytes
    access_expires_at: datetime
    provider_sid: str = ""
    acr: str = ""
    amr: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody typed before they had to sign in, as stored. Hashes are SHA-256 digests."""

    key_hash: bytes
    """Of what finds it: a random id, then the sign-in it waits for, then the session and page that may take it."""
    owner_hash: bytes
    """Of whose it is: a subject, or where ``anonymous`` a browser."""
    anonymous: bool
    sealed: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SealedTokens:
    """A session's provider tokens as stored, and the lease that lets one caller refresh them at a time."""

    sealed: bytes
    access_expires_at: datetime
    rights_synced_at: datetime
    lease_owner: str
    lease_until: datetime | None
    silent_at: datetime | None = None
    """When a silent sign-in was last tried for want of a refresh token."""


@dataclass(frozen=True, slots=True)
class BearerFacts:
    """All the API must know of a verified bearer token, read in one query.

    ``session`` is None for a token our app did not obtain; ``own_client`` says whether the token's client is our own
    app's; ``person`` is None for a subject never seen.
    """

    session: Session | None
    person: Person | None
    own_client: bool
    policy_version: int
    withheld: frozenset[str] = frozenset()
    """Single permissions that an administrator withholds from the subject."""


@dataclass(frozen=True, slots=True)
class AnnouncedProcess:
    """A running process, and the keys of the installation's secret that it holds (``app.core.secret_keys``)."""

    id: str
    """Of this run of it."""
    name: str
    """What kind of process it is, for people."""
    key_ids: tuple[str, ...]
    """In the order of its secrets."""
    beats: int
    """Moves while it lives."""
    started_at: datetime
    seen_at: datetime
    """By its own clock, for people: nothing is decided by it."""


@dataclass(frozen=True, slots=True)
class ChangeCounters:
    """What a watcher compares: it has moved whenever somebody's rights may have changed or a session has ended."""

    policy_version: int
    sessions_ended: int
    """How many sessions were ended so far, or revived (those that expired by time do not count)."""


MAX_TOKEN_ROLE_CHARACTERS: Final = 200
MAX_TOKEN_ROLES: Final = 500
"""How many raw role names of a token are remembered for a person. All of them are mapped."""


@dataclass(frozen=True, slots=True)
class TokenRights:
    """What a token says its subject may do: raw role names of the roles claim, and the ``permissions`` claim."""

    issued_at: datetime
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A grant to be made: exactly one of ``role`` and ``permission`` is set; ``until`` None means endless."""

    subject: Subject
    source: Source
    by: str
    role: str | None = None
    permission: str | None = None
    until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UsageDay:
    """One day (UTC) of the usage report; zeros where nothing happened."""

    day: date
    sign_ins: int = 0
    denials: int = 0
    """Refusals of somebody proven, at pages, functions and the API. Strangers' are in the audit only, as counts."""
    page_views: dict[str, int] = field(default_factory=dict)
    """Page path → views."""


@dataclass(frozen=True, slots=True)
class RetentionBoundary:
    """Up to where the audit may be deleted, sealed so that nobody else can say so."""

    seq: int
    """The number of the newest event that may go."""
    before: datetime
    """Every event up to ``seq`` is older than this."""
    sealed_at: datetime
    sealed_by: str
    """The audit name of who sealed it."""
    events: int = 0
    """How many events were there to be deleted when it was sealed."""
