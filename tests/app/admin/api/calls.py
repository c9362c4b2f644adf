"""The table of calls: for each call of ``app.admin.api`` its permission, a response, and the exact request."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app.admin.api.grants import Grantable
from app.core.administration_records import PeopleQuery, PeopleSort, PersonState, Through
from app.core.audit_rows import AuditQuery, AuditSort
from app.core.list_orders import MappingSort, RoleSort, SessionSort
from app.core.policy import Source
from tests.stub_api import StubResponse, json_of

Run = Callable[[Callable[[], object]], object]
"""Runs a function as a signed-in user."""
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
            "by_name": "Ann", "since": SINCE, "until": None, "reason": "joined",
        }
    ],
    "withheld": [
        {
            "id": 5, "role": None, "permission": "explore:api", "by": "a at i", "by_name": "Ann", "since": SINCE,
            "reason": "left",
            "from_token": True, "from_default_role": False,
        }
    ],
    "permissions": [{"name": "read:reports", "sentence": "See the usage report.", "grants": [3]}],
    "token_roles": [{"name": "Viewer", "roles": []}], "counts_as_administrator": False, "version": "v1",
}  # fmt: skip
LIST_FIELDS = {"next": None, "total": 1, "total_capped": False}
ROLE = {
    "id": 4, "name": "viewer", "description": "Reads", "built_in": True, "version": "r1", "permissions": 1,
    "people": 2, "people_capped": False,
}  # fmt: skip
ROLE_CARD = {**ROLE, "permissions": ["read:reports"], "token_roles": ["Viewer"]}
REVIEW = {
    "added": ["a:b"], "removed": [], "people": 2, "people_capped": False, "gain": {"a:b": 2}, "lose": {},
    "other_roles": {"a:b": ["viewer"]}, "sessions": 1,
}  # fmt: skip
MAPPING = {
    "token_role": "Viewer", "roles": [{"id": 4, "name": "viewer"}], "own_name": False, "people": 2, "version": "m1",
}  # fmt: skip
SESSION = {
    "ref": "r/1", "person": {"id": 7, "name": "Bo", "subject": PERSON["subject"]}, "since": SINCE,
    "last_seen_at": SINCE, "expires_at": SINCE, "browser": "x", "address": "::1", "page": "/csv", "current": False,
}  # fmt: skip
EVENT = {
    "seq": 9, "at": SINCE, "kind": "policy:grant:add", "sentence": "A granted a role.", "outcome": "done", "actor": "a",
    "actor_name": "A", "target": "b", "target_name": "", "reason": "r", "correlation_id": "c", "address": "",
    "details": {"role": "viewer"},
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
CHAIN = {
    "seq": 9, "last_at": SINCE, "sealed": True, "boundary_seq": 0, "verified": False, "good": None, "events": None,
    "problems": [],
}  # fmt: skip
VIEWER_ROLE = Grantable("role", "viewer")
UNTIL = datetime(2026, 2, 1, tzinfo=UTC)
NO_CONTENT = StubResponse(204)


def call(name: str, /, *args: object, **kwargs: object) -> Callable[[], object]:
    module, _, function = name.partition(".")
    return lambda: getattr(importlib.import_module(f"app.admin.api.{module}"), function)(*args, **kwargs)


# call → permission, response, and the exact request: method, path, query, body, If-Match
CALLS: dict[
    str, tuple[Callable[[], object], str, StubResponse, tuple[str, str, dict[str, list[str]], object, str | None]]
] = {
    "people.people": (
        call(
            "people.people",
            PeopleQuery(
                "bo", PersonState.ACTIVE, "viewer", without_roles=True, machine=False, permission="a:b",
                through=Through.DIRECT, source=Source.TOKEN, seen_after=UNTIL, seen_before=UNTIL,
                sort=PeopleSort.LAST_SEEN,
            ),
            cursor="c", limit=9,
        ),
        "read:people", json_of({"people": [PERSON], **LIST_FIELDS}),
        ("GET", "/people", {
            "q": ["bo"], "state": ["active"], "role": ["viewer"], "without_roles": ["true"], "machine": ["false"],
            "permission": ["a:b"], "through": ["direct"], "source": ["token"],
            "seen_after": ["2026-02-01T00:00:00+00:00"], "seen_before": ["2026-02-01T00:00:00+00:00"],
            "sort": ["-last_seen_at"], "cursor": ["c"], "limit": ["9"],
        }, None, None),
    ),
    "people.person": (
        call("people.person", 7), "read:people", json_of(CARD), ("GET", "/people/7", {}, None, None),
    ),
    "people.add_person": (
        call("people.add_person", "auth0|7", issuer="https://i/", reason="r"), "manage:grants", json_of(CARD, 201),
        ("POST", "/people", {}, {"subject": "auth0|7", "issuer": "https://i/", "reason": "r"}, None),
    ),
    "people.set_blocked": (
        call("people.set_blocked", 7, blocked=True, reason="r", version="v1"), "block:people",
        json_of({"blocked": True, "sessions_ended": 2}),
        ("PUT", "/people/7/block", {}, {"blocked": True, "reason": "r"}, "v1"),
    ),
    "people.erase": (
        call("people.erase", 7, reason="r", version="v1"), "erase:people", NO_CONTENT,
        ("POST", "/people/7/erasure", {}, {"reason": "r"}, "v1"),
    ),
    "grants.add_grant": (
        call("grants.add_grant", 7, VIEWER_ROLE, expires_at=UNTIL, reason="r", version="v1"), "manage:grants",
        json_of(CARD, 201),
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
        call("grants.grant_to_many", [7, 8], Grantable("permission", "read:reports"), reason="r"), "manage:grants",
        json_of({"results": [{"person": 7, "outcome": "done", "problem": None},
                             {"person": 8, "outcome": "refused",
                              "problem": {"code": "self-grant", "title": "No", "detail": ""}}]}),
        ("POST", "/grants/bulk", {},
         {"action": "grant", "permission": "read:reports", "people": [7, 8], "reason": "r"}, None),
    ),
    "grants.revoke_from_many": (
        call("grants.revoke_from_many", [7], VIEWER_ROLE, reason="r"), "manage:grants", json_of({"results": []}),
        ("POST", "/grants/bulk", {},
         {"action": "revoke", "role": "viewer", "people": [7], "automatic": True, "reason": "r"}, None),
    ),
    "roles.roles": (
        call("roles.roles", "vi", sort=RoleSort.PEOPLE_DESCENDING), "read:roles",
        json_of({"roles": [ROLE], **LIST_FIELDS}),
        ("GET", "/roles", {"q": ["vi"], "sort": ["-people"], "limit": ["50"]}, None, None),
    ),
    "roles.role": (call("roles.role", 4), "read:roles", json_of(ROLE_CARD), ("GET", "/roles/4", {}, None, None)),
    "roles.permissions_of_roles": (
        call("roles.permissions_of_roles", [4, 5]), "read:roles", json_of({"roles": {"4": ["a:b"], "5": []}}),
        ("GET", "/roles/permissions", {"role": ["4", "5"]}, None, None),
    ),
    "roles.catalogue": (
        call("roles.catalogue"), "read:roles",
        json_of({"permissions": [{
            "name": "a:b", "sentence": "A b.", "resource": "b", "by_scope": False,
            "step_up": {"max_age": 9, "acr_values": None}, "roles": 1, "people": 0,
            "people_capped": False, "direct_people": 0,
        }], **LIST_FIELDS}),
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
        call("mappings.mappings", unmapped=True, sort=MappingSort.PEOPLE_DESCENDING), "read:mappings",
        json_of({"mappings": [MAPPING], **LIST_FIELDS}),
        ("GET", "/mappings", {"unmapped": ["true"], "sort": ["-people"], "limit": ["50"]}, None, None),
    ),
    "mappings.set_mapping": (
        call("mappings.set_mapping", "Viewer", {5, 4}, reason="r", version="m1"), "manage:mappings",
        json_of({"mapping": MAPPING, "people_changed": 2}),
        ("PUT", "/mappings", {}, {"token_role": "Viewer", "roles": [4, 5], "reason": "r"}, "m1"),
    ),
    "sessions.sessions": (
        call("sessions.sessions", "bo", person_id=7, sort=SessionSort.SINCE), "read:sessions",
        json_of({"sessions": [SESSION], **LIST_FIELDS}),
        ("GET", "/sessions", {"q": ["bo"], "person": ["7"], "sort": ["since"], "limit": ["25"]}, None, None),
    ),
    "sessions.sessions_of": (
        call("sessions.sessions_of", 7), "read:sessions", json_of({"sessions": [SESSION]}),
        ("GET", "/people/7/sessions", {}, None, None),
    ),
    "sessions.end_session": (
        call("sessions.end_session", "r/1", reason="r"), "end:sessions", NO_CONTENT,
        ("DELETE", "/sessions/r%2F1", {"reason": ["r"]}, None, None),
    ),
    "sessions.end_sessions_of": (
        call("sessions.end_sessions_of", 7, reason="r"), "end:sessions", json_of({"ended": 2}),
        ("DELETE", "/people/7/sessions", {"reason": ["r"]}, None, None),
    ),
    "audit.events": (
        call("audit.events", AuditQuery("n", "a", "t", ("k1", "k2"), "done", UNTIL, UNTIL, AuditSort.OLDEST)),
        "read:audit",
        json_of({"events": [EVENT], **LIST_FIELDS}),
        ("GET", "/audit", {
            "name": ["n"], "actor": ["a"], "target": ["t"], "kind": ["k1", "k2"], "outcome": ["done"],
            "since": ["2026-02-01T00:00:00+00:00"], "until": ["2026-02-01T00:00:00+00:00"],
            "sort": ["at"], "limit": ["50"],
        }, None, None),
    ),
    "audit.event": (call("audit.event", 9), "read:audit", json_of(EVENT), ("GET", "/audit/9", {}, None, None)),
    "audit.kinds": (
        call("audit.kinds"), "read:audit", json_of({"kinds": [{"kind": "k", "sentence": "s"}]}),
        ("GET", "/audit/kinds", {}, None, None),
    ),
    "audit.chain_head": (
        call("audit.chain_head"), "read:audit",
        json_of(CHAIN),
        ("GET", "/audit/chain", {}, None, None),
    ),
    "audit.verify_chain": (
        call("audit.verify_chain"), "read:audit",
        json_of({**CHAIN, "verified": True, "good": True, "events": 9}),
        ("GET", "/audit/chain", {"full": ["true"]}, None, None),
    ),
    "audit.export": (
        call("audit.export", AuditQuery("n"), io.BytesIO(), file_format="csv"), "export:audit",
        StubResponse(200, b"seq\n", {"Content-Type": "text/csv; charset=utf-8"}),
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
