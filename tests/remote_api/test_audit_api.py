"""The audit over the API: sentences for people, filters, and a download that is streamed, safe and itself on record."""

from __future__ import annotations

import csv
import io
import json
import resource
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core.audit import AuditEvent, AuditKind, Outcome
from app.core.audit_rows import AuditQuery, AuditRow
from app.core.chain_problems import ChainProblem, ChainState, ProblemKind
from app.core.principal import Subject
from app.core.records import Person
from remote_api.audit_sentences import subject_of
from tests.remote_api.world import ApiWorld, Caller, caller

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", '=HYPERLINK("http://evil")')


def record(world: ApiWorld, **event: Any) -> None:
    with world.database.unit_of_work() as unit:
        defaults: dict[str, Any] = {"kind": AuditKind.GRANT_ADD, "at": world.clock()}
        unit.record(AuditEvent(**(defaults | event)))
        unit.commit()


# Sentences


ROW = AuditRow(
    1, datetime(2026, 1, 1, tzinfo=UTC), "policy:grant:add", "done", "a at https://i", "b at https://i", "", "", ""
)


def test_audit_names_lead_back_to_subjects() -> None:
    subject = Subject("https://issuer.test/", "auth0|ann at home")
    assert subject_of(str(subject)) == subject
    assert subject_of("operator:joe") is None


def test_a_sentence_has_todays_name_and_nothing_after_erasure(world: ApiWorld, admin: Caller) -> None:
    bob = world.person("auth0|bob")
    with world.database.unit_of_work() as unit:
        unit.save_person(Person(bob, name="Bob <img src=x>"), world.clock())
        unit.commit()
    record(world, actor=str(bob), target=str(bob), details={"role": "viewer", "until": None})
    (event,) = admin.get("/audit", kind="policy:grant:add").json["events"]
    assert event["sentence"] == "Bob <img src=x> granted Bob <img src=x> the role viewer, no expiry."
    assert event["actor"] == f"auth0|bob at {world.issuer.url}"
    assert (event["actor_name"], event["target_name"]) == ("Bob <img src=x>", "Bob <img src=x>")
    assert admin.get(f"/audit/{event['seq']}").json == event


# Filters


def test_filters(world: ApiWorld, admin: Caller) -> None:
    at = world.clock()
    record(world, actor="a", target="b", at=at - timedelta(hours=2))
    record(world, actor="b", target="c", at=at - timedelta(hours=1), outcome=Outcome.REFUSED)
    record(world, actor="c", target="a", at=at, kind=AuditKind.ROLE_CREATE)

    def listed(**query: Any) -> list[tuple[str, str]]:
        return [(event["actor"], event["target"]) for event in admin.get("/audit", **query).json["events"]]

    assert listed() == [("c", "a"), ("b", "c"), ("a", "b")]
    assert listed(name="a") == [("c", "a"), ("a", "b")]
    assert listed(actor="a") == [("a", "b")]
    assert listed(target="a") == [("c", "a")]
    assert listed(outcome="refused") == [("b", "c")]
    assert listed(kind=["policy:role:create", "no:such"]) == [("c", "a")]
    assert listed(since=(at - timedelta(minutes=90)).isoformat()) == [("c", "a"), ("b", "c")]
    assert listed(until=(at - timedelta(minutes=90)).isoformat()) == [("a", "b")]
    assert listed(name="' OR 1=1 --") == []
    first = admin.get("/audit", limit=2).json
    rest = admin.get("/audit", limit=2, cursor=first["next"]).json
    assert [event["actor"] for event in first["events"] + rest["events"]] == ["c", "b", "a"]
    assert rest["next"] is None


# Downloads


def test_a_download_is_safe_in_a_spreadsheet_and_is_an_event_itself(world: ApiWorld, admin: Caller) -> None:
    for text in FORMULAS:
        record(world, actor=text, target=text, reason=text, details={"note": text})
    answer = admin.get("/audit/export", format="csv", kind="policy:grant:add")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == len(FORMULAS)
    for row in rows:
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))], row
    assert rows[0]["reason"] == "'=1+1"
    (event,) = world.events("audit:log:export")
    assert event["actor"] == str(admin.signed_in.subject)
    assert event["details"] == {"format": "csv", "filters": "kind=policy:grant:add"}
    assert event["address"]


