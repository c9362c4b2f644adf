"""Why a token or the provider was refused: the one table of reason codes, each with a sentence for administrators.

Codes are stable: they stand in the log and in the audit. No code or sentence repeats a value of a claim or a token.
In both, a code follows what it is about, such as ``id-token:wrong-audience``; ``explain`` reads it for people.
"""

from __future__ import annotations

from typing import Final

from app.core.labelled_enum import LabelledEnum


class TokenUse(LabelledEnum):
    """The kind of token that was verified."""

    ID = "id-token", "The ID token is not valid."
    ACCESS = "access-token", "The access token is not valid."
    LOGOUT = "logout-token", "The logout token is not valid."


class TokenReason(LabelledEnum):
    """Why a token was refused. The sentences are safe to show to the sender of the token."""

    # Its form (RFC 7515)
    SIZE = "too-large", "The token is empty, longer than 16,384 characters, or not ASCII text."
    NOT_SIGNED = (
        "not-a-jwt",
        ("The token is not a signed token (JWT); some providers issue such tokens when no audience is requested."),
    )
    HEADER = "header-malformed", "The token's header is malformed."
    ENCODING = "encoding-malformed", "The token's encoding is malformed."
    JSON = "json-malformed", "The token does not hold a well-formed JSON object."
    NESTED = "nested-too-deeply", "The token is nested too deeply."
    EXTENSION = "extension", "The token requires an extension that is not accepted."
    KEY_ID = "key-id-malformed", "The token's key id (kid) is malformed."

    # Its signature
    ALGORITHM = "algorithm", "The token is signed with an algorithm that the settings do not accept."
    KEY_UNNAMED = "key-unnamed", "The token does not say which key signed it, and the provider publishes several."
    KEY_UNKNOWN = "key-unknown", "The token was signed with a key the provider does not publish."
    SIGNATURE = "signature", "The token's signature does not hold."

    # What it is, who issued it, and for whom (RFC 9068 §4, OIDC Core §3.1.3.7)
    TYPE = "wrong-type", "The token is of another type (typ)."
    NOT_ACCESS = "not-an-access-token", "The token is an ID token, a logout token or a DPoP proof, not an access token."
    NOT_ID = "not-an-id-token", "The token is a logout token, not an ID token."
    NOT_LOGOUT = "not-a-logout-token", "The token is not a logout token."
    SENDER_CONSTRAINED = "sender-constrained", "The token is bound to its sender (cnf) and is no bearer token."
    ISSUER = "wrong-issuer", "The token is from another issuer; the comparison is exact, with the slash at the end."
    AUDIENCE = "wrong-audience", "The token is for another audience."
    AUDIENCE_MALFORMED = "audience-malformed", "The token's audience (aud) is missing or malformed."
    AUTHORIZED_PARTY = "wrong-party", "The token was issued to another client (azp)."
    TWO_CLIENTS = "two-clients", "The token names two clients: azp and client_id differ."
    SUBJECT_MISSING = "subject-missing", "The token names no subject (sub)."
    IDENTIFIER = (
        "identifier-malformed",
        ("An identifier in the token (sub, azp, client_id, sid, org_id or jti) is not a text of bounded length."),
    )

    # When
    TIMES_MISSING = "times-missing", "The token has no exp or no iat."
    TIME_MALFORMED = "time-malformed", "A time in the token is not a number of seconds."
    EXPIRED = "expired", "The token has expired."
    NOT_YET_VALID = "not-yet-valid", "The token does not hold yet: compare the clocks of this machine and the provider."
    SIGN_IN_AHEAD = "auth-time-ahead", "The token tells of a sign-in that is yet to come (auth_time)."
    SIGN_IN_TIME_MISSING = (
        "auth-time-missing",
        ("A recent sign-in was required, and the provider does not say when the user signed in (auth_time)."),
    )
    SIGN_IN_TOO_OLD = "auth-time-too-old", "The sign-in (auth_time) is not as recent as required."

    # Rights
    ROLES = "roles-malformed", "The roles claim is neither a list of texts nor a text."
    PERMISSIONS = "permissions-malformed", "The permissions claim is neither a list of texts nor a text."
    SCOPE = "scope-malformed", "The scope claim is neither a text nor a list of texts."

    # Together with others
    NONCE = "nonce", "The token answers another sign-in (nonce)."
    ACCESS_TOKEN_HASH = "at-hash", "The ID token belongs to another access token (at_hash)."
    OTHER_SUBJECT = "another-subject", "The token is another subject's than the ID token's or the session's."
    OTHER_CLIENT = "another-client", "The access token was issued to another client."
    LOGOUT_INCOMPLETE = "nobody-named", "The logout token names neither a subject nor a session, or has no id (jti)."
    REPLAYED = "replayed", "The logout token was used before."
    OTHER_SESSION = "another-session", "This token does not belong to its session."
    NOT_CURRENT = "not-held", "No live session of the app has this token."
    SIGNED_OUT = "signed-out-everywhere", "This token was issued before its person signed out everywhere."


