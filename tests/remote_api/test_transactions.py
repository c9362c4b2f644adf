"""A change that was kept is never answered as one that failed, whatever fails after its commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from app.core.errors import ChangeUnconfirmed, StorageUnavailable
from db.unit_of_work import BaseUnitOfWork
from db.write_lock import WriteLock
from remote_api import application
from tests.remote_api.administration import bulk, card, number_of, version
from tests.remote_api.test_roles_api import role_id
from tests.remote_api.world import ApiWorld, Caller, caller


@contextmanager
def gone_after_a_commit(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From the first commit on the database answers nothing but what units of work ask."""
    commit, acquire_read = BaseUnitOfWork.commit, WriteLock.acquire_read
    commits = []

    def commits_last(unit: BaseUnitOfWork) -> None:
        commit(unit)
        commits.append(unit)

    def reads_before(write_lock: WriteLock) -> None:
        if commits:
            raise StorageUnavailable("Gone.")
        acquire_read(write_lock)

    with monkeypatch.context() as patch:
        patch.setattr(BaseUnitOfWork, "commit", commits_last)
        patch.setattr(WriteLock, "acquire_read", reads_before)
        yield
    assert commits, "nothing was committed"


@pytest.fixture
def bob(world: ApiWorld, admin: Caller) -> int:
    """Has a grant of his own (viewer) and a session."""
    caller(world, "auth0|bob", "viewer")
    return number_of(admin, "auth0|bob")


Change = Callable[[Caller, int], Callable[[], Any]]
"""Asks for what the change needs, and returns the change itself."""


def _grant(admin: Caller, bob: int) -> Callable[[], Any]:
    at = version(admin, bob)
    return lambda: admin.send("POST", f"/people/{bob}/grants", {"role": "developer", "reason": "x"}, version=at)


def _revoke(admin: Caller, bob: int) -> Callable[[], Any]:
    at, grant = version(admin, bob), card(admin, bob)["grants"][0]["id"]
    return lambda: admin.send("DELETE", f"/people/{bob}/grants/{grant}", version=at, query={"reason": "x"})


def _add(admin: Caller, bob: int) -> Callable[[], Any]:
    return lambda: admin.send("POST", "/people", {"subject": "auth0|new", "reason": "x"})


def _block(admin: Caller, bob: int) -> Callable[[], Any]:
    at = version(admin, bob)
    return lambda: admin.send("PUT", f"/people/{bob}/block", {"blocked": True, "reason": "x"}, version=at)


def _create_role(admin: Caller, bob: int) -> Callable[[], Any]:
    body = {"name": "reporter", "description": "Reads.", "permissions": ["read:reports"], "reason": "x"}
    return lambda: admin.send("POST", "/roles", body)


def _update_role(admin: Caller, bob: int) -> Callable[[], Any]:
    role = role_id(admin, "viewer")
    was = admin.get(f"/roles/{role}")
    body = {name: was.json[name] for name in ("name", "description", "permissions")}
    body |= {"permissions": [*body["permissions"], "explore:api"], "reason": "x"}
    return lambda: admin.send("PUT", f"/roles/{role}", body, version=was.headers["ETag"])


def _end_sessions(admin: Caller, bob: int) -> Callable[[], Any]:
    return lambda: admin.send("DELETE", f"/people/{bob}/sessions", query={"reason": "x"})


@pytest.mark.parametrize(
    ("change", "status", "member", "value"),
    [
        (_grant, 201, "roles", ["developer", "viewer"]),
        (_revoke, 200, "roles", []),
        (_add, 201, "state", "pending"),
        (_block, 200, "sessions_ended", 1),
        (_create_role, 201, "permissions", ["read:reports"]),
        (_update_role, 200, "name", "viewer"),
        (_end_sessions, 200, "ended", 1),
    ],
)
def test_a_committed_change_is_answered_although_the_database_fails_afterwards(
    admin: Caller,
    bob: int,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    status: int,
    member: str,
    value: Any,
) -> None:
    send_change = change(admin, bob)
    with gone_after_a_commit(monkeypatch):
        answer = send_change()
    assert (answer.status_code, answer.json[member]) == (status, value)


