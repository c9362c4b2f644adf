"""Every error Gatehouse raises on purpose: one tree, each class with a stable code, an HTTP status and a title.

``detail`` is safe to show to a person. Borders translate: no SQLAlchemy, requests or PyJWT error crosses the module
that uses the library. Never decide anything by an error's text; decide by its class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar


class GatehouseError(Exception):
    """Base of every error raised on purpose; anything else is a bug and is shown as ``internal`` with an id only."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    about: str = ""
    """Audit name of what a refused change was about; never sent."""

    def __init__(self, detail: str = "") -> None:
        """``detail`` is one plain sentence or more, safe to show; empty means the title says it all."""
        super().__init__(detail or self.title)
        self.detail = detail

    def fields(self) -> dict[str, Any]:
        """Typed extra members of the problem (RFC 9457 §3.2), JSON-ready; empty when there are none."""
        return {}


class ConfigurationError(GatehouseError):
    """The settings are wrong; ``mistakes`` lists every one of them, each a sentence that names its variable."""

    code = "configuration"
    status = 500
    title = "The settings are not right"

    def __init__(self, mistakes: Sequence[str]) -> None:
        """``mistakes``: at least one sentence, each naming the variable it is about."""
        super().__init__("\n".join(f"- {mistake}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class Unauthenticated(GatehouseError):
    """Nobody is proven to be asking (401)."""

    code = "unauthenticated"
    status = 401
    title = "Sign in first"


class SessionExpired(Unauthenticated):
    """The session ran into its idle or absolute limit; signing in again goes on where the person was."""

    code = "session-expired"
    title = "Your session has expired"


class SessionEnded(Unauthenticated):
    """The session was ended: by its person, an administrator, or the provider."""

    code = "session-ended"
    title = "You were signed out"


class SessionReplaced(SessionEnded):
    """The session ended because somebody signed in anew in its browser."""

    code = "session-replaced"
    title = "Somebody signed in anew"


class SignedOut(SessionEnded):
    """The session ended because its own person signed out, in this browser."""

    code = "signed-out"
    title = "You are signed out"


class SignInAgain(Unauthenticated):
    """The session goes on, but the provider's token has run out, and only signing in brings another."""

    code = "sign-in-again"
    title = "Sign in once more"

    def __init__(self, detail: str = "", *, silently: bool = False) -> None:
        """``silently``: whether it may be tried first without asking the person anything."""
        super().__init__(detail)
        self.silently = silently


class TokenInvalid(Unauthenticated):
    """A token was refused; ``detail`` says why without repeating anything of the token."""

    code = "token-invalid"
    title = "The access token is not valid"


class TokenExpired(TokenInvalid):
    """A token that was good, and is no longer (``exp``)."""

    code = "token-expired"
    title = "The access token has expired"


class SignInTooOld(TokenInvalid):
    """An ID token tells of a sign-in that is not as recent as was asked for, or does not say when it was."""

    code = "sign-in-too-old"
    title = "The sign-in is not recent enough"


class BadRequest(GatehouseError):
    """The request itself is malformed (400), RFC 6750 §3.1 ``invalid_request`` included."""

    code = "bad-request"
    status = 400
    title = "The request could not be understood"


class LoginFailed(GatehouseError):
    """A sign-in did not end in a session (400)."""

    code = "login-failed"
    status = 400
    title = "Signing in did not work"


class StateMismatch(LoginFailed):
    """The callback's state is unknown here, used up, too old, or another browser's (RFC 9700 §4.7)."""

    code = "state-mismatch"
    title = "This sign-in is not yours or is too old"


class NonceMismatch(LoginFailed):
    """The ID token answers another sign-in than this one (OIDC Core §3.1.3.7)."""

    code = "nonce-mismatch"
    title = "The provider answered another sign-in"


class ProviderRefused(LoginFailed):
    """The provider said no; ``error`` is its machine-readable reason (OIDC Core §3.1.2.6)."""

    code = "provider-refused"
    title = "The sign-in provider said no"

    def __init__(self, detail: str = "", *, error: str = "") -> None:
        """``error``: the provider's error code, already bounded and cleaned; empty when it gave none."""
        super().__init__(detail)
        self.error = error

    def fields(self) -> dict[str, Any]:
        """``error``, the provider's own code, where it gave one."""
        return {"error": self.error} if self.error else {}


class FactorMissing(LoginFailed):
    """The provider did not ask for the second factor (or other context class) that it was told to ask for."""

    code = "factor-missing"
    title = "The second factor was not asked for"


class OrganizationMismatch(LoginFailed):
    """The ID token does not name the organization that the sign-in was for (``org_id``)."""

    code = "organization-mismatch"
    title = "The sign-in was for another organization"


class PermissionDenied(GatehouseError):
    """The principal is known, and may not (403)."""

    code = "permission-denied"
    status = 403
    title = "You may not do this"

    def __init__(self, permission: str, reason: str, detail: str = "") -> None:
        """``permission``: what was asked; ``reason``: a ``Reason`` value saying why it was refused."""
        super().__init__(detail)
        self.permission = str(permission)
        self.reason = str(reason)

    def fields(self) -> dict[str, Any]:
        """``permission`` and ``reason``."""
        return {"permission": self.permission, "reason": self.reason}


class StepUpRequired(PermissionDenied):
    """The principal may, after a fresh sign-in or one with a second factor (401, RFC 9470 §3)."""

    code = "step-up-required"
    status = 401
    title = "Confirm it is you"

    def __init__(self, permission: str, detail: str = "", *, max_age_seconds: int | None = None, acr: str = "") -> None:
        """What the permission asks of a sign-in; see ``app.core.assurance.Requirement``."""
        super().__init__(permission, "stale-login", detail)
        self.max_age_seconds = max_age_seconds
        self.acr = acr

    def fields(self) -> dict[str, Any]:
        """Those of ``PermissionDenied``, and ``max_age`` and ``acr_values`` (RFC 9470's names) where they are asked."""
        asked = {"max_age": self.max_age_seconds, "acr_values": self.acr or None}
        return super().fields() | {name: value for name, value in asked.items() if value is not None}


class RuleViolated(GatehouseError):
    """A rule of administration forbids this change to this administrator (403)."""

    code = "rule-violated"
    status = 403
    title = "A rule of administration forbids this"


class SelfGrant(RuleViolated):
    """Nobody changes what they may do themselves."""

    code = "self-grant"
    title = "Nobody changes their own rights"


class NotHeld(RuleViolated):
    """Nobody gives what they do not hold: directly, by a role, or by a mapping."""

    code = "not-held"
    title = "You can give only what you hold yourself"

    def __init__(self, permissions: Sequence[str], detail: str = "") -> None:
        """``permissions``: what would be given and is not held, sorted; the first 20 are told."""
        super().__init__(detail)
        self.permissions = tuple(permissions[:20])

    def fields(self) -> dict[str, Any]:
        """``permissions``: names."""
        return {"permissions": list(self.permissions)}


class NotOffered(GatehouseError):
    """Something was asked for that nobody is offered (404): a call that is on no list, an action without a handler."""

    code = "not-offered"
    status = 404
    title = "This is not offered here"


class NotFound(GatehouseError):
    """There is nothing here for this principal (404); says nothing of whether there is for others."""

    code = "not-found"
    status = 404
    title = "Not found"


class MethodNotAllowed(GatehouseError):
    """The address is right, the method is not (405)."""

    code = "method-not-allowed"
    status = 405
    title = "This address does not answer that method"


class Conflict(GatehouseError):
    """The change contradicts the present state (409)."""

    code = "conflict"
    status = 409
    title = "This contradicts the present state"


class RoleInUse(Conflict):
    """A role that people hold cannot be deleted without saying where they go."""

    code = "role-in-use"
    title = "The role is in use"


class LastAdministrator(Conflict):
    """The change would leave nobody who can administer."""

    code = "last-administrator"
    title = "The last administrator must stay"


class NameTaken(Conflict):
    """A role of this name, or of one that looks like it, exists."""

    code = "name-taken"
    title = "The name is taken"


class BuiltInRole(Conflict):
    """A built-in role can be extended, but neither renamed nor deleted, and the administrator role not changed."""

    code = "built-in-role"
    title = "The role is built in"


class NotOurs(Conflict):
    """A grant that came with the provider's token is taken away at the provider, or by its mapping."""

    code = "not-ours"
    title = "This comes from the sign-in provider"


class PreconditionRequired(GatehouseError):
    """A change without ``If-Match``: it must say which version it is meant for (428, RFC 6585 §3)."""

    code = "precondition-required"
    status = 428
    title = "Say which version you change"


class StaleVersion(GatehouseError):
    """Somebody changed it meanwhile (412, RFC 9110 §13.1.1)."""

    code = "stale-version"
    status = 412
    title = "It was changed meanwhile"


class MisdirectedRequest(GatehouseError):
    """The request names a host this installation does not answer for (421, RFC 9110 §15.5.20)."""

    code = "misdirected-request"
    status = 421
    title = "This address is not served here"


class TooLarge(GatehouseError):
    """More was sent than is accepted (413)."""

    code = "too-large"
    status = 413
    title = "That is more than is accepted"


class UnsupportedMediaType(GatehouseError):
    """The body is of a type this address does not read (415)."""

    code = "unsupported-media-type"
    status = 415
    title = "This kind of content is not accepted here"


class InvalidInput(GatehouseError):
    """Some of the input is not acceptable (422); ``problems`` names each field."""

    code = "invalid-input"
    status = 422
    title = "Some of the input is not right"

    def __init__(self, problems: Mapping[str, str], detail: str = "") -> None:
        """``problems``: field name → one plain sentence; values that were sent are never repeated."""
        super().__init__(detail)
        self.problems = dict(problems)

    def fields(self) -> dict[str, Any]:
        """``problems``: field name → sentence."""
        return {"problems": self.problems}


class TooManyRequests(GatehouseError):
    """Slow down (429)."""

    code = "too-many-requests"
    status = 429
    title = "Too many requests"

    def __init__(self, retry_after_seconds: int, detail: str = "") -> None:
        """``retry_after_seconds``: whole seconds, at least 1."""
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds

    def fields(self) -> dict[str, Any]:
        """``retry_after_seconds``."""
        return {"retry_after_seconds": self.retry_after_seconds}


class ServiceUnavailable(GatehouseError):
    """Something Gatehouse needs does not answer (503); trying again later is right."""

    code = "unavailable"
    status = 503
    title = "Not available right now"


class ProviderUnavailable(ServiceUnavailable):
    """The sign-in provider is down, slow, or answers nonsense."""

    code = "provider-unavailable"
    title = "The sign-in provider does not answer"


class StorageUnavailable(ServiceUnavailable):
    """The database is locked, missing, full or otherwise not answering; nothing was changed."""

    code = "storage-unavailable"
    title = "The database does not answer"


class SchemaMismatch(StorageUnavailable):
    """The database is from an older or a newer version of Gatehouse than this one."""

    code = "schema-mismatch"
    title = "The database is of another version"


class ApiUnavailable(ServiceUnavailable):
    """The remote API is down, slow, or answers something that is not its own."""

    code = "api-unavailable"
    title = "The remote API does not answer"


def all_errors() -> Iterator[type[GatehouseError]]:
    """Every class of the tree, base first, depth first: what docs, the API and its client are checked against."""

    def walk(cls: type[GatehouseError]) -> Iterator[type[GatehouseError]]:
        yield cls
        for child in cls.__subclasses__():
            yield from walk(child)

    return walk(GatehouseError)