class ProviderReason(LabelledEnum):
    """Why the provider (or the remote API) could not be used, each with what to do about it."""

    # The network
    DNS = "dns", "The host name is not known (DNS): check its spelling, and the name server of this machine."
    REFUSED = (
        "refused",
        "The connection was refused: nothing listens at that address and port, or a firewall is between.",
    )
    UNREACHABLE = "unreachable", "The host cannot be reached from this machine: check the network and its firewall."
    PROXY = "proxy", "The proxy does not let the connection through: check GATEHOUSE_PROVIDER_PROXY."
    TIMEOUT = "timeout", "No answer came in time: the host is slow, or a firewall drops the packets."
    BROKEN_OFF = "broken-off", "The connection broke off before the answer was complete."

    # The certificate
    UNKNOWN_AUTHORITY = (
        "tls-unknown-authority",
        (
            "The certificate is not from an authority that is trusted here: where the authority is your own, name the "
            "file with its certificate in GATEHOUSE_CA_BUNDLE."
        ),
    )
    CERTIFICATE_EXPIRED = "tls-expired", "The certificate has expired: replace it, or set the clock of this machine."
    CERTIFICATE_AHEAD = "tls-not-yet-valid", "The certificate does not hold yet: compare the clocks of both machines."
    WRONG_HOST = "tls-wrong-host", "The certificate is for another host name than the one that is configured."
    TLS = "tls", "No encrypted connection could be made: the port may not speak TLS, or only an old version of it."

    # The answer
    STATUS = "status", "The answer is an error, or a redirect, which is not followed: check the address."
    TOO_LARGE = "too-large", "The answer is larger than anything that makes sense there."
    NOT_JSON = "not-json", "The answer is not a JSON object: check that the address is the provider's, not a page's."
    ISSUER = (
        "issuer-mismatch",
        (
            "The provider names itself differently than it is configured: the configured issuer must be exactly that "
            "of its discovery document, with or without the slash at the end."
        ),
    )
    ENDPOINT = "unsafe-endpoint", "The provider published an address that is missing or not safe to use (https)."
    NO_KEYS = (
        "no-usable-keys",
        "The provider's key set has no key that can be used: compare GATEHOUSE_TOKEN_ALGORITHMS with it.",
    )
    KEYS_WAIT = "keys-later", "The provider's keys were fetched just now and are not fetched again for some seconds."
    TOKENS = "tokens-malformed", "The answer of the token endpoint has no usable tokens in it."
    NO_ID_TOKEN = "no-id-token", "The answer of the token endpoint has no ID token: the scope openid must be allowed."
    BUSY = "busy", "The provider says that it is busy or has a fault, and asks to come back later."
    UNEXPECTED = "unexpected", "The answer was such that the library that reads it failed; the log names the error."


