"""Every error Gatehouse raises on purpose: one tree, each class with a stable code, an HTTP status and a title.

``detail`` is safe to show to a person. Borders translate: no SQLAlchemy, requests or PyJWT error crosses the module
that uses the library. Never decide anything by an error's text; decide by its class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from app.core.failure_reasons import CALLBACK, PROVIDER, CallbackReason, ProviderReason, TokenReason, TokenUse


class GatehouseError(Exception):
    """Base of every error raised on purpose; anything else is a bug and is shown as ``internal`` with an id only."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    about: str = ""
    """Audit name of what a refused change was about; never sent."""
    logged: bool = False
    """Whether the log has it already (``logs.report``); never sent."""

    @property
    def reason_code(self) -> str:
        """The stable code under which the log and the audit have it; finer than ``code`` where the cause is known."""
        return self.code

    def __init_subclass__(cls, *, code: str, title: str, status: int | None = None) -> None:
        """Every class says its own ``code`` and ``title``, and its HTTP ``status`` where that is not its parent's."""
        super().__init_subclass__()
        cls.code, cls.title = code, title
        if status is not None:
            cls.status = status

    def __init__(self, detail: str = "") -> None:
        """``detail`` is one plain sentence or more, safe to show; empty means the title says it all."""
        super().__init__(detail or self.title)
        self.detail = detail

    def fields(self) -> dict[str, Any]:
        """Typed extra members of the problem (RFC 9457 §3.2), JSON-ready; empty when there are none."""
        return {}


class ConfigurationError(GatehouseError, code="configuration", title="The settings are not right"):
    """The settings are wrong; ``mistakes`` lists every one of them, each a sentence that names its variable."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        """``mistakes``: at least one sentence, each naming the variable it is about."""
        super().__init__("\n".join(f"- {mistake}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class IdentityShared(GatehouseError, code="identity-shared", title="The user's identity was asked for in shared code"):
    """Code asked who the user is inside something that users share, such as a cache: a mistake in the app (500)."""


class Unauthenticated(GatehouseError, code="unauthenticated", status=401, title="Sign in first"):
    """Nobody is proven to be asking (401)."""


class SessionExpired(Unauthenticated, code="session-expired", title="Your session has expired"):
    """The session ran into its idle or absolute limit; signing in again goes on where the person was."""


class SessionEnded(Unauthenticated, code="session-ended", title="You were signed out"):
    """The session was ended: by its person, an administrator, or the provider."""


class SessionReplaced(SessionEnded, code="session-replaced", title="Somebody signed in anew"):
    """The session ended because somebody signed in anew in its browser."""


class SignedOut(SessionEnded, code="signed-out", title="You are signed out"):
    """The session ended because its own person signed out, in this browser."""


class SignInAgain(Unauthenticated, code="sign-in-again", title="Sign in once more"):
    """The session goes on, but the provider's token has run out, and only signing in brings another."""

    def __init__(self, detail: str = "", *, silently: bool = False) -> None:
        """``silently``: whether it may be tried first without asking the person anything."""
        super().__init__(detail)
        self.silently = silently


class TokenInvalid(Unauthenticated, code="token-invalid", title="The access token is not valid"):
    """A token was refused; ``detail`` says why without repeating anything of the token."""

    def __init__(self, detail: str = "", *, reason: TokenReason | None = None, use: TokenUse = TokenUse.ACCESS) -> None:
        """``reason``: the cause, whose sentence is the detail where none is given. ``use``: which token it was."""
        super().__init__(detail or (reason.sentence if reason is not None else ""))
        self.reason = reason
        self.use = use

    @property
    def reason_code(self) -> str:
        """Such as ``id-token:wrong-audience``."""
        return f"{self.use}:{self.reason}" if self.reason is not None else self.code


class TokenExpired(TokenInvalid, code="token-expired", title="The access token has expired"):
    """A token that was good, and is no longer (``exp``)."""


class SignInTooOld(TokenInvalid, code="sign-in-too-old", title="The sign-in is not recent enough"):
    """An ID token tells of a sign-in that is not as recent as was asked for, or does not say when it was."""


class BadRequest(GatehouseError, code="bad-request", status=400, title="The request could not be understood"):
    """The request itself is malformed (400), RFC 6750 §3.1 ``invalid_request`` included."""


class LoginFailed(GatehouseError, code="login-failed", status=400, title="Signing in did not work"):
    """A sign-in did not end in a session (400)."""

    def __init__(self, detail: str = "", *, reason: CallbackReason | None = None) -> None:
        """``reason``: the cause, whose sentence is the detail where none is given."""
        super().__init__(detail or (reason.sentence if reason is not None else ""))
        self.reason = reason

    @property
    def reason_code(self) -> str:
        """Such as ``callback:another-issuer``."""
        return f"{CALLBACK}:{self.reason}" if self.reason is not None else self.code


