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
from tests.apptest.conftest import World
from tests.apptest.role_pages import Change, events_of, make, opened
from tests.apptest.stubbed import words


def test_the_audit_is_read_filtered_and_shared(world: World) -> None:
    make(world, "clerk", "read:reports")
    at = opened(world, "audit.py")
    labels = [str(getattr(block, "label", "")).replace("\\", "") for block in at.get("expander")]
    assert any("The administrator created the role clerk." in label for label in labels)
    at.multiselect(key="audit-kinds").set_value(["policy:role:create"]).run()
    assert at.query_params["kind"] in ("policy:role:create", ["policy:role:create"])
    shared = opened(world, "audit.py", kind="policy:role:create", outcome="done", since="2020-01-01", target="clerk")
    labels = [str(getattr(block, "label", "")).replace("\\", "") for block in shared.get("expander")]
    assert len([label for label in labels if "created the role clerk" in label]) == 1
    assert shared.multiselect(key="audit-kinds").value == ["policy:role:create"]
    name = f"test|administrator at {world.services.settings.issuer}"
    mine = opened(world, "audit.py", name=name, kind="policy:role:create")
    assert "Only what **test|administrator at" in words(mine)
    mine.button(key="audit-everybody").click().run()
    assert "name" not in mine.query_params
    nothing = opened(world, "audit.py", until="2020-01-01")
    assert "No event matches" in words(nothing)


def test_an_event_has_an_address_of_its_own(world: World) -> None:
    make(world, "clerk", "read:reports")
    (made,) = events_of(world, "policy:role:create")
    at = opened(world, "audit.py", event=str(made["seq"]))
    assert "created the role clerk" in words(at)
    assert json.loads(at.get("code")[0].value)["seq"] == made["seq"]  # type: ignore[union-attr]
    assert "no event with this number" in words(opened(world, "audit.py", event="99999999"))


def test_a_person_is_found_by_part_of_the_name(world: World) -> None:
    at = opened(world, "audit.py")
    at.text_input(key="audit-person").set_value("the admin").run()
    (found,) = [button for button in at.button if str(button.key).startswith("audit-person-")]
    found.click().run()
    assert f"test|administrator at {world.services.settings.issuer}" in at.query_params["name"]


@pytest.mark.parametrize("form", ["CSV", "JSON Lines"])
def test_the_export_is_prepared_whole_and_audited(world: World, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make(world, "=clerk", "read:reports")
    ready: list[audit_export.Prepared] = []
    monkeypatch.setattr(audit_export, "_hand_out", ready.append)
    at = opened(world, "audit.py", kind="policy:role:create")
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
    (exported,) = events_of(world, "audit:log:export")
    assert "policy:role:create" in str(exported["details"])


def test_the_export_asks_to_confirm_and_is_not_offered_to_others(world: World) -> None:
    at = opened(world, "audit.py")
    with world.services.storage.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.execute(text("UPDATE sessions SET authenticated_at = authenticated_at - 7200000000"))
    at.run()
    assert "Confirm it is you" in words(at)
    assert "audit-prepare" not in {button.key for button in at.button}


def test_a_file_that_was_prepared_is_handed_out_only_to_who_may_still_have_it(
    world: World, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[Callable[[], bytes]] = []
    really = access.bind_session

    def keep(do: Callable[[], bytes]) -> Callable[[], bytes]:
        bound.append(really(do))
        return bound[-1]

    monkeypatch.setattr(access, "bind_session", keep)
    at = opened(world, "audit.py")
    at.button(key="audit-prepare").click().run()
    assert bound[-1]().startswith(b"seq,at,kind")
    who = Subject(world.services.settings.issuer, "test|administrator")
    change(
        lambda unit: unit.revoke_grant(
            NewGrant(subject=who, source=Source.ADMIN, by="t", role="administrator"), utc_now()
        )
    )
    with pytest.raises(PermissionDenied):
        bound[-1]()


def test_a_large_file_is_compressed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    monkeypatch.setattr(audit_export, "PLAIN_MAX_BYTES", 10)
    ready: list[audit_export.Prepared] = []
    monkeypatch.setattr(audit_export, "_hand_out", ready.append)
    at = opened(world, "audit.py")
    at.button(key="audit-prepare").click().run()
    assert ready[0].name.endswith(".csv.gz")
    assert gzip.decompress(ready[0].content).startswith(b"seq,at,kind")
