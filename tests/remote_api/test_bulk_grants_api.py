"""Bulk changes of grants over the API: one result for each person."""

from __future__ import annotations

from typing import Any

import pytest

from tests.remote_api.administration import (
    bulk,
    card,
    granter,
    number_of,
    outcomes,
    sync_token_rights,
)
from tests.remote_api.world import ApiWorld, Caller


def test_a_bulk_revocation_withholds_automatic_grants_by_default(world: ApiWorld, admin: Caller, bob: int) -> None:
    sync_token_rights(world, "viewer")
    world.grant(world.subject("auth0|bob"), role="viewer")
    assert outcomes(bulk(admin, [bob], action="revoke", role="viewer", automatic=False)) == [(bob, "done", None)]
    assert card(admin, bob)["roles"] == ["viewer"]
    assert outcomes(bulk(admin, [bob], action="revoke", role="viewer", automatic=False)) == [(bob, "unchanged", None)]
    assert outcomes(bulk(admin, [bob], action="revoke", role="viewer")) == [(bob, "done", None)]
    assert (card(admin, bob)["roles"], len(card(admin, bob)["withheld"])) == ([], 1)


def test_each_person_of_a_bulk_change_has_a_result(world: ApiWorld, admin: Caller, bob: int) -> None:
    world.person("auth0|eve", roles=("viewer",))
    eve, me = number_of(admin, "auth0|eve"), number_of(admin, "auth0|root")
    granted = bulk(admin, [bob, 999, eve, me, bob], role="viewer")
    assert outcomes(granted) == [
        (bob, "done", None),
        (999, "refused", "not-found"),
        (eve, "unchanged", None),
        (me, "refused", "self-grant"),
    ]
    assert granted.json["results"][1]["problem"]["detail"] == "There is no such person."
    revoked = bulk(admin, [bob, eve, me, 999], action="revoke", role="viewer")
    assert outcomes(revoked) == [
        (bob, "done", None),
        (eve, "done", None),
        (me, "unchanged", None),
        (999, "refused", "not-found"),
    ]
    assert len(world.events("policy:grant:add")) == 1
    assert len(world.events("policy:grant:revoke")) == 2


def test_a_bulk_change_keeps_the_last_administrator(world: ApiWorld, admin: Caller) -> None:
    me = number_of(admin, "auth0|root")
    assert outcomes(bulk(admin, [me], action="revoke", role="administrator")) == [(me, "refused", "last-administrator")]


def test_a_bulk_change_takes_at_most_two_hundred_ids(world: ApiWorld, admin: Caller) -> None:
    with world.database.unit_of_work() as unit:
        for number in range(200):
            unit.record_subject(world.subject(f"auth0|{number}"), world.clock(), machine=False)
        unit.commit()
    numbers = [row["id"] for row in admin.get("/people", limit=200, without_roles="true").json["people"]]
    assert len(numbers) == 200
    assert {outcome for _, outcome, _ in outcomes(bulk(admin, numbers, role="viewer"))} == {"done"}
    for people in ([*numbers, 1], [], ["1"], [1.5], [True], [None], [0], [-1], [2**63], "1", {"1": 1}):
        answer = bulk(admin, people, role="viewer")  # type: ignore[arg-type] # some are no lists at all
        assert (answer.status_code, answer.json["code"]) == (422, "invalid-input"), people


@pytest.mark.parametrize(
    "body",
    [
        {"role": "viewer", "permission": "read:reports"},
        {},
        {"role": "viewer", "action": "delete"},
        {"role": "viewer", "action": "revoke", "until": "2099-01-01T00:00:00Z"},
        {"role": "viewer", "all_people": True},
    ],
)
def test_invalid_bulk_changes_are_refused(admin: Caller, body: dict[str, Any]) -> None:
    answer = bulk(admin, [1], **body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")


def test_a_permission_lost_in_the_middle_stops_a_bulk_change(
    world: ApiWorld, admin: Caller, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = granter(world, "read:reports")
    world.person("auth0|eve")
    eve = number_of(admin, "auth0|eve")
    opened, calls = world.database.unit_of_work, []

    def revoke_before_the_second() -> Any:
        calls.append(1)
        if len(calls) == 2:
            monkeypatch.undo()
            world.revoke(actor.signed_in.subject, permission="manage:grants")
        return opened()

    monkeypatch.setattr(world.database, "unit_of_work", revoke_before_the_second)
    answer = bulk(actor, [bob, eve], permission="read:reports")
    assert outcomes(answer) == [(bob, "done", None), (eve, "refused", "permission-denied")]
