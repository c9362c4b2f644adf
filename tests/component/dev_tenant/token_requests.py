"""Requests to the token endpoints of the tenant."""

from __future__ import annotations

import requests

from tests.component.dev_tenant.support import (
    AUDIENCE,
    RunningTenant,
    call,
)


def refused(response: requests.Response, status: int, error: str, description: str | None = None) -> None:
    """Assert an error of Auth0's shape that must not be cached."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error", "error_description"}
    assert body["error"] == error
    assert description is None or body["error_description"] == description
    assert response.headers["Cache-Control"] == "no-store"


def userinfo(tenant: RunningTenant, token: str) -> requests.Response:
    return call("GET", tenant.url("/userinfo"), headers={"Authorization": f"Bearer {token}"})


def machine(tenant: RunningTenant, **form: str) -> requests.Response:
    known = tenant.tenant.credentials
    return tenant.post_token(
        **(
            {
                "grant_type": "client_credentials",
                "client_id": known.machine_client_id,
                "client_secret": known.machine_client_secret,
                "audience": AUDIENCE,
            }
            | form
        )
    )
