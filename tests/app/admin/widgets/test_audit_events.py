"""Audit events as cells: a reason only if a person entered it, a badge unless it succeeded, the whole sentence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.admin.widgets import audit_events
from app.core.contract.audit import AuditItem

EVENT = AuditItem(
    seq=1,
    at=datetime(2026, 11, 25, tzinfo=UTC),
    kind="policy:grant:add",
    sentence="Ada granted Eva the role viewer, no expiry.",
    outcome="done",
    actor="ada",
    actor_name="",
    target="eva",
    target_name="",
    reason="joins",
    correlation_id="c1",
    address="",
    details={},
)


def test_an_unknown_outcome_is_shown_as_stored() -> None:
    assert audit_events.outcome_label("refused") == "Refused"
    assert audit_events.outcome_label("postponed") == "postponed"


@pytest.mark.parametrize(
    ("kind", "outcome", "reason", "entered"),
    [
        ("policy:grant:add", "done", "joins", "joins"),
        ("policy:grant:add", "done", "Joins the team", "Joins the team"),
        ("policy:rule:refuse", "refused", "not-granted", ""),
        ("app:login:refuse", "refused", "id-token:wrong-audience", ""),
        ("app:session:end", "done", "user", ""),
        ("app:session:end", "done", "Lost the phone", "Lost the phone"),
        ("app:session:begin", "done", "", ""),
    ],
)
def test_a_reason_that_is_a_code_is_not_taken_for_one_that_was_entered(
    kind: str, outcome: str, reason: str, entered: str
) -> None:
    changed = EVENT.model_copy(update={"kind": kind, "outcome": outcome, "reason": reason})
    assert audit_events.entered_reason(changed) == entered


def test_an_event_is_its_sentence_with_the_entered_reason_and_a_badge_unless_it_succeeded() -> None:
    sentence = EVENT.sentence
    assert audit_events.sentence(EVENT) == {"text": sentence, "detail": "Reason: joins"}
    refused = EVENT.model_copy(update={"kind": "policy:rule:refuse", "outcome": "refused", "reason": "not-held"})
    assert audit_events.sentence(refused) == {"text": sentence, "badges": [{"text": "Refused", "tone": "warn"}]}
    failed = EVENT.model_copy(update={"outcome": "failed", "reason": ""})
    assert audit_events.sentence(failed) == {"text": sentence, "badges": [{"text": "Failed", "tone": "bad"}]}


def test_the_object_at_the_end_of_a_long_sentence_is_not_cut_off() -> None:
    long = f"Ada created the role {'n' * 100} with the permissions {', '.join(['p' * 100] * 5)} and more."
    assert audit_events.sentence(EVENT.model_copy(update={"sentence": long}))["text"] == long
    assert len(long) > 600
