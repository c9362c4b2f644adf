# Over 300 lines: the table of errors is one file, as every table that developers extend.
"""The errors that Gatehouse raises: one tree, each class with a stable code, an HTTP status and a title.

``detail`` is safe to show to users. Modules that use a library translate its errors: no SQLAlchemy, requests or PyJWT
error leaves them. Decide by an error's class, never by its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from app.core.failure_reasons import CALLBACK, PROVIDER, CallbackReason, ProviderReason, TokenReason, TokenUse


class GatehouseError(Exception):
    """Base of every error that Gatehouse raises; any other exception is a bug and is shown as ``internal``."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    target: str = ""
    """Audit name of the target of a refused change; never sent."""
    logged: bool = False
    """Whether ``logs.report`` has logged it already; never sent."""

    @property
    def reason_code(self) -> str:
        """The stable code in the log and the audit; finer than ``code`` where the cause is known."""
        return self.code

    def __init_subclass__(cls, *, code: str, title: str, status: int | None = None) -> None:
        """Set the class's own ``code`` and ``title``, and its HTTP ``status`` where it differs from the parent's."""
        super().__init_subclass__()
        cls.code, cls.title = code, title
        if status is not None:
            cls.status = status

    def __init__(self, detail: str = "") -> None:
        """Create the error; ``detail`` is a sentence or more, safe to show, or empty where the title suffices."""
        super().__init__(detail or self.title)
        self.detail = detail

    def fields(self) -> dict[str, Any]:
        """Return the extension members of the problem (RFC 9457 §3.2), ready for JSON; empty for none."""
        return {}


class ConfigurationError(GatehouseError, code="configuration", title="The settings are not right"):
    """The settings are wrong; ``mistakes`` lists all mistakes, each a sentence that names its variable."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        """List ``mistakes``: at least one sentence, each with the name of its variable."""
        super().__init__("\n".join(f"- {mistake}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class IdentityShared(GatehouseError, code="identity-shared", title="The user's identity was asked for in shared code"):
    """Code read the user's identity inside something that users share, such as a cache: a mistake in the app (500)."""


class Unauthenticated(GatehouseError, code="unauthenticated", status=401, title="Sign in first"):
    """The caller is not authenticated (401)."""


class SessionExpired(Unauthenticated, code="session-expired", title="Your session has expired"):
    """The session reached its idle or absolute lifetime; signing in again continues where the user was."""


class SessionEnded(Unauthenticated, code="session-ended", title="You were signed out"):
    """The session was ended by its user, an administrator, or the provider."""


class SessionReplaced(SessionEnded, code="session-replaced", title="Another sign-in replaced your session"):
    """The session ended because of another sign-in in the same browser."""


class SignedOut(SessionEnded, code="signed-out", title="You are signed out"):
    """The session ended because its user signed out in this browser."""


class SignInAgain(Unauthenticated, code="sign-in-again", title="Sign in once more"):
    """The session is live, but the provider's token has expired, and only a sign-in yields a new one."""

    def __init__(self, detail: str = "", *, silent_sign_in: bool = False) -> None:
        """Create the error; ``silent_sign_in``: whether a silent sign-in (``prompt=none``) may be tried first."""
        super().__init__(detail)
        self.silent_sign_in = silent_sign_in


class TokenInvalid(Unauthenticated, code="token-invalid", title="The access token is not valid"):
    """A token was refused; ``detail`` gives the reason without repeating anything of the token."""

    def __init__(self, detail: str = "", *, reason: TokenReason | None = None, use: TokenUse = TokenUse.ACCESS) -> None:
        """Create the error; the sentence of ``reason`` is the default ``detail``. ``use`` is the kind of token."""
        super().__init__(detail or (reason.sentence if reason is not None else ""))
        self.reason = reason
        self.use = use

    @property
    def reason_code(self) -> str:
        """Such as ``id-token:wrong-audience``."""
        return f"{self.use}:{self.reason}" if self.reason is not None else self.code


class TokenExpired(TokenInvalid, code="token-expired", title="The access token has expired"):
    """The token was valid and has expired (``exp``)."""


class SignInTooOld(TokenInvalid, code="sign-in-too-old", title="The sign-in is not recent enough"):
    """An ID token states a sign-in that is older than requested (``max_age``), or no time at all."""


class BadRequest(GatehouseError, code="bad-request", status=400, title="The request could not be understood"):
    """The request itself is malformed (400), RFC 6750 §3.1 ``invalid_request`` included."""