def test_json_lines_hold_everything_as_stored_oldest_first(world: ApiWorld, admin: Caller) -> None:
    record(world, actor="x", target="line\u2028separator", details={"n": 1, "yes": True, "nothing": None})
    answer = admin.get("/audit/export", format="jsonl")
    assert answer.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
    lines = [json.loads(line) for line in answer.data.split(b"\n") if line]
    assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)
    assert lines[0]["details"] == {"n": 1, "yes": True, "nothing": None}
    assert lines[-1]["kind"] == "audit:log:export", "the download itself is in it"
    listed = {event["seq"]: event for event in admin.get("/audit").json["events"]}
    for line in lines:
        assert line.keys() == listed[line["seq"]].keys() - {"actor_name", "target_name"}, "no current names"


def test_a_download_that_cannot_be_recorded_is_refused(
    world: ApiWorld, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("db.database.DatabaseUnitOfWork.record", broken)
    answer = admin.get("/audit/export", format="csv")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")


def test_a_stale_sign_in_downloads_nothing(world: ApiWorld) -> None:
    auditor = caller(world, "auth0|auditor", "auditor")
    assert auditor.get("/audit/export", format="csv").status_code == 200
    world.clock.ahead = timedelta(minutes=61)
    with world.database.unit_of_work() as unit:
        assert unit.touch_session(auditor.signed_in.ref, world.clock, idle=timedelta(hours=2))
        unit.commit()
    answer = auditor.get("/audit/export", format="csv")
    assert (answer.status_code, answer.json["code"]) == (401, "step-up-required")
    assert auditor.get("/audit").status_code == 200


class Many:
    """A database with very many events, made as they are read."""

    def __init__(self, world: ApiWorld, events: int) -> None:
        self._database = world.database
        self._events = events
        self.read = world.database.read
        self.administration: Any = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def audit_events(self, query: AuditQuery) -> Iterator[AuditRow]:
        for number in range(self._events):
            yield replace(ROW, seq=number + 1, reason="r" * 200, details={"number": number})


def resident_bytes() -> int:
    """How much memory this process holds now; where the system does not say, the most it ever held."""
    memory = Path("/proc/self/statm")
    if memory.exists():
        return int(memory.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_memory_stays_flat_however_many_there_are(world: ApiWorld, admin: Caller, form: str) -> None:
    world.app = world.make_app(Many(world, 200_000))
    answer = world.call(f"/api/v1/audit/export?format={form}", admin.signed_in.token, buffered=False)
    pieces = answer.iter_encoded()
    size, before, peak = len(next(pieces)), resident_bytes(), 0
    for number, piece in enumerate(pieces):
        size += len(piece)
        if number % 50 == 0:
            peak = max(peak, resident_bytes())
    world.background_writer.close()
    print(f"{form}: {size:,} bytes of 200,000 events sent, resident memory grew by {peak - before:,} bytes")
    assert size > 60_000_000
    assert peak - before < 8_000_000


# Whether it is whole


def test_a_quick_look_and_a_thorough_one(world: ApiWorld, admin: Caller) -> None:
    record(world)
    quick = admin.get("/audit/chain").json
    assert (quick["verified"], quick["sealed"], quick["good"], quick["seq"]) == (False, True, None, 1)
    full = admin.get("/audit/chain", full="true").json
    assert (full["verified"], full["good"], full["events"], full["problems"]) == (True, True, 1, [])


def test_problems_of_the_chain_are_sentences(world: ApiWorld, admin: Caller) -> None:
    services = world.app.extensions["gatehouse.services"]
    broken = ChainState(events=3, problems=(ChainProblem(ProblemKind.EDITED, seq=2),))
    world.app.extensions["gatehouse.services"] = replace(services, verify_chain=lambda: broken)
    full = admin.get("/audit/chain", full="true").json
    assert (full["good"], full["problems"]) == (False, ["Event 2 was changed after it was written."])


def test_one_full_verification_at_a_time(world: ApiWorld, admin: Caller) -> None:
    services = world.app.extensions["gatehouse.services"]
    started, proceed = threading.Event(), threading.Event()

    def slow() -> ChainState:
        started.set()
        assert proceed.wait(10)
        return ChainState()

    world.app.extensions["gatehouse.services"] = replace(services, verify_chain=slow)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(admin.get("/audit/chain", full="true")))
    thread.start()
    assert started.wait(10)
    second = admin.get("/audit/chain", full="true")
    assert (second.status_code, second.json["code"]) == (429, "too-many-requests")
    assert int(second.headers["Retry-After"]) > 0
    assert admin.get("/audit/chain").status_code == 200, "the short check does not wait"
    proceed.set()
    thread.join(10)
    assert answers[0].status_code == 200
