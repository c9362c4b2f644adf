"""Literal responses of the remote API, for tests of pages whose API is a stub."""

from __future__ import annotations

from typing import Any

from app.core.permissions import CATALOGUE, ROLES, Permission
from tests.stub_api import RecordedRequest, StubApi, StubResponse, json_of

BASE = "/api/v1"
SINCE = "2026-01-31T12:00:00+00:00"
ISSUER = "https://tests.example/"


def person(number: int, name: str = "", **more: object) -> dict[str, Any]:
    """A person, as a list has them."""
    return {
        "id": number,
        "subject": {"issuer": ISSUER, "subject": f"auth0|{number}"},
        "name": name or f"Person {number}",
        "email": f"p{number}@x.example",
        "email_verified": True,
        "picture": "",
        "state": "active",
        "machine": False,
        "first_seen_at": SINCE,
        "last_seen_at": SINCE,
        "roles": ["viewer"],
        **more,
    }


def grant(number: int, role: str | None = "viewer", **more: object) -> dict[str, Any]:
    """A grant."""
    return {
        "id": number,
        "role": role,
        "permission": None,
        "source": "admin",
        "automatic": more.get("source") == "token",
        "by": "auth0|ada at https://tests.example/",
        "by_name": "Ada Okafor",
        "since": SINCE,
        "until": None,
        "reason": "joined",
        **more,
    }


def withheld(number: int, role: str | None = "developer", **more: object) -> dict[str, Any]:
    """A withheld role."""
    return {
        "id": number,
        "role": role,
        "permission": None,
        "by": "auth0|ada at https://tests.example/",
        "by_name": "Ada Okafor",
        "since": SINCE,
        "reason": "moved",
        "from_token": False,
        "from_default_role": True,
        **more,
    }


def card(number: int = 7, name: str = "Bruno Silva", version: str = "v1", **more: object) -> dict[str, Any]:
    """A person's card: a role granted by an administrator, a role of the provider, and a direct permission."""
    return {
        **person(number, name),
        "grants": [
            grant(3),
            grant(4, "analyst", source="token", by="", reason=""),
            grant(5, None, permission="explore:api", until="2027-01-31T00:00:00+00:00", reason="helps out"),
        ],
        "withheld": [withheld(8)],
        "permissions": [
            {"name": "read:reports", "sentence": Permission.READ_REPORTS.sentence, "grants": [3, 4]},
            {"name": "explore:files", "sentence": Permission.EXPLORE_FILES.sentence, "grants": [4]},
            {"name": "explore:api", "sentence": Permission.EXPLORE_API.sentence, "grants": [5]},
        ],
        "token_roles": [{"name": "Analyst", "roles": ["analyst"]}, {"name": "Astronaut", "roles": []}],
        "counts_as_administrator": False,
        "version": version,
        **more,
    }


def session(ref: str = "ref-1", number: int = 7, name: str = "Bruno Silva", **more: object) -> dict[str, Any]:
    """A live session."""
    return {
        "ref": ref,
        "person": {"id": number, "name": name, "subject": {"issuer": ISSUER, "subject": f"auth0|{number}"}},
        "since": SINCE,
        "last_seen_at": SINCE,
        "expires_at": SINCE,
        "browser": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0",
        "address": "203.0.113.7",
        "page": "/csv",
        "current": False,
        **more,
    }


def event(
    seq: int = 9, sentence: str = "Ada granted Bruno the role viewer, no expiry.", **more: object
) -> dict[str, Any]:
    """An audit event."""
    return {
        "seq": seq,
        "at": SINCE,
        "kind": "policy:grant:add",
        "sentence": sentence,
        "outcome": "done",
        "actor": "auth0|ada at https://tests.example/",
        "actor_name": "Ada Okafor",
        "target": "auth0|7 at https://tests.example/",
        "target_name": "Bruno Silva",
        "reason": "joined",
        "correlation_id": "c",
        "address": "",
        "details": {"role": "viewer"},
        **more,
    }


