"""Refusals in the audit: a row for each of a known caller, counts for anonymous clients; the response stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.core.audit import AuditKind
from app.core.errors import StorageUnavailable
from app.core.refusal_counts import MANY, MAX_KEYS, MAX_ROWS
from db import verify_chain
from remote_api.background_writer import MAX_SUBJECTS
from tests.remote_api.world import ApiWorld

USAGE = "/api/v1/reports/usage"


def test_a_denial_is_one_row(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    answer = world.call(USAGE, signed_in.token, environ_overrides={"REMOTE_ADDR": "203.0.113.9"})
    (event,) = world.events("api:endpoint:deny")
    assert event["actor"] == str(signed_in.subject)
    assert event["target"] == "GET /api/v1/reports/usage"
    assert (event["outcome"], event["reason"], event["address"]) == ("refused", "not-granted", "203.0.113.9")
    assert event["correlation_id"] == answer.headers["X-Correlation-ID"]
    assert event["details"]["permission"] == "read:reports"
    assert signed_in.token not in str(event)


def test_a_blocked_persons_denial_is_one_row_and_names_the_route_not_the_path(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    world.block(signed_in.subject)
    world.call("/api/v1/me/sessions/some-session", signed_in.token, method="DELETE")
    (event,) = world.events("api:endpoint:deny")
    assert (event["target"], event["reason"]) == ("DELETE /api/v1/me/sessions/<ref>", "blocked")


def test_refusals_of_anonymous_clients_are_counted_without_rows(world: ApiWorld) -> None:
    for _ in range(20):
        world.call(USAGE)
        world.call(USAGE, "garbage")
    world.call(USAGE, "garbage", environ_overrides={"REMOTE_ADDR": "203.0.113.9"})
    assert not world.events()
    world.background_writer.flush()
    counted = {(event["kind"], event["reason"], event["address"]): event["details"] for event in world.events()}
    # A minute may have turned in between; the sum of it is what counts.
    assert {key[0] for key in counted} == {AuditKind.BEARER_REFUSE, AuditKind.ENDPOINT_DENY}
    assert sum(event["details"]["count"] for event in world.events("api:token:refuse")) == 21
    assert sum(event["details"]["count"] for event in world.events("api:endpoint:deny")) == 20
    assert {event["address"] for event in world.events("api:token:refuse")} == {"127.0.0.1", "203.0.113.9"}
    world.background_writer.flush()
    assert len(world.events()) == len(counted)
    assert verify_chain(world.database).good


def test_anonymous_clients_cannot_fill_the_memory(world: ApiWorld) -> None:
    for number in range(MAX_KEYS + 1050):
        world.background_writer.refused(AuditKind.BEARER_REFUSE, "token-invalid", f"address {number}")
    for number in range(MAX_SUBJECTS + 50):
        world.background_writer.add_subject(world.subject(f"auth0|{number}"), machine=False)
    assert world.background_writer.refusals.waiting() <= MAX_ROWS
    assert len(world.background_writer._subjects) <= MAX_SUBJECTS
    world.background_writer.flush()
    assert any(event["address"] == MANY for event in world.events())
    assert sum(event["details"]["count"] for event in world.events()) == MAX_KEYS + 1050


class ReadOnly:
    """The database, with nothing to be written for now."""

    def __init__(self, world: ApiWorld) -> None:
        self._world = world
        self.down = True

    @property
    def read(self) -> Any:
        return self._world.database.read

    def unit_of_work(self) -> Any:
        if self.down:
            raise StorageUnavailable
        return self._world.database.unit_of_work()


def test_a_refusal_that_is_not_recorded_is_still_a_refusal(world: ApiWorld, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in = world.sign_in()
    world.app = world.make_app(ReadOnly(world))
    assert world.call(USAGE, signed_in.token).status_code == 403
    assert "could not be recorded" in "".join(capsys.readouterr())


def test_counts_wait_until_storage_answers_again(make_world: Callable[..., ApiWorld]) -> None:
    world = make_world()
    storage = ReadOnly(world)
    world.app = world.make_app(storage)
    world.call(USAGE, "garbage")
    world.background_writer.flush()
    assert not world.events()
    storage.down = False
    world.background_writer.flush()
    (event,) = world.events("api:token:refuse")
    assert event["details"]["count"] == 1
