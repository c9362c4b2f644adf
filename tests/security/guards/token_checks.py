"""Guards of the verification of tokens: signature, header, claims, size; and of where a token may come from."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

_SHAPE: Final = "tests/app/core/tokens/test_shape.py"
_ACCESS: Final = "tests/app/core/tokens/test_access.py"

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="a token with a wrong signature is refused",
        at="app.core.tokens.verifier:TokenVerifier._check_signature",
        without="raise TokenInvalid(reason=TokenReason.SIGNATURE)",
        test=f"{_SHAPE}::test_the_signature_counts",
    ),
    Removal(
        guard="a token with an algorithm that is not configured is refused",
        at="app.core.tokens.verifier:TokenVerifier._check_common",
        without="raise TokenInvalid(reason=TokenReason.ALGORITHM)",
        test=f"{_ACCESS}::test_only_the_algorithms_asked_for",
    ),
    Removal(
        guard="a token of another type is refused",
        at="app.core.tokens.verifier:TokenVerifier._check_common",
        without="raise TokenInvalid(reason=TokenReason.TYPE)",
        test=f"{_ACCESS}::test_kinds_refused",
    ),
    Removal(
        guard="a token of another issuer is refused",
        at="app.core.tokens.verifier:TokenVerifier._check_common",
        without="raise TokenInvalid(reason=TokenReason.ISSUER)",
        test=f"{_ACCESS}::test_refused_without_a_fetch[issuer without its slash]",
    ),
    Removal(
        guard="a token for another audience is refused",
        at="app.core.tokens.verifier:TokenVerifier._check_common",
        without="raise TokenInvalid(reason=TokenReason.AUDIENCE)",
        test=f"{_ACCESS}::test_refused_without_a_fetch[another audience]",
    ),
    Removal(
        guard="a token without a subject is refused",
        at="app.core.tokens.verifier:TokenVerifier._check_common",
        without="raise TokenInvalid(reason=TokenReason.SUBJECT_MISSING)",
        test=f"{_ACCESS}::test_refused_without_a_fetch[no subject]",
    ),
    Removal(
        guard="an expired token is refused",
        at="app.core.tokens.verifier:TokenVerifier._check_times",
        without="raise TokenExpired(reason=TokenReason.EXPIRED)",
        test=f"{_ACCESS}::test_expired",
    ),
    Removal(
        guard="a token with claims of an ID token or a logout token is refused",
        at="app.core.tokens.verifier:TokenVerifier._access_claims",
        without="raise TokenInvalid(reason=TokenReason.NOT_ACCESS)",
        test=f"{_ACCESS}::test_refused_without_a_fetch[nonce, so an ID token]",
    ),
    Removal(
        guard="a token that is bound to its sender is refused",
        at="app.core.tokens.verifier:TokenVerifier._access_claims",
        without="raise TokenInvalid(reason=TokenReason.SENDER_CONSTRAINED)",
        test=f"{_ACCESS}::test_refused_without_a_fetch[bound to a key]",
    ),
    Removal(
        guard="the nonce of an ID token is compared",
        at="app.core.tokens.verifier:TokenVerifier.id_token",
        without="raise NonceMismatch",
        test="tests/app/core/tokens/test_id.py::test_the_nonce_is_compared",
    ),
    Removal(
        guard="the size of a token is limited before it is parsed",
        at="app.core.tokens.jws:token_bytes",
        without="len(token) > MAX_TOKEN_CHARACTERS",
        test=f"{_SHAPE}::test_size_is_bounded_before_anything_is_read",
    ),
    Removal(
        guard="the nesting of a token is limited before it is parsed",
        at="app.core.tokens.jws:_object",
        without="raise TokenInvalid(reason=TokenReason.NESTED)",
        test=f"{_SHAPE}::test_brackets_in_texts_and_beside_each_other_are_no_nesting",
    ),
    Removal(
        guard="a token with an extension in its header is refused",
        at="app.core.tokens.jws:parse",
        without="raise TokenInvalid(reason=TokenReason.EXTENSION)",
        test=f"{_SHAPE}::test_extensions_are_refused",
    ),
    Removal(
        guard="a key id that is not a text of bounded length is refused",
        at="app.core.tokens.jws:parse",
        without="raise TokenInvalid(reason=TokenReason.KEY_ID)",
        test=f"{_SHAPE}::test_key_ids_are_typed_and_bounded",
    ),
    Removal(
        guard="a second spelling of a token is refused",
        at="app.core.tokens.jws:_decode",
        without="segment[-1] not in _CANONICAL_ENDS[over]",
        instead="False",
        test=f"{_SHAPE}::test_one_spelling_only",
    ),
    Removal(
        guard="discovery is accepted only from the configured issuer",
        at="app.core.tokens.discovery",
        without='answer.get("issuer") != self._issuer',
        instead="False",
        test="tests/app/core/tokens/test_discovery_addresses.py::test_the_issuer_must_name_itself_exactly",
    ),
    Removal(
        guard="a token in the query is refused",
        at="remote_api.bearer:bearer_token",
        without='raise BadRequest("Send the access token in the Authorization header, never in the address.")',
        test="tests/remote_api/test_tokens.py::test_never_in_the_query",
    ),
    Removal(
        guard="the API answers for its own host only",
        at="remote_api.middleware:Middleware.__call__",
        without="return _send(misdirected(), environ, start)",
        test="tests/remote_api/test_middleware.py::test_the_host_in_production",
    ),
    Removal(
        guard="the API does not name its server software",
        at="remote_api.wsgi:_application",
        without="gunicorn_responses.SERVER = SERVER_NAME",
        test="tests/remote_api/test_processes.py::test_gunicorn_serves_it",
    ),
    Removal(
        guard="a text in the readable log stays on one line",
        at="app.core.logs:configure",
        without="_on_one_line",
        test="tests/app/core/test_logs.py::test_a_hostile_text_stays_on_one_line[False]",
    ),
]
