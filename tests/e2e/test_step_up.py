"""Step-up and sign-out at the provider, in a real browser against the whole product."""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import NewUser, settle
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-step-up")]
SOON = 20_000


def sign_in_became_old(stack: Stack, person: str, seconds: int = 7200) -> None:
    """Make the sign-in of the person's sessions older by this time."""
    with sqlite3.connect(stack.folder / "var" / "gatehouse.sqlite3", timeout=10) as connection:
        changed = connection.execute(
            "UPDATE sessions SET authenticated_at = authenticated_at - ? WHERE ended_at IS NULL "
            "AND person_id = (SELECT id FROM people WHERE subject = ?)",
            (seconds * 1_000_000, f"auth0|{person}"),
        ).rowcount
    connection.close()
    assert changed >= 1


def audited(stack: Stack, kind: str) -> list[str]:
    """The actors of the events of this kind."""
    with sqlite3.connect(stack.folder / "var" / "gatehouse.sqlite3", timeout=10) as connection:
        rows = connection.execute("SELECT actor FROM audit_events WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
    connection.close()
    return [row[0] for row in rows]


def test_the_export_works_after_the_user_confirms_the_sign_in(new_user: NewUser, stack: Stack, tmp_path: Path) -> None:
    user = new_user()
    user.sign_in("bruno", "/reports?range=7+days")
    page = user.page
    expect(page.locator(".st-key-export button")).to_be_visible(timeout=SOON)
    other = user.context.new_page()
    other.goto(f"{stack.app_url}/csv")
    expect(other.locator("[data-testid=stMain] h1")).to_have_text("CSV explorer", timeout=SOON)

    sign_in_became_old(stack, "bruno")
    page.reload()
    page.locator(".st-key-export-locked button").click()
    card = page.locator("[class*=st-key-step-up-export]").first
    expect(card).to_contain_text("within the last hour", timeout=SOON)
    expect(page.locator(".st-key-export")).to_have_count(0)
    expect(page.locator("[data-testid=stMain] h1")).to_have_text("Usage report")
    card.scroll_into_view_if_needed()
    user.shot("step-up-report")
    before = len(audited(stack, "app:session:step-up"))

    with other.expect_websocket(timeout=SOON):  # the new session secret ends the socket of the other tab
        page.locator("a.st-key-step-up").click()
        page.wait_for_url(re.compile(re.escape(stack.issuer)), timeout=SOON)
        page.locator("button[name=person][value=bruno]").click()
        page.wait_for_url(re.compile(re.escape(f"{stack.app_url}/reports")), timeout=SOON)
    assert parse_qs(urlsplit(page.url).query)["range"] == ["7 days"]
    expect(page.locator(".st-key-range button[aria-checked=true]")).to_have_text("7 days", timeout=SOON)
    expect(page.locator("a.st-key-step-up")).to_have_count(0)
    with page.expect_download(timeout=SOON) as download:
        page.locator(".st-key-export button").click()
    download.value.save_as(tmp_path / "usage.csv")
    assert len((tmp_path / "usage.csv").read_text().splitlines()) == 8
    assert len(audited(stack, "app:session:step-up")) == before + 1

    # The other tab has connected again, and its HTTP requests use the new secret.
    file = tmp_path / "towns.csv"
    file.write_text("town,people\nUlm,126949\n", encoding="utf-8")
    app = other.locator("[data-testid=stApp]")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=SOON)
    expect(other.locator(".st-key-upload button").first).to_be_enabled(timeout=SOON)
    settle(other)
    other.locator(".st-key-upload input[type=file]").set_input_files(file)
    expect(other.get_by_text("1 of 1 rows, 2 columns")).to_be_visible(timeout=SOON)
    assert user.console_errors == []


def test_an_open_page_stops_offering_the_export_when_the_sign_in_is_too_old(new_user: NewUser, stack: Stack) -> None:
    """A download that would fail is not offered: its fragment reruns in time."""
    user = new_user()
    user.sign_in("bruno", "/reports")
    sign_in_became_old(stack, "bruno", 3590)
    user.page.reload()
    expect(user.page.locator(".st-key-export button")).to_be_visible(timeout=SOON)
    user.page.locator(".st-key-export-locked button").click()
    expect(user.page.locator("a.st-key-step-up")).to_be_visible(timeout=SOON)
    expect(user.page.locator(".st-key-export")).to_have_count(0)
    assert user.console_errors == []


def test_a_cancelled_step_up_returns_to_the_page_and_changes_nothing(new_user: NewUser, stack: Stack) -> None:
    user = new_user()
    user.sign_in("ada", "/reports")
    sign_in_became_old(stack, "ada")
    page = user.page
    page.reload()
    page.locator(".st-key-export-locked button").click()
    page.locator("a.st-key-step-up").click()
    page.wait_for_url(re.compile(re.escape(stack.issuer)), timeout=SOON)
    page.locator("button[name=action][value=cancel]").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign-in was cancelled", timeout=SOON)
    page.get_by_role("link", name="Try again").click()
    expect(page.locator(".st-key-export-locked button")).to_be_visible(timeout=SOON)
    assert page.url.startswith(f"{stack.app_url}/reports")
    expect(page.locator(".st-key-account")).to_contain_text("Ada Okafor")


def test_signing_out_at_the_provider_ends_the_session_of_an_idle_tab(new_user: NewUser, stack: Stack) -> None:
    user, elsewhere = new_user(), new_user()
    user.sign_in("chiyo", "/reports")
    elsewhere.sign_in("chiyo", "/reports")
    for device in (user, elsewhere):
        expect(device.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    provider_tab = user.context.new_page()
    provider_tab.goto(f"{stack.issuer}v2/logout")
    started = time.monotonic()
    user.page.wait_for_url(re.compile("/auth/ended"), timeout=10_000)
    took = time.monotonic() - started
    print(f"signed out at the provider: the idle tab left after {took:.2f} s")
    assert took < 2
    expect(user.page.get_by_role("heading", level=1)).to_have_text("You were signed out")
    expect(user.page.locator("body")).to_contain_text("You signed out at the sign-in provider.")
    user.shot("signed-out-at-the-provider")
    # The session of the same person in another browser stays, here and at the provider.
    elsewhere.page.wait_for_timeout(1500)
    expect(elsewhere.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report")
    # Signing in again returns to the page, after the provider has asked for a person.
    user.page.get_by_role("link", name=re.compile("Sign in again")).click()
    user.page.locator("button[name=person][value=chiyo]").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
