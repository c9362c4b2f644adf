"""The error and the sentence of each refusal."""

from __future__ import annotations

import pytest

from app.core.assurance import MULTI_FACTOR, SignInRequirement
from app.core.errors import PermissionDenied, StepUpRequired, Unauthenticated
from app.core.guard import refusal
from app.core.policy import Decision, Reason

HOUR, FACTOR = SignInRequirement(max_age_seconds=3600), SignInRequirement(acr=MULTI_FACTOR)


@pytest.mark.parametrize(
    ("decision", "error", "sentence"),
    [
        (Decision(False, Reason.ANONYMOUS), Unauthenticated, "Sign in to continue."),
        (Decision(False, Reason.BLOCKED), PermissionDenied, "Your account is blocked here. Ask an administrator."),
        (Decision(False, Reason.NOT_GRANTED), PermissionDenied, "You lack a permission for this."),
        (
            Decision(False, Reason.SCOPE),
            PermissionDenied,
            "You have this permission, but the token of this request does not include it.",
        ),
        (
            Decision(False, Reason.STEP_UP_REQUIRED),
            PermissionDenied,
            "This requires the sign-in of a person, which a machine cannot do.",
        ),
        (Decision(False, Reason.STEP_UP_REQUIRED, None, HOUR), StepUpRequired, "This requires a more recent sign-in."),
        (Decision(False, Reason.STEP_UP_REQUIRED, None, FACTOR), StepUpRequired, "This requires a second factor."),
    ],
)
def test_each_refusal_has_its_error_and_sentence(decision: Decision, error: type[Exception], sentence: str) -> None:
    refused = refusal("read:reports", decision)
    assert (type(refused), str(refused)) == (error, sentence)
    if isinstance(refused, PermissionDenied):
        assert (refused.permission, refused.reason) == ("read:reports", decision.reason)


@pytest.mark.parametrize("step_up", [None, HOUR])
def test_a_refusal_without_a_permission_names_none(step_up: SignInRequirement | None) -> None:
    refused = refusal(None, Decision(False, Reason.STEP_UP_REQUIRED, None, step_up))
    assert isinstance(refused, PermissionDenied)
    assert refused.permission == ""
