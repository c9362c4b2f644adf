"""A running tenant for each module, and a browser at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.component.dev_tenant.support import APP_URL, RunningTenant, TenantClient, running, tenant_client


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTenant]:
    extra = (f"{APP_URL}/other/callback",)
    with running(tmp_path_factory.mktemp("tenant") / "state", extra_redirect_uris=extra) as started:
        yield started


@pytest.fixture
def client(tenant: RunningTenant) -> Iterator[TenantClient]:
    with tenant_client(tenant) as opened:
        yield opened
