"""Made-up key ids as bearer tokens: "could not look" is 503, never "invalid", and keeps no good token out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.issuer import Issuer
from tests.remote_api.world import ApiWorld


@pytest.fixture
def flooded(make_world: Callable[..., ApiWorld]) -> Iterator[ApiWorld]:
    """The API after ten made-up key ids, when the provider has just started to sign with another key."""
    with Issuer() as issuer:
        world = make_world(issuer)
        assert world.call("/api/pong", issuer.access_token()).status_code == 200
        for number in range(10):
            world.call("/api/pong", issuer.access_token(header={"kid": f"made-up-{number}"}))
        issuer.rotate(keep_old=False)
        yield world


def test_a_token_of_our_own_session_is_good_at_once(flooded: ApiWorld) -> None:
    signed_in = flooded.sign_in()
    assert flooded.call("/api/v1/me/sessions", signed_in.token).status_code == 200
    fetches = flooded.issuer.jwks_fetches
    # The key is known now, so tokens of other clients are verified too.
    assert flooded.call("/api/pong", flooded.issuer.access_token()).status_code == 200
    assert flooded.issuer.jwks_fetches == fetches


def test_another_clients_valid_token_gets_503_with_retry_after(flooded: ApiWorld) -> None:
    answer = flooded.call("/api/pong", flooded.issuer.access_token(azp="other"))
    assert (answer.status_code, answer.json["code"]) == (503, "provider-unavailable")
    assert "WWW-Authenticate" not in answer.headers
    assert 1 <= int(answer.headers["Retry-After"]) <= 12


def test_tokens_that_could_not_be_verified_are_counted_with_the_reason(flooded: ApiWorld) -> None:
    flooded.background_writer.flush()
    reasons = {event["reason"] for event in flooded.events("api:token:refuse")}
    assert reasons == {"provider:keys-later"}
    assert flooded.issuer.jwks_fetches == 1


def test_a_made_up_token_that_was_never_issued_gets_no_fetch_of_the_sessions(flooded: ApiWorld) -> None:
    fetches = flooded.issuer.jwks_fetches
    for number in range(20):
        flooded.call("/api/pong", flooded.issuer.access_token(header={"kid": f"more-{number}"}))
    assert flooded.issuer.jwks_fetches == fetches