class LoginFailed(GatehouseError, code="login-failed", status=400, title="Sign-in failed"):
    """A sign-in did not end in a session (400)."""

    def __init__(self, detail: str = "", *, reason: CallbackReason | None = None) -> None:
        """Create the error; the sentence of ``reason`` is the default ``detail``."""
        super().__init__(detail or (reason.sentence if reason is not None else ""))
        self.reason = reason

    @property
    def reason_code(self) -> str:
        """Such as ``callback:another-issuer``."""
        return f"{CALLBACK}:{self.reason}" if self.reason is not None else self.code


class StateMismatch(LoginFailed, code="state-mismatch", title="This sign-in is not yours or is too old"):
    """The callback's ``state`` is unknown, used, too old, or of another browser (RFC 9700 §4.7)."""


class NonceMismatch(LoginFailed, code="nonce-mismatch", title="The provider answered another sign-in"):
    """The ID token belongs to another sign-in (OIDC Core §3.1.3.7)."""

    @property
    def reason_code(self) -> str:
        """The form of every other reason to refuse an ID token."""
        return f"{TokenUse.ID}:{TokenReason.NONCE}"


class ProviderRefused(LoginFailed, code="provider-refused", title="Sign-in was refused by the provider"):
    """The provider refused; ``error`` is its machine-readable reason (OIDC Core §3.1.2.6)."""

    def __init__(self, detail: str = "", *, error: str = "") -> None:
        """Create the error; ``error`` is the provider's code, already bounded and cleaned, or empty."""
        super().__init__(detail)
        self.error = error

    def fields(self) -> dict[str, Any]:
        """Return ``error``, the provider's own code, where there is one."""
        return {"error": self.error} if self.error else {}


class FactorMissing(LoginFailed, code="factor-missing", title="The second factor was not requested"):
    """The provider did not require the second factor (or other context class) that was requested."""


class OrganizationMismatch(LoginFailed, code="organization-mismatch", title="The sign-in was for another organization"):
    """The ID token does not name the organization that the sign-in was for (``org_id``)."""


class PermissionDenied(GatehouseError, code="permission-denied", status=403, title="You may not do this"):
    """The principal is authenticated and lacks the permission (403)."""

    def __init__(self, permission: str, reason: str, detail: str = "") -> None:
        """Create the error for ``permission``; ``reason`` is the value of a ``Reason``."""
        super().__init__(detail)
        self.permission = str(permission)
        self.reason = str(reason)

    @property
    def reason_code(self) -> str:
        """The reason of the decision."""
        return self.reason

    def fields(self) -> dict[str, Any]:
        """Return ``permission`` and ``reason``."""
        return {"permission": self.permission, "reason": self.reason}


class StepUpRequired(PermissionDenied, code="step-up-required", status=401, title="Confirm it is you"):
    """The principal may after a fresh sign-in or one with a second factor (401, RFC 9470 §3)."""

    def __init__(self, permission: str, detail: str = "", *, max_age_seconds: int | None = None, acr: str = "") -> None:
        """Create the error with the permission's requirement; see ``app.core.assurance.SignInRequirement``."""
        super().__init__(permission, "stale-login", detail)
        self.max_age_seconds = max_age_seconds
        self.acr = acr

    def fields(self) -> dict[str, Any]:
        """Return those of ``PermissionDenied``, and ``max_age`` and ``acr_values`` (RFC 9470) where required."""
        required = {"max_age": self.max_age_seconds, "acr_values": self.acr or None}
        return super().fields() | {name: value for name, value in required.items() if value is not None}


class RuleViolated(GatehouseError, code="rule-violated", status=403, title="A rule of administration forbids this"):
    """A rule of administration forbids this change to this administrator (403)."""


class SelfGrant(RuleViolated, code="self-grant", title="You cannot change your own rights"):
    """Administrators cannot extend their own rights."""


class ExceedsOwnPermissions(RuleViolated, code="not-held", title="You can grant only what you have yourself"):
    """Administrators cannot grant what they do not have: directly, by a role, or by a mapping."""

    def __init__(self, permissions: Sequence[str], detail: str = "") -> None:
        """Create the error; ``permissions`` are those that are missing, sorted, of which the first 20 are kept."""
        super().__init__(detail)
        self.permissions = tuple(permissions[:20])

    def fields(self) -> dict[str, Any]:
        """Return ``permissions``, their names."""
        return {"permissions": list(self.permissions)}


class NotOffered(GatehouseError, code="not-offered", status=404, title="This is not offered here"):
    """The request names something that is not offered (404): an unlisted call, an action without a handler."""


class NotFound(GatehouseError, code="not-found", status=404, title="Not found"):
    """There is nothing here for this principal (404), whether or not there is something for others."""


class MethodNotAllowed(
    GatehouseError, code="method-not-allowed", status=405, title="This address does not answer that method"
):
    """The address exists and does not support the method (405)."""