class CallbackReason(LabelledEnum):
    """Why the browser's way back from the provider was refused."""

    ISSUER = "another-issuer", "The answer did not come from the sign-in provider that was asked."
    INCOMPLETE = "incomplete", "The sign-in service's answer was incomplete. Begin again."
    UNKNOWN = "unknown-state", "This sign-in did not begin here."
    GONE = "no-cookie", "This sign-in was finished already, or it began in another browser."
    OTHER_BROWSER = "another-browser", "This sign-in began in another browser."
    LATE = "too-late", "This sign-in took too long."
    USED = "used", "This sign-in was finished already."


class SignInReason(LabelledEnum):
    """Errors of the authorization endpoint (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6, Auth0)."""

    DENIED = "access_denied", "The user cancelled, or a rule of the provider refused it."
    UNAUTHORIZED = "unauthorized", "The provider does not allow the account."
    BLOCKED = "user_blocked", "The account is blocked at the provider."
    LOGIN = "login_required", "The provider has no session of the user, who has to sign in there."
    INTERACTION = "interaction_required", "The provider has a question for the user."
    CONSENT = "consent_required", "The provider requires the consent of the user."
    ACCOUNT = "account_selection_required", "The user has to choose an account at the provider."
    SECOND_FACTOR = "mfa_required", "The provider requires a second factor."
    ATTEMPTS = "too_many_attempts", "The provider accepts no more attempts for a while."
    REQUESTS = "too_many_requests", "The provider accepts no more requests for a while."
    UNAVAILABLE = "temporarily_unavailable", "The provider is busy."
    FAULT = "server_error", "The provider had a fault."


class OAuthReason(LabelledEnum):
    """Errors of the token endpoint (RFC 6749 §5.2) that only an administrator can do something about."""

    CLIENT = (
        "invalid_client",
        (
            "The provider does not accept the client id and secret: check both, and that the client may send them in "
            "the body (client_secret_post)."
        ),
    )
    UNAUTHORIZED_CLIENT = "unauthorized_client", "The provider does not allow this client the authorization code flow."
    GRANT = "invalid_grant", "The code or refresh token was used before, has expired, or was revoked."
    GRANT_TYPE = "unsupported_grant_type", "The provider does not allow this client the authorization code flow."
    SCOPE = "invalid_scope", "The provider does not allow this client a requested scope."
    TARGET = (
        "invalid_target",
        "The provider does not know the requested audience: compare it with the API's identifier there.",
    )
    REQUEST = (
        "invalid_request",
        "The provider takes the request for malformed: check the callback address it has for us.",
    )


class ClaimReason(LabelledEnum):
    """What of a token's rights could not be used. The rest of the token counts."""

    ROLES = (
        "unusable-roles",
        "Members of the roles claim were dropped: no text, empty, too long, or with control characters.",
    )
    PERMISSIONS = (
        "unusable-permissions",
        "Members of the permissions claim were dropped, for the same reasons as roles.",
    )
    SCOPE = "unusable-scope", "Words of the scope claim were dropped, for the same reasons as roles."
    TOO_MANY_ROLES = (
        "too-many-roles",
        ("The token has more roles than are remembered (500). Every mapping was applied before the rest was cut."),
    )


def explain(reason_code: str) -> str:
    """The sentences for a reason code of the log or the audit; empty for anything else, such as a person's text."""
    subject, _, code = reason_code.rpartition(":")
    head, sentences = _TABLES.get(subject, ("", {}))
    sentence = sentences.get(code, "")
    return f"{head} {sentence}".strip() if sentence else ""


def _sentences(table: type[LabelledEnum]) -> dict[str, str]:
    return {row.value: row.sentence for row in table}


PROVIDER: Final = "provider"
CALLBACK: Final = "callback"
_TABLES: Final[dict[str, tuple[str, dict[str, str]]]] = {
    **{use.value: (use.sentence, _sentences(TokenReason)) for use in TokenUse},
    PROVIDER: ("", _sentences(ProviderReason)),
    CALLBACK: ("", _sentences(CallbackReason)),
    "": ("", _sentences(SignInReason) | _sentences(OAuthReason) | _sentences(ClaimReason)),
}
"""What a reason code is about → the sentence in front, and the sentences of its codes."""
