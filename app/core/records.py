"""Values that cross the storage border: what ``db`` returns and takes. Plain data; times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from app.core.policy import Source
from app.core.principal import Subject

MAX_REASON_CHARACTERS: Final = 500
"""Of the reason that an administrator gives for a change; the audit has no longer text."""
MAX_ROLE_NAME_CHARACTERS: Final = 100
MAX_ROLE_DESCRIPTION_CHARACTERS: Final = 500
MAX_COMPARED_ROLES: Final = 50
"""Roles in one comparison at most."""
MAX_TOKEN_ROLE_CHARACTERS: Final = 200
MAX_TOKEN_ROLES: Final = 500
"""How many raw role names of a token are stored for a person. All of them are mapped."""
MAX_SEARCH_CHARACTERS: Final = 200
"""Of the text that a list is searched for."""


class EndReason(StrEnum):
    """The end reason of a session."""

    SIGNED_OUT = "signed-out"  # by the user, in this session
    ENDED_BY_PERSON = "ended-by-person"  # by the user, from another session
    ENDED_BY_ADMIN = "ended-by-admin"
    BLOCKED = "blocked"
    BACKCHANNEL_LOGOUT = "provider-logout"
    PROVIDER_REFUSED = "provider-refused"  # the token refresh returned invalid_grant
    REPLACED = "replaced"  # a new sign-in in the same browser
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Person:
    """The profile of a subject. Texts are empty where the provider sends none."""

    subject: Subject
    name: str = ""
    email: str = ""
    email_verified: bool = False
    picture: str = ""
    blocked: bool = False
    first_seen_at: datetime | None = None
    """None for a subject with grants that has not signed in yet."""
    last_seen_at: datetime | None = None
    machine: bool = False
    signed_out_at: datetime | None = None
    """"Signed out everywhere": other clients' tokens issued before this are refused."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is now, with its person and the policy version, read in one query."""

    ref: str
    """The stable reference that sockets and Streamlit's ``st.user`` are bound to. Neither a secret nor the cookie."""
    person: Person
    created_at: datetime
    authenticated_at: datetime | None
    """When the user last authenticated at the provider; None if it does not state that."""
    last_seen_at: datetime
    expires_at: datetime
    """The end of the absolute lifetime."""
    ended_at: datetime | None
    end_reason: EndReason | None
    acr: str
    amr: frozenset[str]
    user_agent: str
    address: str
    page: str
    """Path of the page of the last activity, with its slash; empty if not known."""
    access_expires_at: datetime | None
    """When the stored access token expires; None if there is none."""
    rights_synced_at: datetime
    """When the rights of the provider's token were last synced (sign-in or refresh)."""
    policy_version: int
    secret_hash: bytes = field(repr=False)
    """SHA-256 of the secret in its cookie, which is new after each sign-in; sockets are bound to it."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be stored. ``sealed_tokens`` is encrypted already; hashes are SHA-256 digests."""

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
    """The result of a fresh sign-in for a live or expired session; members as in ``NewSession``."""

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
    """Form values that wait for a sign-in, as stored. Hashes are SHA-256 digests."""

    key_hash: bytes
    """Of its current key: a random id, then the sign-in it waits for, then the session and page that may take it."""
    owner_hash: bytes
    """Of its owner: a subject, or a browser if ``anonymous``."""
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
    """When a silent sign-in was last attempted in place of a refresh token."""


@dataclass(frozen=True, slots=True)
class BearerFacts:
    """The facts about a verified bearer token that the API needs, read in one query.

    ``session`` is None for a token that was not issued to a session here; ``own_client`` says whether the token's
    client is our own app; ``person`` is None for an unknown subject.
    """

    session: Session | None
    person: Person | None
    own_client: bool
    policy_version: int
    withheld: frozenset[str] = frozenset()
    """Single permissions that an administrator withholds from the subject."""


@dataclass(frozen=True, slots=True)
class AnnouncedProcess:
    """A running process and its keys of the installation's secret (``app.core.secret_keys``)."""

    id: str
    """The id of this run of the process."""
    name: str
    """The kind of process, for display."""
    key_ids: tuple[str, ...]
    """In the order of its secrets."""
    heartbeats: int
    """Its heartbeat counter."""
    started_at: datetime
    seen_at: datetime
    """By its own clock, for display: nothing is decided by it."""


@dataclass(frozen=True, slots=True)
class ChangeCounters:
    """Counters that grow whenever the rights of a subject may have changed or a session has ended."""

    policy_version: int
    sessions_ended: int
    """How many sessions were ended or resumed so far; expired sessions do not count."""


@dataclass(frozen=True, slots=True)
class TokenRights:
    """The rights in a token: raw role names of the roles claim, and the ``permissions`` claim."""

    issued_at: datetime
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TokenRightsChange:
    """The roles and permissions by whose grants of source ``token`` a sync changed, sorted; false if by none."""

    roles_added: tuple[str, ...] = ()
    roles_removed: tuple[str, ...] = ()
    permissions_added: tuple[str, ...] = ()
    permissions_removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether a grant was added or removed."""
        return bool(self.roles_added or self.roles_removed or self.permissions_added or self.permissions_removed)


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A grant to be stored: exactly one of ``role`` and ``permission`` is set; ``expires_at`` None means no expiry."""

    subject: Subject
    source: Source
    author: str
    role: str | None = None
    permission: str | None = None
    expires_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UsageDay:
    """One day (UTC) of the usage report."""

    day: date
    sign_ins: int = 0
    refusals: int = 0
    """Refusals of authenticated callers at pages, functions and the API; those of anonymous clients are not counted."""
    page_views: dict[str, int] = field(default_factory=dict)
    """Page path → views."""


@dataclass(frozen=True, slots=True)
class RetentionBoundary:
    """The boundary up to which audit events may be deleted, sealed against forgery."""

    seq: int
    """The number of the newest event that may be deleted."""
    before: datetime
    """Every event up to ``seq`` is older than this."""
    sealed_at: datetime
    sealed_by: str
    """The audit name of the operator who sealed it."""
    events: int = 0
    """How many events were there to be deleted when it was sealed."""
