"""The interactive docs: offline, from one installed package, under a policy that lets nothing else in."""

from __future__ import annotations

import re

import pytest

from remote_api.views import docs
from tests.remote_api.world import ApiWorld


def test_the_page_and_everything_it_names(world: ApiWorld) -> None:
    page = world.call("/docs")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert named
    for name in named:
        assert not name.startswith(("http", "//"))
        assert world.call(f"/{name}").status_code == 200
    assert "<script>" not in page.text


@pytest.mark.parametrize("name", ["..%2f__init__.py", "swagger.svg", "x", "%2e%2e"])
def test_nothing_else_is_served(world: ApiWorld, name: str) -> None:
    assert world.call(f"/docs/{name}").status_code == 404


def test_without_the_package_the_description_remains(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "_PACKAGE", "no_such_package_here")
    assert world.call("/docs").status_code == 404
    assert world.call("/openapi.json").status_code == 200