class StateMismatch(LoginFailed, code="state-mismatch", title="This sign-in is not yours or is too old"):
    """The callback's state is unknown here, used up, too old, or another browser's (RFC 9700 §4.7)."""


class NonceMismatch(LoginFailed, code="nonce-mismatch", title="The provider answered another sign-in"):
    """The ID token answers another sign-in than this one (OIDC Core §3.1.3.7)."""

    @property
    def reason_code(self) -> str:
        """As for every other reason why an ID token is refused."""
        return f"{TokenUse.ID}:{TokenReason.NONCE}"


class ProviderRefused(LoginFailed, code="provider-refused", title="The sign-in provider said no"):
    """The provider said no; ``error`` is its machine-readable reason (OIDC Core §3.1.2.6)."""

    def __init__(self, detail: str = "", *, error: str = "") -> None:
        """``error``: the provider's error code, already bounded and cleaned; empty when it gave none."""
        super().__init__(detail)
        self.error = error

    def fields(self) -> dict[str, Any]:
        """``error``, the provider's own code, where it gave one."""
        return {"error": self.error} if self.error else {}


class FactorMissing(LoginFailed, code="factor-missing", title="The second factor was not asked for"):
    """The provider did not ask for the second factor (or other context class) that it was told to ask for."""


class OrganizationMismatch(LoginFailed, code="organization-mismatch", title="The sign-in was for another organization"):
    """The ID token does not name the organization that the sign-in was for (``org_id``)."""


class PermissionDenied(GatehouseError, code="permission-denied", status=403, title="You may not do this"):
    """The principal is known, and may not (403)."""

    def __init__(self, permission: str, reason: str, detail: str = "") -> None:
        """``permission``: what was asked; ``reason``: a ``Reason`` value saying why it was refused."""
        super().__init__(detail)
        self.permission = str(permission)
        self.reason = str(reason)

    @property
    def reason_code(self) -> str:
        """The decision's reason."""
        return self.reason

    def fields(self) -> dict[str, Any]:
        """``permission`` and ``reason``."""
        return {"permission": self.permission, "reason": self.reason}


class StepUpRequired(PermissionDenied, code="step-up-required", status=401, title="Confirm it is you"):
    """The principal may, after a fresh sign-in or one with a second factor (401, RFC 9470 §3)."""

    def __init__(self, permission: str, detail: str = "", *, max_age_seconds: int | None = None, acr: str = "") -> None:
        """What the permission asks of a sign-in; see ``app.core.assurance.Requirement``."""
        super().__init__(permission, "stale-login", detail)
        self.max_age_seconds = max_age_seconds
        self.acr = acr

    def fields(self) -> dict[str, Any]:
        """Those of ``PermissionDenied``, and ``max_age`` and ``acr_values`` (RFC 9470's names) where they are asked."""
        asked = {"max_age": self.max_age_seconds, "acr_values": self.acr or None}
        return super().fields() | {name: value for name, value in asked.items() if value is not None}


class RuleViolated(GatehouseError, code="rule-violated", status=403, title="A rule of administration forbids this"):
    """A rule of administration forbids this change to this administrator (403)."""


class SelfGrant(RuleViolated, code="self-grant", title="Nobody changes their own rights"):
    """Nobody changes what they may do themselves."""


class NotHeld(RuleViolated, code="not-held", title="You can give only what you hold yourself"):
    """Nobody gives what they do not hold: directly, by a role, or by a mapping."""

    def __init__(self, permissions: Sequence[str], detail: str = "") -> None:
        """``permissions``: what would be given and is not held, sorted; the first 20 are told."""
        super().__init__(detail)
        self.permissions = tuple(permissions[:20])

    def fields(self) -> dict[str, Any]:
        """``permissions``: names."""
        return {"permissions": list(self.permissions)}


class NotOffered(GatehouseError, code="not-offered", status=404, title="This is not offered here"):
    """Something was asked for that nobody is offered (404): a call that is on no list, an action without a handler."""


class NotFound(GatehouseError, code="not-found", status=404, title="Not found"):
    """There is nothing here for this principal (404); says nothing of whether there is for others."""


class MethodNotAllowed(
    GatehouseError, code="method-not-allowed", status=405, title="This address does not answer that method"
):
    """The address is right, the method is not (405)."""


class Conflict(GatehouseError, code="conflict", status=409, title="This contradicts the present state"):
    """The change contradicts the present state (409)."""


class RoleInUse(Conflict, code="role-in-use", title="The role is in use"):
    """A role that people hold cannot be deleted without saying where they go."""


class LastAdministrator(Conflict, code="last-administrator", title="The last administrator must stay"):
    """The change would leave nobody who can administer."""


