"""The front end's modules in a browser: each is loaded under the content security policy, one version at a time."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Response, Route, expect

from component.http.frontend_modules import FOLDER
from component.protocol import forward_message
from tests.e2e.conftest import NewUser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-frontend-modules")]

PREFIX = f"/_stcore/bidi-components/{forward_message.COMPONENT}/"
MODULES = sorted(path.name for path in FOLDER.iterdir() if not path.name.startswith(("table", "relative-time")))
"""The modules of the Auth0 component; those of the table are loaded by the pages that have one."""
VERSION = re.compile(rf"{re.escape(PREFIX)}([0-9a-f]{{16}})/")
TRANSFERRED = """() => Object.fromEntries(performance.getEntriesByType("resource")
  .filter(({ name }) => name.includes("/streamlit-gatehouse.auth0/"))
  .map(({ name, transferSize }) => [new URL(name).pathname, transferSize]))"""
SIGN_IN = ".st-key-sign-in a"


def test_every_module_is_loaded_as_a_script_under_the_policy(new_user: NewUser) -> None:
    user = new_user()
    answers: dict[str, Response] = {}

    def record(answer: Response) -> None:
        answers[answer.url.removeprefix(user.stack.app_url)] = answer

    user.page.on("response", record)
    user.open("/")
    expect(user.page.locator(SIGN_IN)).to_be_visible(timeout=20_000)
    policy = answers["/"].headers["content-security-policy"]
    (scripts,) = [rule for rule in policy.split("; ") if rule.startswith("script-src ")]
    assert "'self'" in scripts
    assert not {"'unsafe-inline'", "'unsafe-eval'", "blob:"} & set(scripts.split())
    modules = {path: answer for path, answer in answers.items() if path.startswith(PREFIX)}
    (version,) = {match[1] for path in modules if (match := VERSION.match(path))}
    assert sorted(modules) == sorted([f"{PREFIX}auth0.js", *(f"{PREFIX}{version}/{name}" for name in MODULES)])
    for path, answer in modules.items():
        assert answer.status == 200, path
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8", path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["content-encoding"] == "gzip", path
    assert user.console_errors == []


def test_a_version_is_requested_once_and_the_entry_with_each_page(new_user: NewUser) -> None:
    user = new_user()
    user.open("/")
    expect(user.page.locator(SIGN_IN)).to_be_visible(timeout=20_000)
    page = user.context.new_page()
    page.goto(f"{user.stack.app_url}/")
    expect(page.locator(SIGN_IN)).to_be_visible(timeout=20_000)
    transferred: dict[str, int] = page.evaluate(TRANSFERRED)
    assert transferred.pop(f"{PREFIX}auth0.js") > 0
    assert len(transferred) == len(MODULES)
    assert set(transferred.values()) == {0}


def test_a_page_loaded_during_an_upgrade_mixes_no_versions_and_works_after_a_reload(new_user: NewUser) -> None:
    """The entry comes from the old process, and its modules are requested from the new one."""
    user = new_user()
    requested: list[str] = []

    def old(route: Route) -> None:
        entry = f'import "./{"0" * 16}/account.js"\nexport {{ default }} from "./{"0" * 16}/auth0.js"\n'
        route.fulfill(body=entry, content_type="text/javascript")

    user.page.on("request", lambda request: requested.append(request.url.removeprefix(user.stack.app_url)))
    user.page.route(f"**{PREFIX}auth0.js", old)
    user.page.goto(f"{user.stack.app_url}/")
    expect(user.page.get_by_text("BidiComponent Error").first).to_be_visible(timeout=20_000)
    assert {match[1] for path in requested if (match := VERSION.match(path))} == {"0" * 16}
    user.page.unroute(f"**{PREFIX}auth0.js")
    user.open("/")
    expect(user.page.locator(SIGN_IN)).to_be_visible(timeout=20_000)
