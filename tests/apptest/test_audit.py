"""Audit in front of the real remote API: filters, shared addresses, and the exported file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
from sqlalchemy import text

from app import access
from app.admin.audit import export as audit_export
from app.core.clock import utc_now
from app.core.errors import PermissionDenied
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant
from tests.apptest.conftest import AppInstallation
from tests.apptest.role_pages import Change, create_role, events_of, open_page
from tests.apptest.stubbed import page_text


def test_the_audit_is_filtered_and_its_address_is_shared(installation: AppInstallation) -> None:
    create_role(installation, "clerk", "read:reports")
    at = open_page(installation, "audit.py")
    labels = [str(getattr(block, "label", "")).replace("\\", "") for block in at.get("expander")]
    assert any(
        "The administrator created the role clerk with the permission read:reports." in label for label in labels
    )
    at.multiselect(key="audit-kinds").set_value(["policy:role:create"]).run()
    assert at.query_params["kind"] in ("policy:role:create", ["policy:role:create"])
    shared = open_page(
        installation, "audit.py", kind="policy:role:create", outcome="done", since="2020-01-01", target="clerk"
    )
    labels = [str(getattr(block, "label", "")).replace("\\", "") for block in shared.get("expander")]
    assert len([label for label in labels if "created the role clerk" in label]) == 1
    assert shared.multiselect(key="audit-kinds").value == ["policy:role:create"]
    name = f"test|administrator at {installation.services.settings.issuer}"
    by_actor = open_page(installation, "audit.py", name=name, kind="policy:role:create")
    assert "Only events by or about **test|administrator at" in page_text(by_actor)
    by_actor.button(key="audit-all-people").click().run()
    assert "name" not in by_actor.query_params
    nothing = open_page(installation, "audit.py", until="2020-01-01")
    assert "No event matches" in page_text(nothing)


def test_an_event_has_an_address_of_its_own(installation: AppInstallation) -> None:
    create_role(installation, "clerk", "read:reports")
    (created,) = events_of(installation, "policy:role:create")
    at = open_page(installation, "audit.py", event=str(created["seq"]))
    assert "created the role clerk" in page_text(at)
    assert json.loads(at.get("code")[0].value)["seq"] == created["seq"]  # type: ignore[union-attr]
    assert "no event with this number" in page_text(open_page(installation, "audit.py", event="99999999"))


def test_an_actor_is_found_by_part_of_the_name(installation: AppInstallation) -> None:
    at = open_page(installation, "audit.py")
    at.text_input(key="audit-person").set_value("the admin").run()
    (match,) = [button for button in at.button if str(button.key).startswith("audit-person-")]
    match.click().run()
    assert f"test|administrator at {installation.services.settings.issuer}" in at.query_params["name"]


@pytest.mark.parametrize("form", ["CSV", "JSON Lines"])
def test_an_export_is_complete_and_audited(
    installation: AppInstallation, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_role(installation, "=clerk", "read:reports")
    ready: list[audit_export.Prepared] = []
    monkeypatch.setattr(audit_export, "_show_download", ready.append)
    at = open_page(installation, "audit.py", kind="policy:role:create")
    at.segmented_control(key="audit-form").set_value(form).run()
    at.button(key="audit-prepare").click().run()
    assert not at.exception
    lines = ready[-1].content.decode().splitlines()
    if form == "CSV":
        (row,) = csv.DictReader(io.StringIO("\n".join(lines)))
        assert (row["kind"], row["target"]) == ("policy:role:create", "'=clerk")
    else:
        (line,) = lines
        assert json.loads(line)["target"] == "=clerk"
    (exported,) = events_of(installation, "audit:log:export")
    assert "policy:role:create" in str(exported["details"])


def test_the_export_requires_a_recent_sign_in(installation: AppInstallation) -> None:
    at = open_page(installation, "audit.py")
    with installation.services.storage.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.execute(text("UPDATE sessions SET authenticated_at = authenticated_at - 7200000000"))
    at.run()
    assert "Confirm it is you" in page_text(at)
    assert "audit-prepare" not in {button.key for button in at.button}


def test_a_prepared_file_is_refused_after_the_permission_is_revoked(
    installation: AppInstallation, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[Callable[[], bytes]] = []
    really = access.bind_session

    def keep(do: Callable[[], bytes]) -> Callable[[], bytes]:
        bound.append(really(do))
        return bound[-1]

    monkeypatch.setattr(access, "bind_session", keep)
    at = open_page(installation, "audit.py")
    at.button(key="audit-prepare").click().run()
    assert bound[-1]().startswith(b"seq,at,kind")
    subject = Subject(installation.services.settings.issuer, "test|administrator")
    change(
        lambda unit: unit.revoke_grant(
            NewGrant(subject=subject, source=Source.ADMIN, author="t", role="administrator"), utc_now()
        )
    )
    with pytest.raises(PermissionDenied):
        bound[-1]()


def test_a_large_file_is_compressed(installation: AppInstallation, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    monkeypatch.setattr(audit_export, "MAX_PLAIN_BYTES", 10)
    ready: list[audit_export.Prepared] = []
    monkeypatch.setattr(audit_export, "_show_download", ready.append)
    at = open_page(installation, "audit.py")
    at.button(key="audit-prepare").click().run()
    assert ready[0].name.endswith(".csv.gz")
    assert gzip.decompress(ready[0].content).startswith(b"seq,at,kind")