def statistics(**attention: object) -> dict[str, Any]:
    """The statistics of the installation."""
    days = [
        {"day": f"2026-01-{day:02}", "sign_ins": day % 7, "denials": day % 3, "page_views": {}} for day in range(1, 31)
    ]
    return {
        "people": 100_000,
        "machines": 12,
        "sessions": 1000,
        "roles": 6,
        "days": days,
        "attention": {
            "unused_roles": ["developer"],
            "permissions_held_by_nobody": ["erase:people"],
            "permissions_asked_nowhere": ["read:messages"],
            "unmapped_token_roles": ["Astronaut"],
            "people_without_roles": 1000,
            "blocked_people": 1,
            "administrators": 1,
            **attention,
        },
    }


def page(
    name: str, rows: list[dict[str, Any]], *, onwards: str | None = None, total: int | None = None
) -> StubResponse:
    """One page of a list."""
    count = len(rows) if total is None else total
    return json_of({name: rows, "next": onwards, "total": count, "total_capped": count >= 1000})


ROLE_ROWS = [
    {
        "id": number,
        "name": name,
        "description": ROLES[name][0],
        "built_in": True,
        "version": "r1",
        "permissions": len(ROLES[name][1]),
        "people": 1,
        "people_capped": False,
    }
    for number, name in enumerate(sorted(ROLES), start=1)
]


def chain(**values: object) -> dict[str, object]:
    """The end of the audit's chain as the API returns it, with these values."""
    end = {"seq": 9, "last_at": SINCE, "sealed": True, "boundary_seq": 0}
    return end | {"verified": False, "good": None, "events": None, "problems": []} | values


def serve(stub: StubApi) -> StubApi:
    """Let ``stub`` answer each read of People, Sessions and Overview, and each change with success."""

    def people(request: RecordedRequest) -> StubResponse:
        text = "".join(request.query.get("q", [])).lower()
        rows = [row for row in map(person, range(1, 41)) if text in row["name"].lower()]
        begin, size = int("".join(request.query.get("cursor", ["0"]))), int("".join(request.query.get("limit", ["50"])))
        onwards = str(begin + size) if begin + size < len(rows) else None
        return page("people", rows[begin : begin + size], onwards=onwards, total=len(rows))

    def roles(request: RecordedRequest) -> StubResponse:
        text = "".join(request.query.get("q", []))
        return page("roles", [row for row in ROLE_ROWS if text in str(row["name"])])

    contents = {str(row["id"]): sorted(ROLES[str(row["name"])][1]) for row in ROLE_ROWS}
    catalogue = [
        {
            "name": permission.value,
            "sentence": permission.sentence,
            "resource": permission.value.partition(":")[2],
            "by_scope": permission.by_scope,
            "step_up": None,
            "roles": 1,
            "people": 0,
            "people_capped": False,
            "direct_people": 0,
        }
        for permission in CATALOGUE.values()
    ]
    changed = json_of(card(version="v2", grants=[*card()["grants"], grant(6, "developer")]), 201, etag='"v2"')
    stub.responses = {
        ("GET", f"{BASE}/people"): people,
        ("GET", f"{BASE}/people/7"): json_of(card(), etag='"v1"'),
        ("GET", f"{BASE}/people/7/sessions"): json_of({"sessions": [session(), session("ref-2")]}),
        ("GET", f"{BASE}/sessions"): page("sessions", [session(), session("ref-2", current=True)]),
        ("GET", f"{BASE}/roles"): roles,
        ("GET", f"{BASE}/roles/permissions"): json_of({"roles": contents}),
        ("GET", f"{BASE}/permissions"): page("permissions", catalogue),
        ("GET", f"{BASE}/audit"): page("events", [event()]),
        ("GET", f"{BASE}/audit/9"): json_of(event()),
        ("GET", f"{BASE}/audit/chain"): json_of(chain()),
        ("GET", f"{BASE}/statistics"): json_of(statistics()),
        ("POST", f"{BASE}/people"): json_of({**card(7), "name": ""}, 201),
        ("POST", f"{BASE}/people/7/grants"): changed,
        ("DELETE", f"{BASE}/people/7/grants/3"): json_of(card(version="v2")),
        ("DELETE", f"{BASE}/people/7/grants/5"): json_of(card(version="v2")),
        ("PUT", f"{BASE}/people/7/block"): json_of({"blocked": True, "sessions_ended": 2}),
        ("POST", f"{BASE}/people/7/erasure"): StubResponse(204),
        ("DELETE", f"{BASE}/people/7/sessions"): json_of({"ended": 2}),
        ("DELETE", f"{BASE}/sessions/ref-1"): StubResponse(204),
    }
    return stub
