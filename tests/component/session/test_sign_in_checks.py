"""What the ID token of a sign-in must satisfy: age and second factor, as the sign-in requested."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.assurance import MULTI_FACTOR
from tests.component.session.step_up_flow import FACTOR, FRESH, confirm, session_of
from tests.issuer import ABSENT
from tests.signin import CookieClient, SignInWorld


@pytest.mark.parametrize(
    ("link", "claims", "reason"),
    [
        (FRESH, {"auth_time": -7200}, "id-token:auth-time-too-old"),
        (FRESH, {"auth_time": -45}, "id-token:auth-time-too-old"),
        (FRESH, {"auth_time": None}, "id-token:auth-time-missing"),
        (FRESH, {"auth_time": 0}, "id-token:auth-time-missing"),
        (FRESH.replace("max_age=0", "max_age=300"), {"auth_time": -400}, "id-token:auth-time-too-old"),
        (FACTOR, {}, "factor-missing"),
        (FACTOR, {"acr": "urn:other", "amr": ["pwd", "otp"]}, "factor-missing"),
        (FACTOR, {"acr": [MULTI_FACTOR], "amr": "mfa"}, "factor-missing"),
        (f"{FRESH}&acr_values={MULTI_FACTOR}", {"amr": ["mfa"], "auth_time": -7200}, "id-token:auth-time-too-old"),
        (f"{FRESH}&acr_values={MULTI_FACTOR}", {}, "factor-missing"),
    ],
)
def test_a_provider_that_does_not_meet_the_request_changes_nothing(
    installation: SignInWorld, old: CookieClient, link: str, claims: dict[str, Any], reason: str
) -> None:
    before, secret = session_of(installation, old), installation.secret(old)
    if "auth_time" in claims:
        value = claims["auth_time"]
        claims = claims | {"auth_time": int(installation.clock.timestamp()) + value if value else 0}
        if value is None:
            installation.fake.issuer.id_token = _without_auth_time(installation)  # type: ignore[method-assign]
    answer = confirm(installation, old, link, **claims)
    assert answer.status == 400
    step = "for a second factor" if reason == "factor-missing" else "to sign in again"
    assert f"You were not asked {step}" in answer.text
    assert "Nothing was changed" in answer.text
    assert installation.secret(old) == secret
    assert session_of(installation, old) == before
    assert not installation.audit("app:session:step-up")
    (event,) = installation.audit("app:login:refuse")
    assert event["reason"] == reason


def _without_auth_time(installation: SignInWorld) -> Any:
    real = installation.fake.issuer.id_token
    return lambda **claims: real(**(claims | {"auth_time": ABSENT}))
