"""The audit event of each change: subject, object, reason, address, correlation id and details, literally."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.core import administration, correlation
from app.core.administration.bootstrap import bootstrap_administrator
from app.core.audit import subject_name
from app.core.errors import Conflict, ExceedsOwnPermissions, GatehouseError, LastAdministrator, SelfGrant
from app.core.permissions import ADMINISTRATOR
from tests.app.core.administration.support import (
    ADA,
    BOB,
    CARLA,
    DAN,
    HOUR,
    Installation,
    acting,
    last_event,
    session,
    sync_token_roles,
)

Act = Callable[[Installation], Any]


def changed_role(here: Installation) -> None:
    here.create(acting(ADA), "Red", "read:reports", description="Reads.")
    here.update(
        acting(ADA), "Red", "read:people", "read:audit", new_name="Blue", description="Looks.", reason="new task"
    )


def moved_role(here: Installation) -> None:
    here.create(acting(ADA), "Red")
    here.store_grants(DAN, "Red")
    here.delete(acting(ADA), "Red", "viewer", reason="closed")


def changed_mapping(here: Installation) -> None:
    sync_token_roles(here, CARLA, "Clerks")
    here.map(acting(ADA), "Clerks", "viewer", "analyst")
    here.map(acting(ADA), "Clerks", "developer", reason="moved")


def ended_sessions(here: Installation) -> None:
    session(here, DAN, "session-of-dan")
    here.act(administration.end_sessions, acting(ADA), person=here.id(DAN), reason="lost")


def released(here: Installation) -> None:
    sync_token_roles(here, CARLA, "viewer", own=True)
    here.revoke(acting(ADA), CARLA, "viewer")
    card = here.database.administration.person_card(here.id(CARLA), here.now)
    assert card is not None
    here.act(
        administration.release, acting(ADA), person=card.row.id, withheld=card.withheld[0].id, reason="back",
        version=card.version, default_role=None,
    )  # fmt: skip


EVENTS: dict[str, tuple[Act, str, str, str, dict[str, Any]]] = {
    "a created role": (
        lambda here: here.create(acting(ADA), "Red", "read:reports", "read:audit"),
        "policy:role:create", "Red", "new team",
        {"role": "ID", "permissions": "read:audit read:reports"},
    ),
    "a changed role": (
        changed_role, "policy:role:update", "Red", "new task",
        {
            "role": "ID", "added": "read:audit read:people", "removed": "read:reports", "renamed_to": "Blue",
            "description": "Looks.",
        },
    ),
    "a deleted role": (
        moved_role, "policy:role:delete", "Red", "closed", {"role": "ID", "moved_to": "viewer", "people": 1},
    ),
    "a changed mapping": (
        changed_mapping, "policy:mapping:update", "Clerks", "moved",
        {"roles": "developer", "before": "analyst, viewer", "people": 1},
    ),
    "ended sessions": (
        ended_sessions, "app:session:end", subject_name(DAN), "lost",
        {"session": "session-of-dan", "browser": "Unknown browser"},
    ),
    "a released role": (released, "policy:grant:release", subject_name(CARLA), "back", {"role": "viewer"}),
    "a grant of a permission": (
        lambda here: here.grant(acting(ADA), DAN, None, permission="read:reports", expires_at=here.now + HOUR),
        "policy:grant:add", subject_name(DAN), "needed",
        {"permission": "read:reports", "source": "admin", "until": "UNTIL"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("act", "kind", "target", "reason", "details"), EVENTS.values(), ids=EVENTS)
def test_a_change_is_recorded(
    here: Installation, act: Act, kind: str, target: str, reason: str, details: dict[str, Any]
) -> None:
    correlation.begin("mine-12345678", "unused")
    act(here)
    event = last_event(here)
    recorded = event.pop("details")
    assert event == {
        "kind": kind, "actor": subject_name(ADA), "target": target, "reason": reason, "address": "203.0.113.9",
        "correlation_id": "mine-12345678",
    }  # fmt: skip
    values = {"ID": recorded.get("role"), "UNTIL": (here.now + HOUR).isoformat()}
    assert recorded == {name: values.get(value, value) for name, value in details.items()}


REFUSALS: dict[str, tuple[Act, type[GatehouseError], str, dict[str, Any] | None]] = {
    "the last administrator revoked": (
        lambda here: here.revoke(acting(ADA), ADA, ADMINISTRATOR), LastAdministrator, subject_name(ADA), {},
    ),
    "the last administrator blocked": (
        lambda here: here.block(acting(ADA), ADA), LastAdministrator, subject_name(ADA), {},
    ),
    "the last administrator erased": (
        lambda here: here.erase(acting(ADA), ADA), LastAdministrator, subject_name(ADA), {},
    ),
    "a permission that is not held": (
        lambda here: here.grant(acting(BOB), DAN, None, permission="read:people"), ExceedsOwnPermissions,
        subject_name(DAN), {"missing": "read:people"},
    ),
    "the administrator role": (
        lambda here: here.grant(acting(BOB), DAN, ADMINISTRATOR), ExceedsOwnPermissions, subject_name(DAN), None,
    ),
    "to oneself": (
        lambda here: here.grant(acting(BOB), BOB, None, permission="read:reports"), SelfGrant, subject_name(BOB), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("act", "error", "target", "details"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_by_a_rule_is_recorded_with_its_object(
    here: Installation, act: Act, error: type[GatehouseError], target: str, details: dict[str, Any] | None
) -> None:
    with pytest.raises(error):
        act(here)
    event = last_event(here)
    assert (event["kind"], event["target"], event["reason"]) == ("policy:rule:refuse", target, error.code)
    if details is not None:
        assert event["details"] == details


def test_a_bootstrap_is_recorded_and_gives_its_reason_to_the_grant(here: Installation) -> None:
    correlation.begin("mine-12345678", "unused")

    def bootstrap(unit: Any) -> None:
        bootstrap_administrator(unit, DAN, actor="operator:tester", reason="locked out", recover=True, now=here.now)

    here.unit(bootstrap)
    event = last_event(here)
    assert (event["kind"], event["actor"], event["target"], event["reason"], event["correlation_id"]) == (
        "policy:admin:recover", "operator:tester", subject_name(DAN), "locked out", "mine-12345678",
    )  # fmt: skip
    card = here.database.administration.person_card(here.id(DAN), here.now)
    assert card is not None
    assert [grant.reason for grant in card.grants] == ["locked out"]
    with pytest.raises(Conflict) as caught:
        here.unit(bootstrap)
    assert caught.value.detail == (
        "This subject holds the administrator role already. If it is blocked, unblock it first."
    )
