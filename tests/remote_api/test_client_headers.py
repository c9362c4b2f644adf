"""The identity, address and method of a call are those of its token and request line, whatever headers are added."""

from __future__ import annotations

import pytest

from tests.remote_api.world import ApiWorld

USAGE = "/api/v1/reports/usage"
IDENTITY = [
    "Remote-User", "X-Forwarded-User", "X-Forwarded-Email", "X-Auth-Request-User", "X-User", "X-Subject", "X-Roles",
    "X-Permissions", "X-Scope", "X-Gatehouse-Caller", "Gatehouse-Caller", "Gatehouse.Caller", "Gatehouse_Caller",
    "X-Streamlit-User", "Forwarded",
]  # fmt: skip
ADDRESSES = [
    "X-Original-URL",
    "X-Original-URI",
    "X-Rewrite-URL",
    "X-Forwarded-URI",
    "X-Forwarded-Prefix",
    "Script-Name",
]
METHODS = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]


@pytest.mark.parametrize("name", IDENTITY)
def test_no_header_names_a_caller(world: ApiWorld, name: str) -> None:
    administrator, viewer = world.sign_in("auth0|ada", roles=("administrator",)), world.sign_in("auth0|vic")
    assert world.call(USAGE, administrator.token).status_code == 200
    for value in ("auth0|ada", f"{administrator.subject}", "administrator", "read:reports"):
        headers = {name: value}
        assert world.call(USAGE, headers=headers).status_code == 401
        assert world.call(USAGE, viewer.token, headers=headers).status_code == 403
        assert world.call("/api/v1/me", viewer.token, headers=headers).json["subject"]["subject"] == "auth0|vic"


@pytest.mark.parametrize("name", ADDRESSES)
def test_no_header_names_another_address(world: ApiWorld, name: str) -> None:
    viewer = world.sign_in()
    assert world.call(USAGE, viewer.token, headers={name: "/api/ping"}).status_code == 403
    assert world.call(USAGE, headers={name: "/api/ping"}).status_code == 401
    assert world.call("/api/ping", viewer.token, headers={name: "/api/v1/me"}).json.get("subject") is None


@pytest.mark.parametrize("name", METHODS)
def test_no_header_and_no_query_names_another_method(world: ApiWorld, name: str) -> None:
    signed_in, other = world.sign_in(), world.new_session(world.sign_in().subject)
    path = f"/api/v1/me/sessions/{other.ref}"
    for options in ({"headers": {name: "DELETE"}}, {"query_string": {name: "DELETE"}}):
        for method in ("GET", "POST"):
            answer = world.call(path, signed_in.token, method=method, **options)
            assert answer.status_code in {400, 404, 405, 422}, answer.text
    assert not world.events("app:session:end")
    assert world.call("/api/pong", other.token).status_code == 200


@pytest.mark.parametrize(
    "query", ["role=administrator", "sub=auth0|ada", "permission=read:reports", "scope=read:reports"]
)
def test_no_query_names_a_caller_or_a_right(world: ApiWorld, query: str) -> None:
    viewer = world.sign_in()
    assert world.call(f"{USAGE}?{query}").status_code == 401
    assert world.call(f"{USAGE}?{query}", viewer.token).status_code == 403