class NameTaken(Conflict, code="name-taken", title="The name is taken"):
    """A role of this name, or of one that looks like it, exists."""


class BuiltInRole(Conflict, code="built-in-role", title="The role is built in"):
    """A built-in role can be extended, but neither renamed nor deleted, and the administrator role not changed."""


class PreconditionRequired(
    GatehouseError, code="precondition-required", status=428, title="Say which version you change"
):
    """A change without ``If-Match``: it must say which version it is meant for (428, RFC 6585 §3)."""


class StaleVersion(GatehouseError, code="stale-version", status=412, title="It was changed meanwhile"):
    """Somebody changed it meanwhile (412, RFC 9110 §13.1.1)."""


class MisdirectedRequest(
    GatehouseError, code="misdirected-request", status=421, title="This address is not served here"
):
    """The request names a host this installation does not answer for (421, RFC 9110 §15.5.20)."""


class TooLarge(GatehouseError, code="too-large", status=413, title="That is more than is accepted"):
    """More was sent than is accepted (413)."""


class UnsupportedMediaType(
    GatehouseError, code="unsupported-media-type", status=415, title="This kind of content is not accepted here"
):
    """The body is of a type this address does not read (415)."""


class InvalidInput(GatehouseError, code="invalid-input", status=422, title="Some of the input is not right"):
    """Some of the input is not acceptable (422); ``problems`` names each field."""

    def __init__(self, problems: Mapping[str, str], detail: str = "") -> None:
        """``problems``: field name → one plain sentence; values that were sent are never repeated."""
        super().__init__(detail)
        self.problems = dict(problems)

    def fields(self) -> dict[str, Any]:
        """``problems``: field name → sentence."""
        return {"problems": self.problems}


class TooManyRequests(GatehouseError, code="too-many-requests", status=429, title="Too many requests"):
    """Slow down (429)."""

    def __init__(self, retry_after_seconds: int, detail: str = "") -> None:
        """``retry_after_seconds``: whole seconds, at least 1."""
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds

    def fields(self) -> dict[str, Any]:
        """``retry_after_seconds``."""
        return {"retry_after_seconds": self.retry_after_seconds}


class ServiceUnavailable(GatehouseError, code="unavailable", status=503, title="Not available right now"):
    """Something Gatehouse needs does not answer (503); trying again later is right."""

    retry_after_seconds: int | None = None
    """After how many seconds trying again may help (``Retry-After``); None where that is not known."""


class ProviderUnavailable(
    ServiceUnavailable, code="provider-unavailable", title="The sign-in provider does not answer"
):
    """The sign-in provider is down, slow, or answers nonsense."""

    def __init__(
        self,
        detail: str = "",
        *,
        reason: ProviderReason | None = None,
        evidence: str = "",
        retry_after_seconds: int | None = None,
    ) -> None:
        """``reason``: the cause. ``evidence``: what was found, for administrators at the command line only."""
        super().__init__(detail)
        self.reason = reason
        self.evidence = evidence
        self.retry_after_seconds = retry_after_seconds

    @property
    def reason_code(self) -> str:
        """Such as ``provider:tls-expired``."""
        return f"{PROVIDER}:{self.reason}" if self.reason is not None else self.code


class StorageUnavailable(ServiceUnavailable, code="storage-unavailable", title="The database does not answer"):
    """The database is locked, missing, full or otherwise not answering; nothing was changed."""


class ChangeUnconfirmed(StorageUnavailable, code="change-unconfirmed", title="The change was not confirmed"):
    """Whether a change was kept is not known: the database or the remote API fell silent over it.

    Trying again may do it twice, so that nothing suggests it before the user has looked.
    """


class SchemaMismatch(StorageUnavailable, code="schema-mismatch", title="The database is of another version"):
    """The database is from an older or a newer version of Gatehouse than this one."""


class SecretMismatch(
    StorageUnavailable, code="secret-mismatch", title="This process does not have the secret of this installation"
):
    """The installation writes with a secret that this process was not given; it writes nothing, so nothing breaks."""


class ForeignTables(StorageUnavailable, code="foreign-tables", title="The database is not Gatehouse's own"):
    """The database holds tables of another program, and nobody has said that Gatehouse may use it."""


class ApiUnavailable(ServiceUnavailable, code="api-unavailable", title="The remote API does not answer"):
    """The remote API is down, slow, or answers something that is not its own."""


def all_errors() -> Iterator[type[GatehouseError]]:
    """Every class of the tree, base first, depth first: what docs, the API and its client are checked against."""

    def walk(cls: type[GatehouseError]) -> Iterator[type[GatehouseError]]:
        yield cls
        for child in cls.__subclasses__():
            yield from walk(child)

    return walk(GatehouseError)