def test_the_response_has_the_version_after_the_change(admin: Caller, bob: int) -> None:
    """The next change by it is accepted, so the answer shows what was kept."""
    send_change = _grant(admin, bob)
    answer = send_change()
    assert answer.headers["ETag"] == version(admin, bob)
    body = {"blocked": True, "reason": "x"}
    assert admin.send("PUT", f"/people/{bob}/block", body, version=answer.headers["ETag"]).status_code == 200


@pytest.mark.parametrize("failure", [StorageUnavailable("Gone."), ZeroDivisionError("ours")])
def test_a_failure_after_the_commit_never_reads_as_nothing_was_changed(
    world: ApiWorld, admin: Caller, bob: int, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    send_change = _block(admin, bob)

    def fails(*_: object, **__: object) -> NoReturn:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(application, "json_response", fails)
        answer = send_change()
    problem = json.loads(answer.data)
    assert (answer.status_code, problem["code"]) == (503, "change-unconfirmed")
    assert (
        problem["detail"]
        == "The change was stored, but its response failed. Check the current state before you try again."
    )
    assert "Retry-After" not in answer.headers
    assert card(admin, bob)["state"] == "blocked"
    with monkeypatch.context() as patch:
        patch.setattr(application, "json_response", fails)
        read = json.loads(admin.get(f"/people/{bob}").data)
    assert read["code"] in {"storage-unavailable", "internal"}, "a read has changed nothing"


@pytest.mark.parametrize(
    ("works", "error", "outcomes"),
    [
        (1, StorageUnavailable("Gone."), ["done", "refused", "refused"]),
        (1, ChangeUnconfirmed("Perhaps."), ["done", "unknown", "refused"]),
        (0, ChangeUnconfirmed("Perhaps."), ["unknown", "refused", "refused"]),
    ],
)
def test_each_person_of_a_failing_bulk_change_has_the_known_result(
    world: ApiWorld,
    admin: Caller,
    bob: int,
    monkeypatch: pytest.MonkeyPatch,
    works: int,
    error: Exception,
    outcomes: list[str],
) -> None:
    world.person("auth0|eve")
    world.person("auth0|zoe")
    people = [bob, number_of(admin, "auth0|eve"), number_of(admin, "auth0|zoe")]
    commit, commits = BaseUnitOfWork.commit, iter(range(10))

    def fails_later(unit: BaseUnitOfWork) -> None:
        if next(commits) >= works:
            raise error
        commit(unit)

    with monkeypatch.context() as patch:
        patch.setattr(BaseUnitOfWork, "commit", fails_later)
        answer = bulk(admin, people, role="developer")
    assert answer.status_code == 200
    results = answer.json["results"]
    assert [(result["person"], result["outcome"]) for result in results] == list(zip(people, outcomes, strict=True))
    assert results[2]["problem"]["detail"].startswith("Not tried: ")
    assert ["developer" in card(admin, person)["roles"] for person in people] == [works == 1, False, False]


@pytest.mark.parametrize("unchanged", [0, 1])
def test_a_bulk_call_fails_as_a_whole_if_nothing_was_changed(
    world: ApiWorld, admin: Caller, bob: int, monkeypatch: pytest.MonkeyPatch, unchanged: int
) -> None:
    """Also where the database fails only after some for whom there was nothing to change."""
    caller(world, "auth0|has-it", "developer")
    commit, commits = BaseUnitOfWork.commit, iter(range(10))

    def fails(unit: BaseUnitOfWork) -> None:
        if next(commits) >= unchanged:
            raise StorageUnavailable("Gone.")
        commit(unit)

    with monkeypatch.context() as patch:
        patch.setattr(BaseUnitOfWork, "commit", fails)
        answer = bulk(admin, [number_of(admin, "auth0|has-it")] * unchanged + [bob], role="developer")
    assert (answer.status_code, answer.json["code"]) == (503, "storage-unavailable")
    assert "Retry-After" in answer.headers
