"""Audit in front of the real remote API: the table, filters, shared addresses, one event, and the downloaded file."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from app import access
from app.admin.audit import export as audit_export
from app.core.audit import AuditEvent, AuditKind, Outcome
from app.core.clock import utc_now
from app.core.errors import PermissionDenied
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant
from tests.apptest.conftest import AppInstallation
from tests.apptest.role_pages import Change, create_role, events_of, open_page
from tests.apptest.stubbed import page_text
from tests.apptest.tables import press, table, texts


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], bytes]]:
    """What makes the files of the download buttons, in the order of the buttons of all runs."""
    bound: list[Callable[[], bytes]] = []
    really = access.bind_session

    def keep(do: Callable[[], bytes]) -> Callable[[], bytes]:
        bound.append(really(do))
        return bound[-1]

    monkeypatch.setattr(access, "bind_session", keep)
    return bound


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """An audit that is too large for a download without a preparation."""
    monkeypatch.setattr(audit_export, "is_small", lambda *_: False)


KINDS = {
    AuditKind.ROLE_CREATE: Outcome.SUCCEEDED,
    AuditKind.PAGE_DENY: Outcome.REFUSED,
    AuditKind.TOKEN_REFRESH_FAIL: Outcome.FAILED,
}


def record(installation: AppInstallation, event: AuditEvent) -> None:
    with installation.services.storage.unit_of_work() as unit:
        unit.record(event)
        unit.commit()


def sentences(payload: dict[str, Any]) -> list[str]:
    return [sentence for _, sentence, *_ in texts(payload)]


def test_the_audit_is_filtered_and_its_address_is_shared(installation: AppInstallation) -> None:
    create_role(installation, "clerk", "read:reports")
    at = open_page(installation, "audit.py")
    rows = texts(table(at))
    (created,) = [
        row
        for row in rows
        if row[1].startswith("The administrator created the role clerk with the permission read:reports.")
    ]
    assert created[1].endswith("Reason: a new desk")
    assert created[2] == "The administrator"
    at.multiselect(key="audit-kinds").set_value(["policy:role:create"]).run()
    assert at.query_params["kind"] in ("policy:role:create", ["policy:role:create"])
    assert len(sentences(table(at))) == 1
    shared = open_page(
        installation, "audit.py", kind="policy:role:create", outcome="done", since="2020-01-01", target="clerk"
    )
    assert len([text for text in sentences(table(shared)) if "created the role clerk" in text]) == 1
    assert shared.multiselect(key="audit-kinds").value == ["policy:role:create"]
    assert shared.selectbox(key="audit-outcome").value == "done"
    assert "About **clerk**" in page_text(shared)
    name = f"test|administrator at {installation.services.settings.issuer}"
    by_actor = open_page(installation, "audit.py", name=name, kind="policy:role:create")
    assert "By or about **The administrator**" in page_text(by_actor)
    by_actor.button(key="audit-all-people").click().run()
    assert "name" not in by_actor.query_params
    by_actor.button(key="audit-clear").click().run()
    assert not by_actor.query_params
    assert by_actor.multiselect(key="audit-kinds").value == []
    nothing = open_page(installation, "audit.py", until="2020-01-01")
    assert "No event matches" in page_text(nothing)


def test_only_refusals_and_failures_are_marked(installation: AppInstallation) -> None:
    for kind, outcome in KINDS.items():
        record(installation, AuditEvent(kind, utc_now(), outcome, target="clerk"))
    at = open_page(installation, "audit.py")
    marks = {row["href"]: row["cells"][1].get("badges", []) for row in table(at)["rows"]}
    numbers = {kind: str(event["seq"]) for kind in KINDS for event in events_of(installation, kind)}
    assert [marks[f"audit?event={numbers[kind]}"] for kind in KINDS] == [
        [], [{"text": "Refused", "tone": "warn"}], [{"text": "Failed", "tone": "bad"}],
    ]  # fmt: skip


def test_the_audit_is_turned_page_by_page(installation: AppInstallation) -> None:
    for number in range(30):
        record(installation, AuditEvent(AuditKind.ROLE_CREATE, utc_now(), target=f"role-{number}"))
    at = open_page(installation, "audit.py", kind="policy:role:create")
    assert table(at)["pages"]["text"] == "1 to 25 of 30 events"
    press(at, "next")
    assert table(at)["pages"]["text"] == "26 to 30 of 30 events"
    assert (at.query_params["page"], at.query_params["kind"]) == ("2", "policy:role:create")
    press(at, "open", table(at)["rows"][0]["id"])
    at.button(key="audit-back").click().run()
    assert table(at)["pages"]["text"] == "26 to 30 of 30 events"
    press(at, "sort", "when")
    assert at.query_params["sort"] == "at"
    assert "role-0" in sentences(table(at))[0], "the oldest first"
    press(at, "next")
    at.selectbox(key="audit-outcome").set_value("done").run()
    assert table(at)["pages"]["text"] == "1 to 25 of 30 events"
    assert "page" not in at.query_params


def test_a_row_opens_its_event_and_the_way_back_keeps_the_filters(installation: AppInstallation) -> None:
    create_role(installation, "clerk", "read:reports")
    (created,) = events_of(installation, "policy:role:create")
    at = open_page(installation, "audit.py", kind="policy:role:create", outcome="done")
    assert table(at)["rows"][0]["href"] == f"audit?event={created['seq']}"
    press(at, "open", str(created["seq"]))
    assert at.query_params["event"] == str(created["seq"])
    shown = page_text(at)
    assert "The administrator created the role clerk with the permission read:reports." in shown
    for fact in (
        "Who",
        "The administrator",
        "About",
        "clerk",
        "Reason",
        "a new desk",
        "Permissions",
        "read:reports",
        "Role ID",
    ):
        assert fact in shown
    copied = [element.value for element in at.get("code")]  # type: ignore[union-attr]
    assert f"test|administrator at {installation.services.settings.issuer}" in copied
    at.toggle(key="event-json").set_value(True).run()
    assert json.loads(at.get("code")[-1].value)["seq"] == created["seq"]  # type: ignore[union-attr]
    at.button(key="audit-back").click().run()
    assert at.multiselect(key="audit-kinds").value == ["policy:role:create"]
    assert at.selectbox(key="audit-outcome").value == "done"
    assert set(at.query_params) == {"kind", "outcome"}
    at = open_page(installation, "audit.py", event=str(created["seq"]))
    at.button(key="audit-all-Who").click().run()
    assert "By or about **The administrator**" in page_text(at)
    assert "no event with this number" in page_text(open_page(installation, "audit.py", event="99999999"))


def test_an_actor_is_found_by_part_of_the_name(installation: AppInstallation) -> None:
    at = open_page(installation, "audit.py")
    at.text_input(key="audit-person").set_value("the admin").run()
    (match,) = [button for button in at.button if str(button.key).startswith("audit-person-")]
    match.click().run()
    assert f"test|administrator at {installation.services.settings.issuer}" in at.query_params["name"]
    assert at.text_input(key="audit-person").value == ""


def test_an_object_is_found_by_its_name(installation: AppInstallation) -> None:
    create_role(installation, "clerk", "read:reports")
    at = open_page(installation, "audit.py")
    at.text_input(key="audit-person").set_value("clerk").run()
    at.button(key="audit-by-target").click().run()
    assert at.query_params["target"] in ("clerk", ["clerk"])
    [created] = sentences(table(at))
    assert created.startswith("The administrator created the role clerk with")
    at.button(key="audit-all-objects").click().run()
    assert "target" not in at.query_params


@pytest.mark.parametrize("form", ["CSV", "JSON Lines"])
def test_a_download_is_complete_and_audited(
    installation: AppInstallation, form: str, files: list[Callable[[], bytes]]
) -> None:
    create_role(installation, "=clerk", "read:reports")
    at = open_page(installation, "audit.py", kind="policy:role:create")
    assert [button.proto.label for button in at.get("download_button")] == [
        "Download as CSV", "Download as JSON Lines",
    ]  # fmt: skip
    assert not events_of(installation, "audit:log:export"), "nothing is recorded before the press"
    lines = files[-2 if form == "CSV" else -1]().decode().splitlines()
    if form == "CSV":
        (row,) = csv.DictReader(io.StringIO("\n".join(lines)))
        assert (row["kind"], row["target"]) == ("policy:role:create", "'=clerk")
    else:
        (line,) = lines
        assert json.loads(line)["target"] == "=clerk"
    (exported,) = events_of(installation, "audit:log:export")
    assert "policy:role:create" in str(exported["details"])


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("form", ["CSV", "JSON Lines"])
def test_a_large_download_is_prepared_complete_and_audited(
    installation: AppInstallation, form: str, files: list[Callable[[], bytes]]
) -> None:
    create_role(installation, "=clerk", "read:reports")
    at = open_page(installation, "audit.py", kind="policy:role:create")
    at.segmented_control(key="audit-form").set_value(form).run()
    at.button(key="audit-prepare").click().run()
    assert not at.exception
    lines = files[-1]().decode().splitlines()
    if form == "CSV":
        (row,) = csv.DictReader(io.StringIO("\n".join(lines)))
        assert (row["kind"], row["target"]) == ("policy:role:create", "'=clerk")
    else:
        (line,) = lines
        assert json.loads(line)["target"] == "=clerk"
    (exported,) = events_of(installation, "audit:log:export")
    assert "policy:role:create" in str(exported["details"])


def test_the_download_requires_a_recent_sign_in(installation: AppInstallation) -> None:
    at = open_page(installation, "audit.py")
    assert at.get("download_button")
    with installation.services.storage.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.execute(text("UPDATE sessions SET authenticated_at = authenticated_at - 7200000000"))
    at.run()
    assert "Confirm it is you" in page_text(at)
    assert not at.get("download_button")
    assert "audit-prepare" not in {button.key for button in at.button}


@pytest.mark.parametrize("is_prepared", [False, True], ids=["at once", "prepared"])
def test_a_file_is_refused_after_the_permission_is_revoked(
    installation: AppInstallation,
    change: Change,
    files: list[Callable[[], bytes]],
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_prepared: bool,
) -> None:
    if is_prepared:
        monkeypatch.setattr(audit_export, "is_small", lambda *_: False)
    at = open_page(installation, "audit.py")
    if is_prepared:
        at.button(key="audit-prepare").click().run()
    assert files[-2 if not is_prepared else -1]().startswith(b"seq,at,kind")
    subject = Subject(installation.services.settings.issuer, "test|administrator")
    change(
        lambda unit: unit.revoke_grant(
            NewGrant(subject=subject, source=Source.ADMIN, author="t", role="administrator"), utc_now()
        )
    )
    with pytest.raises(PermissionDenied):
        files[-1]()


@pytest.mark.usefixtures("large")
def test_a_large_file_is_compressed(
    installation: AppInstallation, files: list[Callable[[], bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_export, "MAX_PLAIN_BYTES", 10)
    at = open_page(installation, "audit.py")
    at.button(key="audit-prepare").click().run()
    assert gzip.decompress(files[-1]()).startswith(b"seq,at,kind")
