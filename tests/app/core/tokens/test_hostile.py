"""Whatever is sent, only our own refusals come out, and nothing but a signed token gets in."""

from __future__ import annotations

import contextlib
import json
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.core.errors import NonceMismatch, ProviderUnavailable, TokenExpired, TokenInvalid
from app.core.tokens.types import IdToken
from tests.issuer import CLIENT_ID, Fault, Issuer, b64

ISSUER: Final = Issuer()
VERIFIER: Final = ISSUER.verifier(ISSUER.key_set(cooldown_seconds=1e9))
GOOD: Final = ISSUER.access_token(exp=int(ISSUER.clock()) + 86_400)  # made at import; the suite takes a while
EXPECTED_ERRORS: Final = (TokenInvalid, TokenExpired, ProviderUnavailable)

patient = hypothesis_settings(deadline=None)  # machines are busy

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
CLAIMS: Final = (
    "iss aud exp nbf iat sub typ nonce at_hash events cnf scope permissions azp client_id gty org_id sid auth_time acr "
    "amr name email email_verified picture https://gatehouse.example/roles"
)
claim_names = st.sampled_from(CLAIMS.split())
HEADERS: Final = "alg typ kid jku x5u jwk x5c crit b64 zip enc cty"
header_names = st.sampled_from(HEADERS.split())


def refused(token: Any) -> bool:
    try:
        VERIFIER.access_token(token)
    except EXPECTED_ERRORS:
        return True
    return False


@patient
@given(st.text() | st.binary() | json_values | st.text("abc.-_=", max_size=60))
def test_anything_at_all(token: Any) -> None:
    assert refused(token)


@patient
@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_one_character_changed(index: int, character: str) -> None:
    changed = GOOD[:index] + character + GOOD[index + 1 :]
    assert refused(changed) is (changed != GOOD)


@patient
@given(st.integers(0, len(GOOD)), st.integers(0, len(GOOD)))
def test_a_piece_cut_out(begin: int, end: int) -> None:
    cut = GOOD[:begin] + GOOD[end:]
    assert refused(cut) is (cut != GOOD)


@patient
@given(st.integers(0, len(GOOD)), st.text(min_size=1, max_size=8))
def test_something_put_in(index: int, text: str) -> None:
    assert refused(GOOD[:index] + text + GOOD[index:])


@patient
@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=300))
def test_random_bytes_well_encoded(header: bytes, payload: bytes, signature: bytes) -> None:
    assert refused(f"{b64(header)}.{b64(payload)}.{b64(signature)}")


@patient
@given(st.dictionaries(header_names, json_values, max_size=4))
@example({"kid": "\ud800"})
@example({"alg": ["RS256"]})
def test_hostile_headers_of_signed_tokens(members: dict[str, Any]) -> None:
    with contextlib.suppress(*EXPECTED_ERRORS):
        assert VERIFIER.access_token(ISSUER.access_token(header=members)).subject.subject == "auth0|ann"


@patient
@given(st.dictionaries(claim_names, json_values, max_size=4))
def test_hostile_claims_of_signed_access_tokens(claims: dict[str, Any]) -> None:
    with contextlib.suppress(*EXPECTED_ERRORS):
        access = VERIFIER.access_token(ISSUER.access_token(**claims))
        assert isinstance(access.subject.subject, str)
        assert access.subject.subject
        for text in (*access.permissions, *access.roles, *access.scope, access.client_id, access.organization):
            text.encode()  # whatever is let through can be stored


@patient
@given(st.dictionaries(claim_names, json_values, max_size=4), st.none() | st.text(), st.none() | st.integers(0, 9))
def test_hostile_claims_of_signed_id_tokens(claims: dict[str, Any], nonce: str | None, max_age: int | None) -> None:
    payload = json.dumps(ISSUER.claims(aud=CLIENT_ID) | claims).encode()
    with contextlib.suppress(*EXPECTED_ERRORS, NonceMismatch):
        token: IdToken = VERIFIER.id_token(
            ISSUER.sign(payload), client_id=CLIENT_ID, nonce=nonce, access_token="\ud800", max_age_seconds=max_age
        )
        for text in (token.name, token.email, token.picture, token.sid, token.acr, *token.amr, *token.roles):
            text.encode()


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.ERROR, Fault.GARBAGE, Fault.LIST, Fault.REDIRECT])
def test_whatever_the_provider_does(fault: Fault) -> None:
    for faulty in (Issuer(discovery_fault=fault), Issuer(jwks_fault=fault)):
        with faulty as issuer:
            verifier = issuer.verifier(issuer.key_set_over_http())
            with pytest.raises(ProviderUnavailable):
                verifier.access_token(issuer.access_token())


def test_a_library_that_raises_is_a_bad_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def verify(self, *_: Any) -> bool:
            raise MemoryError

    verifier = ISSUER.verifier()
    monkeypatch.setitem(verifier._algorithms, "RS256", Broken())
    with pytest.raises(TokenInvalid):
        verifier.access_token(GOOD)
