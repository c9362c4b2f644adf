"""The typed calls of administration: each operation of the API literally, and the permission each one asks for."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import services as composition
from app import testing
from app.admin.api import audit as audit_api
from app.admin.api import grants as grants_api
from app.admin.api import installation as installation_api
from app.admin.api import mappings as mappings_api
from app.admin.api import people as people_api
from app.admin.api import roles as roles_api
from app.admin.api import sessions as sessions_api
from app.admin.api.grants import What
from app.core.directory import PeopleSort, PersonState
from app.core.errors import ApiUnavailable, ChangeUnconfirmed, PermissionDenied, ServiceUnavailable
from app.runtime import session_binding
from app.services import Services
from tests.stub_api import FAULTS, Given, StubApi, Wanted, json_of

MODULES = ("audit", "grants", "installation", "mappings", "people", "roles", "sessions")
SINCE = "2026-01-31T12:00:00+00:00"
PERSON: dict[str, Any] = {
    "id": 7, "subject": {"issuer": "https://i/", "subject": "auth0|7"}, "name": "Bo", "email": "bo@x.example",
    "email_verified": True, "picture": "", "state": "active", "machine": False, "first_seen_at": SINCE,
    "last_seen_at": SINCE, "roles": ["viewer"],
}  # fmt: skip
CARD = {
    **PERSON,
    "grants": [
        {
            "id": 3, "role": "viewer", "permission": None, "source": "admin", "automatic": False, "by": "a at i",
            "since": SINCE, "until": None, "reason": "joined",
        }
    ],
    "withheld": [
        {
            "id": 5, "role": None, "permission": "explore:api", "by": "a at i", "since": SINCE, "reason": "left",
            "from_token": True, "from_default_role": False,
        }
    ],
    "permissions": [{"name": "read:reports", "sentence": "See the usage report.", "grants": [3]}],
    "token_roles": [{"name": "Viewer", "roles": []}], "counts_as_administrator": False, "version": "v1",
}  # fmt: skip
AROUND = {"next": None, "total": 1, "total_capped": False}
ROLE = {
    "id": 4, "name": "viewer", "description": "Reads", "built_in": True, "version": "r1", "permissions": 1,
    "people": 2, "people_capped": False,
}  # fmt: skip
ROLE_CARD = {**ROLE, "permissions": ["read:reports"], "token_roles": ["Viewer"]}
REVIEW = {
    "added": ["a:b"], "removed": [], "people": 2, "people_capped": False, "gain": {"a:b": 2}, "lose": {},
    "other_roles": {"a:b": ["viewer"]}, "sessions": 1,
}  # fmt: skip
MAPPING = {"token_role": "Viewer", "roles": [{"id": 4, "name": "viewer"}], "people": 2, "version": "m1"}
SESSION = {
    "ref": "r/1", "person": {"id": 7, "name": "Bo", "subject": PERSON["subject"]}, "since": SINCE,
    "last_seen_at": SINCE, "expires_at": SINCE, "browser": "x", "address": "::1", "page": "/csv", "current": False,
}  # fmt: skip
EVENT = {
    "seq": 9, "at": SINCE, "kind": "policy:grant:add", "sentence": "A gave B a role.", "outcome": "done", "actor": "a",
    "target": "b", "reason": "r", "correlation_id": "c", "address": "", "details": {"role": "viewer"},
}  # fmt: skip
STATISTICS = {
    "people": 1, "machines": 0, "sessions": 1, "roles": 5,
    "days": [{"day": "2026-01-31", "sign_ins": 1, "denials": 0, "page_views": {"/": 1}}],
    "attention": {
        "unused_roles": [], "permissions_held_by_nobody": ["a:b"], "permissions_asked_nowhere": [],
        "unmapped_token_roles": [], "people_without_roles": 0, "blocked_people": 0, "administrators": 1,
    },
}  # fmt: skip
GUARD = {
    "kind": "page", "name": "/csv", "permission": "explore:files", "file": "pages/csv_explorer.py", "line": 1,
    "process": "app", "version": "1", "published_at": SINCE,
}  # fmt: skip
WHAT = What("role", "viewer")
UNTIL = datetime(2026, 2, 1, tzinfo=UTC)
NOTHING = Given(204)


def call(name: str, /, *args: object, **kwargs: object) -> Callable[[], object]:
    module, _, function = name.partition(".")
    return lambda: getattr(importlib.import_module(f"app.admin.api.{module}"), function)(*args, **kwargs)


# call → permission, what is answered, and literally what is sent: method, path, query, body, If-Match
CALLS: dict[str, tuple[Callable[[], object], str, Given, tuple[str, str, dict[str, list[str]], object, str | None]]] = {
    "people.people": (
        call(
            "people.people",
            people_api.Asked("bo", PersonState.ACTIVE, "viewer", True, False, PeopleSort.LAST_SEEN),
            cursor="c", limit=9,
        ),
        "read:people", json_of({"people": [PERSON], **AROUND}),
        ("GET", "/people", {
            "q": ["bo"], "state": ["active"], "role": ["viewer"], "without_roles": ["true"], "machine": ["false"],
            "sort": ["-last_seen_at"], "cursor": ["c"], "limit": ["9"],
        }, None, None),
    ),
    "people.person": (
        call("people.person", 7), "read:people", json_of(CARD), ("GET", "/people/7", {}, None, None),
    ),
    "people.add_person": (
        call("people.add_person", "auth0|7", issuer="https://i/", reason="r"), "manage:grants", json_of(PERSON, 201),
        ("POST", "/people", {}, {"subject": "auth0|7", "issuer": "https://i/", "reason": "r"}, None),
    ),
    "people.set_blocked": (
        call("people.set_blocked", 7, blocked=True, reason="r", version="v1"), "block:people",
        json_of({"blocked": True, "sessions_ended": 2}),
        ("PUT", "/people/7/block", {}, {"blocked": True, "reason": "r"}, "v1"),
    ),
    "people.erase": (
        call("people.erase", 7, reason="r", version="v1"), "erase:people", NOTHING,
        ("POST", "/people/7/erasure", {}, {"reason": "r"}, "v1"),
    ),
    "grants.add_grant": (
        call("grants.add_grant", 7, WHAT, until=UNTIL, reason="r", version="v1"), "manage:grants", json_of(CARD, 201),
        ("POST", "/people/7/grants", {}, {"role": "viewer", "reason": "r", "until": "2026-02-01T00:00:00+00:00"}, "v1"),
    ),
    "grants.revoke_grant": (
        call("grants.revoke_grant", 7, 3, reason="why not?", version="v1"), "manage:grants", json_of(CARD),
        ("DELETE", "/people/7/grants/3", {"reason": ["why not?"]}, None, "v1"),
    ),
    "grants.release_withheld": (
        call("grants.release_withheld", 7, 5, reason="back", version="v1"), "manage:grants", json_of(CARD),
        ("DELETE", "/people/7/withheld/5", {"reason": ["back"]}, None, "v1"),
    ),
    "grants.grant_to_many": (
        call("grants.grant_to_many", [7, 8], What("permission", "read:reports"), reason="r"), "manage:grants",
        json_of({"results": [{"person": 7, "outcome": "done", "problem": None},
                             {"person": 8, "outcome": "refused", "problem": {"code": "self-grant", "title": "No"}}]}),
        ("POST", "/grants/bulk", {},
         {"action": "grant", "permission": "read:reports", "people": [7, 8], "reason": "r"}, None),
    ),
    "grants.revoke_from_many": (
        call("grants.revoke_from_many", [7], WHAT, reason="r"), "manage:grants", json_of({"results": []}),
        ("POST", "/grants/bulk", {},
         {"action": "revoke", "role": "viewer", "people": [7], "automatic": True, "reason": "r"}, None),
    ),
    "roles.roles": (
        call("roles.roles", "vi"), "read:roles", json_of({"roles": [ROLE], **AROUND}),
        ("GET", "/roles", {"q": ["vi"], "limit": ["50"]}, None, None),
    ),
    "roles.role": (call("roles.role", 4), "read:roles", json_of(ROLE_CARD), ("GET", "/roles/4", {}, None, None)),
    "roles.permissions_of_roles": (
        call("roles.permissions_of_roles", [4, 5]), "read:roles", json_of({"roles": {"4": ["a:b"], "5": []}}),
        ("GET", "/roles/permissions", {"role": ["4", "5"]}, None, None),
    ),
    "roles.catalogue": (
        call("roles.catalogue"), "read:roles",
        json_of({"permissions": [{
            "name": "a:b", "sentence": "A b.", "resource": "b", "by_scope": False, "step_up": {"max_age_seconds": 9},
            "roles": 1, "people": 0,
        }], **AROUND}),
        ("GET", "/permissions", {"limit": ["50"]}, None, None),
    ),
    "roles.review_role": (
        call("roles.review_role", 4, {"b:c", "a:b"}), "read:roles", json_of(REVIEW),
        ("POST", "/roles/4/review", {}, {"permissions": ["a:b", "b:c"]}, None),
    ),
    "roles.create_role": (
        call("roles.create_role", "x", description="d", permissions=["a:b"], reason="r"), "manage:roles",
        json_of(ROLE_CARD, 201),
        ("POST", "/roles", {}, {"name": "x", "description": "d", "permissions": ["a:b"], "reason": "r"}, None),
    ),
    "roles.update_role": (
        call("roles.update_role", 4, name="x", description="d", permissions=[], reason="r", version="r1"),
        "manage:roles", json_of(ROLE_CARD),
        ("PUT", "/roles/4", {}, {"name": "x", "description": "d", "permissions": [], "reason": "r"}, "r1"),
    ),
    "roles.delete_role": (
        call("roles.delete_role", 4, move_to=5, reason="r", version="r1"), "manage:roles", json_of({"moved": 2}),
        ("DELETE", "/roles/4", {"move_to": ["5"], "reason": ["r"]}, None, "r1"),
    ),
    "mappings.mappings": (
        call("mappings.mappings", unmapped=True), "read:mappings", json_of({"mappings": [MAPPING], **AROUND}),
        ("GET", "/mappings", {"unmapped": ["true"], "limit": ["50"]}, None, None),
    ),
    "mappings.set_mapping": (
        call("mappings.set_mapping", "Viewer", {5, 4}, reason="r", version="m1"), "manage:mappings",
        json_of({"mapping": MAPPING, "people_changed": 2}),
        ("PUT", "/mappings", {}, {"token_role": "Viewer", "roles": [4, 5], "reason": "r"}, "m1"),
    ),
    "sessions.sessions": (
        call("sessions.sessions", person_id=7), "read:sessions", json_of({"sessions": [SESSION], **AROUND}),
        ("GET", "/sessions", {"person": ["7"], "limit": ["25"]}, None, None),
    ),
    "sessions.sessions_of": (
        call("sessions.sessions_of", 7), "read:sessions", json_of({"sessions": [SESSION]}),
        ("GET", "/people/7/sessions", {}, None, None),
    ),
    "sessions.end_session": (
        call("sessions.end_session", "r/1", reason="r"), "end:sessions", NOTHING,
        ("DELETE", "/sessions/r%2F1", {"reason": ["r"]}, None, None),
    ),
    "sessions.end_sessions_of": (
        call("sessions.end_sessions_of", 7, reason="r"), "end:sessions", json_of({"ended": 2}),
        ("DELETE", "/people/7/sessions", {"reason": ["r"]}, None, None),
    ),
    "audit.events": (
        call("audit.events", audit_api.Asked("n", "a", "t", ("k1", "k2"), "done", UNTIL, UNTIL)), "read:audit",
        json_of({"events": [EVENT], **AROUND}),
        ("GET", "/audit", {
            "name": ["n"], "actor": ["a"], "target": ["t"], "kind": ["k1", "k2"], "outcome": ["done"],
            "since": ["2026-02-01T00:00:00+00:00"], "until": ["2026-02-01T00:00:00+00:00"], "limit": ["50"],
        }, None, None),
    ),
    "audit.event": (call("audit.event", 9), "read:audit", json_of(EVENT), ("GET", "/audit/9", {}, None, None)),
    "audit.kinds": (
        call("audit.kinds"), "read:audit", json_of({"kinds": [{"kind": "k", "sentence": "s"}]}),
        ("GET", "/audit/kinds", {}, None, None),
    ),
    "audit.chain_head": (
        call("audit.chain_head"), "read:audit",
        json_of({"seq": 9, "last_at": SINCE, "sealed": True, "boundary_seq": 0}),
        ("GET", "/audit/chain", {}, None, None),
    ),
    "audit.verify_chain": (
        call("audit.verify_chain"), "read:audit",
        json_of({"verified": True, "good": True, "events": 9, "problems": []}),
        ("GET", "/audit/chain", {"full": ["true"]}, None, None),
    ),
    "audit.export": (
        call("audit.export", audit_api.Asked("n"), io.BytesIO(), form="csv"), "export:audit",
        Given(200, b"seq\n", {"Content-Type": "text/csv; charset=utf-8"}),
        ("GET", "/audit/export", {"name": ["n"], "format": ["csv"]}, None, None),
    ),
    "installation.statistics": (
        call("installation.statistics", 7), "read:statistics", json_of(STATISTICS),
        ("GET", "/statistics", {"days": ["7"]}, None, None),
    ),
    "installation.guards": (
        call("installation.guards"), "read:guards", json_of({"guards": [GUARD]}), ("GET", "/guards", {}, None, None),
    ),
}  # fmt: skip


def guarded_calls() -> dict[str, str]:
    """Every guarded function of the modules of calls, and what it asks for."""
    found = {}
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"app.admin.api.{module}")).items():
            if hasattr(value, "required_permission") and value.__module__ == f"app.admin.api.{module}":
                found[f"{module}.{name}"] = str(value.required_permission)
    return found


def test_every_call_stands_here_with_its_permission() -> None:
    assert guarded_calls() == {name: permission for name, (_, permission, _, _) in CALLS.items()}


def test_nothing_else_in_these_modules_reaches_the_api() -> None:
    for module in MODULES:
        functions = [
            name
            for name, value in vars(importlib.import_module(f"app.admin.api.{module}")).items()
            if callable(value)
            and not isinstance(value, type)
            and getattr(value, "__module__", "") == f"app.admin.api.{module}"
            and not hasattr(value, "required_permission")
        ]
        assert set(functions) <= {"card_of", "_until", "_filters"}, module


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[StubApi, Services]]:
    with StubApi() as started, testing.gatehouse(testing.settings(remote_api_base_url=started.url)) as built:
        yield started, built


@pytest.fixture
def stub(served: tuple[StubApi, Services]) -> StubApi:
    stub, built = served
    composition.install(built)  # another module's tests may have come in between
    stub.answers.clear()
    stub.asked.clear()
    return stub


Run = Callable[[Callable[[], object]], object]


@pytest.fixture
def run_as(served: tuple[StubApi, Services], stub: StubApi) -> Callable[..., Run]:
    """Runs something as somebody with these roles and permissions, whose second factor is fresh."""

    def make(*, roles: tuple[str, ...] = (), permissions: tuple[str, ...] = ()) -> Run:
        at = AppTest.from_string("")
        who = testing.sign_in_as(at, roles=roles, permissions=permissions)
        with served[1].storage.engine.begin() as connection:  # type: ignore[attr-defined]
            connection.execute(text("UPDATE sessions SET amr = 'mfa pwd'"))

        def run(do: Callable[[], object]) -> object:
            with session_binding._bound_to(session_binding.Binding(str(at.user["sid"]), who)):
                return do()

        return run

    return make


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_sends_and_understands(stub: StubApi, run_as: Callable[..., Run], name: str) -> None:
    do, permission, given, (method, path, query, body, version) = CALLS[name]
    stub.otherwise = given
    assert run_as(permissions=(permission,))(do) is not None or given is NOTHING
    (wanted,) = stub.asked
    assert (wanted.method, wanted.path, wanted.query) == (method, f"/api/v1{path}", query)
    assert (wanted.json() if wanted.content else None) == body
    assert wanted.headers.get("if-match") == (f'"{version}"' if version else None)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_goes_nowhere_without_its_permission(stub: StubApi, run_as: Callable[..., Run], name: str) -> None:
    do, permission, _, _ = CALLS[name]
    others = tuple(sorted({asked for _, asked, _, _ in CALLS.values()} - {permission}))
    with pytest.raises(PermissionDenied) as raised:
        run_as(permissions=others)(do)
    assert raised.value.permission == permission
    assert stub.asked == []


@pytest.mark.parametrize("fault", ["html", "list", "empty", "other shape", "cut", "redirect"])
@pytest.mark.parametrize("name", CALLS)
def test_what_is_not_as_agreed_is_no_answer(stub: StubApi, run_as: Callable[..., Run], name: str, fault: str) -> None:
    do, _, given, (method, *_) = CALLS[name]
    if given is NOTHING and fault == "empty":
        return
    changes = method != "GET" and name != "roles.review_role"
    stub.otherwise = FAULTS[fault]
    with pytest.raises(ServiceUnavailable) as raised:
        run_as(roles=("administrator",))(do)
    # A proxy that redirects has not passed the change on.
    assert raised.type is (ChangeUnconfirmed if changes and fault != "redirect" else ApiUnavailable)


def test_members_that_are_new_are_passed_over(stub: StubApi, run_as: Callable[..., Run]) -> None:
    stub.otherwise = json_of({**CARD, "shoe_size": 43})
    card = run_as(roles=("administrator",))(lambda: people_api.person(7))
    assert isinstance(card, people_api.Card)
    assert card.grants[0].since == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert (card.shown_name, card.audit_name) == ("Bo", "auth0|7 at https://i/")


def test_whether_it_was_new_is_told(stub: StubApi, run_as: Callable[..., Run]) -> None:
    run = run_as(roles=("administrator",))
    for status, new in ((201, True), (200, False)):
        stub.otherwise = json_of(CARD, status)
        given = run(lambda: grants_api.add_grant(7, WHAT, reason="r", version="v1"))
        assert isinstance(given, tuple)
        assert given[1] is new


def test_no_answer_is_shared_between_people(stub: StubApi, run_as: Callable[..., Run]) -> None:
    """Nothing is cached: each call asks, with the token of whoever asks."""
    seen: list[str] = []

    def answer(wanted: Wanted) -> Given:
        seen.append(wanted.headers["authorization"])
        return json_of({"roles": [ROLE], **AROUND})

    stub.answers["GET", "/api/v1/roles"] = answer
    for _ in range(2):
        run_as(roles=("administrator",))(roles_api.roles)
    assert len(set(seen)) == 2


def test_the_modules_are_all_of_them() -> None:
    assert {module.__name__.rpartition(".")[2] for module in (
        audit_api, grants_api, installation_api, mappings_api, people_api, roles_api, sessions_api,
    )} == set(MODULES)  # fmt: skip
