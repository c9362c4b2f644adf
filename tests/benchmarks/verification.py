"""Verifying access tokens: a known one behind a route, and new ones without a route."""

from __future__ import annotations

from secrets import token_hex
from typing import Any, Final, cast

import jwt
from authlib.integrations.flask_oauth2 import ResourceProtector  # type: ignore[attr-defined] # ships no types
from authlib.oauth2.rfc7523 import JWTBearerTokenValidator
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Flask, request
from joserfc.jwk import KeySet as PeerKeySet

from app.core.tokens.verifier import TokenVerifier
from remote_api.bearer import bearer_token
from tests.benchmarks import baselines, budgets
from tests.benchmarks.benchmark_run import BenchmarkRun
from tests.benchmarks.calling import getting
from tests.benchmarks.measure import Effort, calls_of, interleaved
from tests.benchmarks.results import Row, row
from tests.issuer import Issuer

_BASE: Final = "http://localhost:8888"
_PATH: Final = "/api/pong-scoped"
_FRESH_A_ROUND: Final = 10


def seen(run: BenchmarkRun) -> list[Row]:
    """A route that only verifies, against the plain one and against Authlib's protector."""
    issuer = Issuer()
    token = issuer.access_token()
    apps = {"plain": baselines.plain(), "ours": _verifying(issuer.verifier()), "authlib": _protected(issuer)}
    sides = {name: calls_of(getting(app, _BASE, _PATH, token)) for name, app in apps.items()}
    samples = interleaved(sides, run.effort)
    return [
        row("verify-seen", budgets.VERIFY_SEEN, samples, "ours", "plain"),
        row("verify-seen", budgets.VERIFY_SEEN_PEER, samples, "ours", "authlib"),
    ]


def fresh(run: BenchmarkRun) -> list[Row]:
    """A token never seen before at every call, against the bare signature check of the same tokens."""
    issuer = Issuer()
    verifier = issuer.verifier()
    verifier.access_token(issuer.access_token())  # the key set is known; the tokens are not
    public = issuer.keys[0].private.public_key()
    rounds = min(run.effort.rounds, 200)
    tokens = [issuer.access_token(jti=token_hex(8)) for _ in range(rounds * _FRESH_A_ROUND)]
    fresh_tokens, bare = iter(tokens), iter([_parts(token) for token in tokens])

    def verify(times: int) -> None:
        for _ in range(times):
            verifier.access_token(next(fresh_tokens))

    def check(times: int) -> None:
        for _ in range(times):
            _check(public, *next(bare))

    samples = interleaved({"ours": verify, "bare": check}, Effort(rounds, 0.0), number=_FRESH_A_ROUND)
    return [row("verify-fresh", budgets.VERIFY_FRESH, samples, "ours", "bare")]


def _verifying(verifier: TokenVerifier) -> Flask:
    app = Flask("verifying", static_folder=None)

    @app.get(_PATH)
    def pong() -> dict[str, str]:
        verifier.access_token(bearer_token(request.environ) or "")
        return baselines.ANSWER

    return app


def _protected(issuer: Issuer) -> Flask:
    """The same behind Authlib, as Auth0's own example for Flask has it, with the key set read once."""
    app = Flask("protected", static_folder=None)
    protect = ResourceProtector()  # type: ignore[no-untyped-call] # ships no types
    keys = PeerKeySet.import_key_set(cast("Any", issuer.jwks()))
    validator: Any = JWTBearerTokenValidator(keys, issuer=issuer.url)  # type: ignore[no-untyped-call] # the same
    validator.claims_options = {
        "exp": {"essential": True},
        "aud": {"essential": True, "value": issuer.audience},
        "iss": {"essential": True, "value": issuer.url},
    }
    protect.register_token_validator(validator)

    @app.get(_PATH)
    @protect(None)
    def pong() -> Any:
        return baselines.ANSWER

    return app


def _parts(token: str) -> tuple[bytes, bytes]:
    """The signing input of a token, and its signature."""
    signing_input, _, signature = token.rpartition(".")
    return signing_input.encode(), jwt.utils.base64url_decode(signature)


def _check(key: RSAPublicKey, signing_input: bytes, signature: bytes) -> None:
    key.verify(signature, signing_input, _PADDING, _HASH)


_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()
