"""Machine clients end to end: client credentials of the local tenant, the list of people, a granted role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.component.dev_tenant.support import AUDIENCE, RunningTenant, call, running, tenant_client
from tests.issuer import Issuer
from tests.remote_api.administration import card, version
from tests.remote_api.world import ApiWorld, Caller, api_world


class TenantAsIssuer(Issuer):
    """The running tenant's address and audience in the place of the stand-in's."""

    def __init__(self, tenant: RunningTenant) -> None:
        super().__init__(audience=AUDIENCE, url=tenant.issuer)


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[RunningTenant]:
    with running(tmp_path) as tenant:
        yield tenant


@pytest.fixture
def world_of(tenant: RunningTenant) -> Iterator[ApiWorld]:
    issuer = TenantAsIssuer(tenant)
    world = api_world(issuer)
    yield world
    world.close()


def administrator_by_browser(tenant: RunningTenant, world: ApiWorld) -> Caller:
    """A person of the tenant with a session here, whose access token is the tenant's own."""
    with tenant_client(tenant) as client:
        token = client.tokens("ada")["access_token"]
    claims = tenant.verify(token, audience=AUDIENCE)
    subject = world.person(claims["sub"], roles=("administrator",))
    return Caller(world, world.new_session(subject, token=token))


def machine_token(tenant: RunningTenant) -> str:
    known = tenant.tenant.credentials
    answer = call(
        "POST",
        tenant.url("/oauth/token"),
        data={
            "grant_type": "client_credentials",
            "client_id": known.machine_client_id,
            "client_secret": known.machine_client_secret,
            "audience": AUDIENCE,
        },
    )
    return str(answer.json()["access_token"])


def test_a_machine_is_listed_gets_a_role_and_uses_it(tenant: RunningTenant, world_of: ApiWorld) -> None:
    world, token = world_of, machine_token(tenant)
    name = f"{tenant.tenant.credentials.machine_client_id}@clients"
    me = world.call("/api/v1/me", token)
    assert (me.status_code, me.json["method"], me.json["session"]) == (200, "machine", None)
    assert world.call("/api/v1/people", token).status_code == 403
    world.background_writer.flush()

    admin = administrator_by_browser(tenant, world)
    (shown,) = admin.get("/people", machine="true").json["people"]
    assert (shown["subject"]["subject"], shown["machine"], shown["state"], shown["roles"]) == (name, True, "active", [])
    assert name not in {row["subject"]["subject"] for row in admin.get("/people", machine="false").json["people"]}
    number = shown["id"]
    granted = admin.send(
        "POST", f"/people/{number}/grants", {"role": "auditor", "reason": "Nightly."}, version=version(admin, number)
    )
    assert (granted.status_code, granted.json["roles"]) == (201, ["auditor"])

    assert world.call("/api/v1/people", token).status_code == 200
    assert world.call("/api/v1/roles", token, method="POST", json={}).status_code == 403
    export = world.call("/api/v1/audit/export?format=csv", token)
    assert (export.status_code, export.json["reason"]) == (403, "stale-login"), "a machine cannot sign in again"
    (grant,) = card(admin, number)["grants"]
    path = f"/people/{number}/grants/{grant['id']}"
    assert admin.send("DELETE", path, version=version(admin, number), query={"reason": "Done."}).status_code == 200
    assert world.call("/api/v1/people", token).status_code == 403

    blocked = admin.send(
        "PUT", f"/people/{number}/block", {"blocked": True, "reason": "Lost."}, version=version(admin, number)
    )
    assert blocked.status_code == 200
    assert world.call("/api/v1/me", token).json["reason"] == "blocked"
