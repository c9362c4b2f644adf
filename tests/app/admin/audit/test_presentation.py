"""Texts of audit events, and the progress of an export."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from app.admin.audit import presentation
from app.core.audit import ANONYMOUS_ACTOR, AuditKind
from app.core.contract.audit import AuditItem


def event(seq: int, at: datetime) -> AuditItem:
    return AuditItem(
        seq=seq,
        at=at,
        kind="policy:role:update",
        sentence="Ada did it.",
        outcome="done",
        actor="ada",
        actor_name="",
        target="role",
        target_name="",
        reason="",
        correlation_id="c1",
        address="",
        details={"added": "read:a"},
    )


def test_the_label_of_a_kind_starts_with_its_subject() -> None:
    assert presentation.kind_label(AuditKind.GRANT_ADD.sentence) == "Grant: role or permission granted"
    assert presentation.kind_label(AuditKind.LOGIN_REFUSE.sentence) == "Sign-in: refused"


def test_the_label_of_an_unknown_kind_is_its_sentence_without_placeholders() -> None:
    assert presentation.kind_label("{actor} lent {target} a {thing}[, {expiry}].") == "… lent … a …"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("auth0|ada at http://localhost:9000/", True),
        (" google-oauth2|1 at https://tenant.example/ ", True),
        ("operator:root", True),
        ("system", True),
        (ANONYMOUS_ACTOR, True),
        ("ada", False),
        ("Ada at work", False),
        ("operator:", False),
        ("", False),
    ],
)
def test_an_audit_name_is_recognised_only_if_it_is_whole(text: str, whole: bool) -> None:
    assert presentation.is_audit_name(text) is whole


def test_days_start_and_end_at_midnight_in_utc() -> None:
    assert presentation.day_start(date(2026, 2, 28)) == datetime(2026, 2, 28, tzinfo=UTC)
    assert presentation.day_end(date(2026, 2, 28)) == datetime(2026, 3, 1, tzinfo=UTC)
    assert presentation.day_start(None) is None
    assert presentation.day_end(None) is None


@pytest.mark.parametrize("line", ['{{"seq": {}, "kind": "x"}}\n', '{{"seq":{}}}\n', "{},a,b\n", '"{}",a\n'])
@pytest.mark.parametrize("cut", [1, 7, 64, 100_000])
def test_progress_follows_the_event_numbers_however_chunks_are_cut(line: str, cut: int) -> None:
    whole = "".join(["seq,at\n" if line.startswith("{}") else "", *(line.format(n) for n in range(101, 201))]).encode()
    progress = presentation.Progress(last_seq=300)
    shares = [0.0]
    for start in range(0, len(whole), cut):
        progress.add(whole[start : start + cut])
        shares.append(progress.share)
    assert shares == sorted(shares)
    assert (progress.first_seq, progress.seq, progress.size_bytes) == (101, 200, len(whole))
    assert progress.share == pytest.approx(99 / 199)


def test_progress_stays_between_0_and_1() -> None:
    progress = presentation.Progress(last_seq=5)
    assert progress.share == 0
    progress.add(b"5,x\n")
    assert progress.share == 0
    late = presentation.Progress(last_seq=5)
    late.add(b"1,x\n9,y\n")
    assert late.share == 1


def test_of_a_line_without_end_only_the_start_is_kept() -> None:
    progress = presentation.Progress(last_seq=5)
    for _ in range(20):
        progress.add(b"x" * 100_000)
    assert len(progress._rest) <= 64 * 1024
    assert progress.share == 0


@pytest.mark.parametrize(
    ("size", "label"), [(0, "0 B"), (999, "999 B"), (14_500, "14 KB"), (3_210_000, "3.2 MB"), (10**10, "10,000.0 MB")]
)
def test_sizes_have_a_unit(size: int, label: str) -> None:
    assert presentation.size_label(size) == label


def test_the_json_of_an_event_has_every_field() -> None:
    payload = json.loads(presentation.event_json(event(7, datetime(2026, 11, 25, tzinfo=UTC))))
    assert payload["seq"] == 7
    assert payload["at"] == "2026-11-25T00:00:00+00:00"
    assert payload["details"] == {"added": "read:a"}
    assert set(payload) == set(AuditItem.model_fields)