class Conflict(GatehouseError, code="conflict", status=409, title="This contradicts the current state"):
    """The change contradicts the current state (409)."""


class RoleInUse(Conflict, code="role-in-use", title="The role is in use"):
    """A role that people have cannot be deleted without a role that replaces it."""


class LastAdministrator(Conflict, code="last-administrator", title="The last administrator must stay"):
    """The change would leave no administrator."""


class NameTaken(Conflict, code="name-taken", title="The name is taken"):
    """A role of this name, or of one that looks like it, exists."""


class BuiltInRole(Conflict, code="built-in-role", title="The role is built in"):
    """A built-in role can be extended, but neither renamed nor deleted, and the administrator role not changed."""


class PreconditionRequired(
    GatehouseError, code="precondition-required", status=428, title="Name the version that you change"
):
    """A change without ``If-Match``, which must name the version that it is meant for (428, RFC 6585 §3)."""


class StaleVersion(GatehouseError, code="stale-version", status=412, title="It was changed meanwhile"):
    """The resource was changed meanwhile (412, RFC 9110 §13.1.1)."""


class MisdirectedRequest(
    GatehouseError, code="misdirected-request", status=421, title="This address is not served here"
):
    """The request names a host that this installation does not serve (421, RFC 9110 §15.5.20)."""


class TooLarge(GatehouseError, code="too-large", status=413, title="That is more than is accepted"):
    """The request is larger than is accepted (413)."""


class UnsupportedMediaType(
    GatehouseError, code="unsupported-media-type", status=415, title="This kind of content is not accepted here"
):
    """The body is of a type this address does not read (415)."""


class InvalidInput(GatehouseError, code="invalid-input", status=422, title="Some of the input is not right"):
    """Some of the input is not acceptable (422); ``problems`` names each field."""

    def __init__(self, problems: Mapping[str, str], detail: str = "") -> None:
        """Create the error; ``problems`` maps each field to a sentence, which never repeats a value that was sent."""
        super().__init__(detail)
        self.problems = dict(problems)

    def fields(self) -> dict[str, Any]:
        """Return ``problems``: field name → sentence."""
        return {"problems": self.problems}


class TooManyRequests(GatehouseError, code="too-many-requests", status=429, title="Too many requests"):
    """The client sends too many requests (429)."""

    def __init__(self, retry_after_seconds: int, detail: str = "") -> None:
        """Create the error; ``retry_after_seconds`` are whole seconds, at least 1."""
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds

    def fields(self) -> dict[str, Any]:
        """Return ``retry_after_seconds``."""
        return {"retry_after_seconds": self.retry_after_seconds}


class ServiceUnavailable(GatehouseError, code="unavailable", status=503, title="Not available right now"):
    """Something that Gatehouse needs does not respond (503); retrying later is right."""

    retry_after_seconds: int | None = None
    """Seconds after which a retry may succeed (``Retry-After``); None where that is unknown."""


class ProviderUnavailable(
    ServiceUnavailable, code="provider-unavailable", title="The sign-in provider does not answer"
):
    """The sign-in provider is down, slow, or responds with something unusable."""

    def __init__(
        self,
        detail: str = "",
        *,
        reason: ProviderReason | None = None,
        evidence: str = "",
        retry_after_seconds: int | None = None,
    ) -> None:
        """Create the error; ``evidence`` is the finding, for administrators at the command line only."""
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
    """It is unknown whether a change was committed: the database or the remote API stopped responding during it.

    A retry may make the change twice, so nothing suggests one before the user has checked.
    """


class SchemaMismatch(StorageUnavailable, code="schema-mismatch", title="The database is of another version"):
    """The database is from an older or a newer version of Gatehouse than this one."""


class SecretMismatch(
    StorageUnavailable, code="secret-mismatch", title="This process does not have the secret of this installation"
):
    """The installation writes with a secret that this process does not have; it writes nothing."""


class ForeignTables(StorageUnavailable, code="foreign-tables", title="The database is not Gatehouse's own"):
    """The database contains tables of another program, and no command has allowed Gatehouse to use it."""


class ApiUnavailable(ServiceUnavailable, code="api-unavailable", title="Can't reach the server right now"):
    """The remote API is down, slow, or something else responds at its address."""


def all_errors() -> Iterator[type[GatehouseError]]:
    """Yield every class of the tree, the base first, depth first; docs, API and client are checked against them."""

    def walk(cls: type[GatehouseError]) -> Iterator[type[GatehouseError]]:
        yield cls
        for child in cls.__subclasses__():
            yield from walk(child)

    return walk(GatehouseError)
