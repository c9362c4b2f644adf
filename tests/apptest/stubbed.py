"""A stub of the remote API for roles, mappings, matrix and audit, for responses that the real API rarely sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from streamlit.testing.v1 import AppTest

from app import testing
from app.core.audit import AuditKind
from app.core.principal import Subject
from app.services import Services
from tests.contract import stored_contract
from tests.stub_api import RecordedRequest, StubApi, StubResponse, json_of
from tests.stub_responses import chain

SINCE = "2026-01-31T12:00:00+00:00"
CATALOGUE = ("export:reports", "manage:roles", "read:people", "read:reports", "read:roles")


def page(name: str, rows: list[Any], **around: object) -> StubResponse:
    """The only page of a list."""
    return json_of({name: rows, "next": None, "total": len(rows), "total_capped": False} | around)


def event(seq: int = 9, **changes: object) -> dict[str, object]:
    return {
        "seq": seq, "at": SINCE, "kind": "policy:role:update", "sentence": "Ada changed the role clerk: + read:audit.",
        "outcome": "done", "actor": "auth0|ada at https://i/", "actor_name": "Ada", "target": "clerk",
        "target_name": "", "reason": "new work", "correlation_id": "c0ffee", "address": "203.0.113.7",
        "details": {"added": "read:people"}, **changes,
    }  # fmt: skip


@dataclass
class AdministrationStub:
    """Gatehouse and the data that the stub serves: a changed row is in the next response."""

    services: Services
    api: StubApi
    roles: list[dict[str, Any]] = field(
        default_factory=lambda: [
            _role(1, "administrator", built_in=True, permissions=list(CATALOGUE)),
            _role(2, "viewer", built_in=True, permissions=["read:reports"]),
            _role(3, "clerk", people=34, permissions=["read:reports", "read:people"]),
        ]
    )
    mappings: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {
                "token_role": "Clerks",
                "roles": [{"id": 3, "name": "clerk"}],
                "own_name": False,
                "people": 12,
                "version": "m1",
            },
            {"token_role": "Field", "roles": [], "own_name": False, "people": 1, "version": "m2"},
        ]
    )
    events: list[dict[str, object]] = field(default_factory=lambda: [event()])
    subject: Subject = field(init=False)
    """The user of the page that was opened last."""

    def __post_init__(self) -> None:
        answers = self.api.responses
        for method, path, answer in (
            ("GET", "roles", lambda _: page("roles", [_item(role) for role in self.roles])),
            ("GET", "permissions", lambda request: page("permissions", _catalogue(request))),
            ("GET", "roles/permissions", lambda _: json_of({"roles": self._contents()})),
            ("GET", "mappings", self._mappings),
            ("GET", "guards", lambda _: json_of({"guards": GUARDS})),
            ("GET", "people", page("people", [])),
            ("GET", "audit", lambda _: page("events", self.events)),
            ("GET", "audit/kinds", lambda _: json_of({"kinds": KINDS})),
            ("GET", "audit/9", lambda _: json_of(self.events[0])),
            ("GET", "audit/chain", lambda _: json_of(chain())),
            ("GET", "people", lambda _: page("people", [])),
        ):
            answers[method, f"/api/v1/{path}"] = answer
        for role in self.roles:
            answers["GET", f"/api/v1/roles/{role['id']}"] = json_of(role)
            answers["POST", f"/api/v1/roles/{role['id']}/review"] = json_of(REVIEW)

    def answer(self, method: str, path: str, response: StubResponse) -> None:
        self.api.responses[method, f"/api/v1/{path}"] = response

    def open(
        self,
        file: str,
        query: Mapping[str, str] = MappingProxyType({}),
        *,
        roles: tuple[str, ...] = ("administrator",),
        permissions: tuple[str, ...] = (),
    ) -> AppTest:
        """Open a page as a user with these roles and permissions."""
        at = testing.open_app("/")
        self.subject = testing.sign_in_as(at, roles=roles, permissions=permissions)
        at.run()
        at.switch_page(f"../pages/{file}")
        for name, value in query.items():
            at.query_params[name] = value
        return at.run()

    def sent(self, method: str) -> list[RecordedRequest]:
        """The requests with this method."""
        return [request for request in self.api.requests if request.method == method]

    def _contents(self) -> dict[str, list[str]]:
        return {str(role["id"]): role["permissions"] for role in self.roles}

    def _mappings(self, request: RecordedRequest) -> StubResponse:
        return page("mappings", [row for row in self.mappings if not ("unmapped" in request.query and row["roles"])])


def _role(number: int, name: str, *, built_in: bool = False, people: int = 2, permissions: list[str]) -> dict[str, Any]:
    return {
        "id": number, "name": name, "description": f"Is {name}.", "built_in": built_in, "version": f"v{number}",
        "people": people, "people_capped": False, "permissions": permissions, "token_roles": [],
    }  # fmt: skip


def _item(role: dict[str, Any]) -> dict[str, Any]:
    item = {name: value for name, value in role.items() if name != "token_roles"}
    return item | {"permissions": len(role["permissions"])}


def _catalogue(request: RecordedRequest) -> list[dict[str, Any]]:
    (text,) = request.query.get("q", [""])
    return [
        {
            "name": name, "sentence": f"Description of {name}.", "resource": name.partition(":")[2], "by_scope": False,
            "step_up": None, "roles": 1, "people": 0, "people_capped": False, "direct_people": 0,
        }
        for name in CATALOGUE
        if text in name
    ]  # fmt: skip


REVIEW = {
    "added": ["export:reports"], "removed": ["read:people"], "people": 34, "people_capped": False,
    "gain": {"export:reports": 30}, "lose": {"read:people": 1}, "sessions": 2,
    "other_roles": {"export:reports": ["analyst"], "read:people": ["auditor"]},
}  # fmt: skip
GUARDS = [
    {
        "kind": "page", "name": "/reports", "permission": "read:reports", "file": "pages/usage_report.py", "line": 11,
        "process": "app", "version": "1", "published_at": SINCE,
    },
    {
        "kind": "page", "name": "/", "permission": "", "file": "pages/home.py", "line": 9, "process": "app",
        "version": "1", "published_at": SINCE,
    },
]  # fmt: skip
KINDS = [{"kind": "policy:role:update", "sentence": AuditKind.ROLE_UPDATE.sentence}]


@contextmanager
def administration_stub() -> Iterator[AdministrationStub]:
    """Gatehouse in front of a stub of the remote API."""
    with (
        StubApi(contract=stored_contract()) as api,
        testing.gatehouse(testing.settings(remote_api_base_url=api.url)) as services,
    ):
        yield AdministrationStub(services, api)


def page_text(at: AppTest) -> str:
    """All texts of the page, dialogs included, without escapes."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "warning", "error", "info", "success")
    texts = [str(getattr(element, "value", "")) for kind in kinds for element in at.get(kind)]
    return "\n".join(texts).replace("\\", "").replace("\u2060", "")


def problem_text(at: AppTest) -> str:
    """The errors and warnings of the page, or else all its texts; an exception on the page fails the test."""
    assert not at.exception
    messages = [element.value for element in [*at.error, *at.warning]]
    return "\n".join(messages).replace("\\", "") or page_text(at)
