"""Default deny: an address that does not say who may call it keeps the API from starting."""

from __future__ import annotations

from functools import lru_cache, wraps
from typing import Any

import pytest
from flask_openapi3.blueprint import APIBlueprint

import remote_api
from app.core.contract.usage import UsageQuery
from app.core.errors import PermissionDenied
from app.core.permissions import Permission
from app.core.principal import ANONYMOUS
from remote_api import access
from remote_api.access import AccessDeclaration, UndeclaredAccess, authenticated, declaration_of, public, requires
from tests.remote_api.world import ApiWorld


def test_an_undeclared_address_does_not_start(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    blueprint = APIBlueprint("undeclared", __name__, url_prefix="/api/v1")

    @blueprint.get("/undeclared")
    def view() -> str:
        return "public"

    @blueprint.get("/another")
    def another() -> str:
        return "public"

    monkeypatch.setattr(remote_api, "BLUEPRINTS", (*remote_api.BLUEPRINTS, blueprint))
    with pytest.raises(UndeclaredAccess) as caught:
        world.make_app()
    assert str(caught.value) == (
        "these endpoints do not declare who may call them; put @requires, @authenticated or @public below the route: "
        "/api/v1/another (undeclared.another), /api/v1/undeclared (undeclared.view)"
    )


def test_a_declaration_above_the_route_does_not_count(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = APIBlueprint("wrong", __name__)

    @requires(Permission.READ_REPORTS)
    @wrong.get("/wrong")
    def wrong_view() -> str:
        return "public"

    monkeypatch.setattr(remote_api, "BLUEPRINTS", (*remote_api.BLUEPRINTS, wrong))
    with pytest.raises(UndeclaredAccess, match="/wrong"):
        world.make_app()


@pytest.mark.parametrize("above", [True, False], ids=["cache above the declaration", "cache below it"])
def test_a_view_that_is_kept_in_a_cache_does_not_start(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, *, above: bool
) -> None:
    shared = APIBlueprint("shared", __name__)

    def caller_name() -> str:
        return access.principal().name

    declare, keep = requires(Permission.READ_REPORTS), lru_cache(maxsize=None)
    shared.get("/shared")(keep(declare(caller_name)) if above else declare(keep(caller_name)))
    shared.get("/kept", endpoint="kept")(declare(keep(lambda: access.principal().email)))
    monkeypatch.setattr(remote_api, "BLUEPRINTS", (*remote_api.BLUEPRINTS, shared))
    with pytest.raises(
        UndeclaredAccess, match=r"answers every caller alike; cache what they call: /kept \(\S+\), /shared "
    ):
        world.make_app()


def test_access_is_declared_once() -> None:
    with pytest.raises(TypeError, match="twice"):

        @public
        @requires(Permission.READ_REPORTS)
        def view() -> str:
            return ""

    with pytest.raises(TypeError, match="twice"):

        @authenticated
        @public
        def other() -> str:
            return ""


def test_an_address_added_later_is_never_reached(world: ApiWorld) -> None:
    world.app.add_url_rule("/late", view_func=lambda: "public")
    answer = world.call("/late")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")


def test_each_view_requires_the_literal_permission(world: ApiWorld) -> None:
    permissions = {
        endpoint: str(declaration.permission)
        for endpoint, declaration in world.app.access_declarations.items()
        if declaration.permission is not None
    }
    assert permissions == {
        "admin_sessions.all_sessions": "read:sessions",
        "admin_sessions.end_any_session": "end:sessions",
        "admin_sessions.end_sessions_of_person": "end:sessions",
        "admin_sessions.sessions_of_person": "read:sessions",
        "audit.event": "read:audit",
        "audit.events": "read:audit",
        "audit.export": "export:audit",
        "audit.kinds": "read:audit",
        "audit.look": "read:audit",
        "demo.pong_scoped": "read:messages",
        "grants.bulk": "manage:grants",
        "grants.grant": "manage:grants",
        "grants.release": "manage:grants",
        "grants.revoke": "manage:grants",
        "guards.guards": "read:guards",
        "mappings.mappings": "read:mappings",
        "mappings.set_mapping": "manage:mappings",
        "people.add_person": "manage:grants",
        "people.block": "block:people",
        "people.erase": "erase:people",
        "people.people": "read:people",
        "people.person": "read:people",
        "permissions.permissions": "read:roles",
        "reports.usage": "read:reports",
        "reports.usage_csv": "export:reports",
        "roles.create_role": "manage:roles",
        "roles.delete_role": "manage:roles",
        "roles.permissions_of_roles": "read:roles",
        "roles.review": "read:roles",
        "roles.role": "read:roles",
        "roles.roles": "read:roles",
        "roles.update_role": "manage:roles",
        "statistics.statistics": "read:statistics",
    }
    view: Any = world.app.view_functions["reports.usage"]
    assert view.required_permission is Permission.READ_REPORTS


def test_the_guard_refuses_and_not_the_view(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard the matrix would have answers in place of refusals."""
    monkeypatch.setattr(type(world.app._guard), "require", lambda *_, **__: None)
    assert world.call("/api/v1/reports/usage").status_code == 200


def test_decorators_below_the_route_stay(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the library's wrapper may be skipped where it has nothing to do, and no other."""
    decorated = APIBlueprint("decorated", __name__)
    seen: list[str] = []

    def noting(view: Any) -> Any:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            seen.append(view.__name__)
            return view(*args, **kwargs)

        return wrapper

    @decorated.get("/with-query")
    @noting
    @public
    def with_query(query: UsageQuery) -> dict[str, int]:
        return {"days": query.days}

    @decorated.get("/without")
    @noting
    @public
    def without() -> dict[str, int]:
        return {}

    monkeypatch.setattr(remote_api, "BLUEPRINTS", (*remote_api.BLUEPRINTS, decorated))
    world.app = world.make_app()
    assert world.call("/with-query?days=3").json == {"days": 3}
    assert world.call("/without").json == {}
    assert seen == ["with_query", "without"]


def test_what_each_declaration_says() -> None:
    def view() -> str:
        return ""

    assert declaration_of(view) is None
    guarded: Any = requires(Permission.READ_REPORTS)(wraps(view)(lambda: ""))
    assert declaration_of(guarded) == AccessDeclaration(protected=True, permission=Permission.READ_REPORTS)
    assert declaration_of(guarded).protected is True  # type: ignore[union-attr] # compared above
    assert guarded.required_permission is Permission.READ_REPORTS
    assert declaration_of(authenticated(wraps(view)(lambda: ""))) == AccessDeclaration(protected=True)
    assert declaration_of(public(wraps(view)(lambda: ""))) == AccessDeclaration(protected=False)


def test_a_view_can_require_more_than_it_declares(world: ApiWorld) -> None:
    signed_in = world.sign_in(roles=("viewer",))
    with world.app.test_request_context("/api/pong", headers={"Authorization": f"Bearer {signed_in.token}"}) as context:
        context.request.url_rule = next(rule for rule in world.app.url_map.iter_rules() if rule.rule == "/api/pong")
        assert access.require(Permission.READ_REPORTS) == access.principal()
        assert access.allows(Permission.READ_REPORTS)
        assert not access.allows(Permission.READ_AUDIT)
        with pytest.raises(PermissionDenied):
            access.require(Permission.READ_AUDIT)
    (event,) = world.events("api:endpoint:deny")
    assert (event["target"], event["details"]["permission"]) == ("GET /api/pong", "read:audit")
    with world.app.test_request_context("/api/pong"):
        assert access.principal() is ANONYMOUS


def test_the_principal_of_a_token(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    other = world.issuer.access_token(azp="another", sub="auth0|new", scope="a:b", jti="other")
    for token, name, email, picture, session in (
        (signed_in.token, "Ann Example", "ann@example.com", "", signed_in.ref),
        (other, "", "", "", None),
    ):
        with world.app.test_request_context("/", headers={"Authorization": f"Bearer {token}"}):
            principal = access.principal()
        assert (principal.name, principal.email, principal.picture) == (name, email, picture)
        assert (principal.session_ref, principal.blocked) == (session, False)
        assert principal.client_id == ("another" if session is None else "gatehouse-app")
