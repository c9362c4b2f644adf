"""The main tasks in a real browser: sign in, open exactly the permitted pages, use them, and sign out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import APPEARANCES, Appearances, NewUser, require_fit

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-main-tasks")]

PAGES_OF = {
    "ada": [
        "Home", "Usage report", "CSV explorer", "API explorer", "Overview", "People", "Roles", "Access matrix",
        "Mappings", "Sessions", "Audit", "Profile",
    ],
    "bruno": ["Home", "Usage report", "CSV explorer", "Profile"],
    "chiyo": ["Home", "Usage report", "Profile"],
    "dev": ["Home", "API explorer", "Profile"],
    "gita": [
        "Home", "Usage report", "Overview", "People", "Roles", "Access matrix", "Mappings", "Sessions", "Audit",
        "Profile",
    ],
    "eva": ["Home", "Profile"],
}  # fmt: skip


@pytest.mark.parametrize("person", PAGES_OF)
def test_each_seeded_user_sees_exactly_the_permitted_pages(new_user: NewUser, person: str) -> None:
    user = new_user()
    user.press_sign_in(person)
    user.sees_pages(PAGES_OF[person])
    user.shot(f"home-{person}")
    assert user.console_errors == []


def test_a_user_blocked_at_the_provider_is_informed(new_user: NewUser) -> None:
    user = new_user()
    user.open("/")
    user.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    user.page.locator("button[name=person][value=frank]").click()
    expect(user.page.get_by_role("heading", level=1)).to_be_visible()
    assert "blocked" in user.page.inner_text("body").lower()
    expect(user.page.get_by_role("link", name=re.compile("again|start", re.IGNORECASE)).first).to_be_visible()
    user.shot("blocked-at-provider")


def test_a_deep_link_with_a_query_survives_sign_in(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("chiyo", "/reports?range=7+days")
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=20_000)
    address = user.page.url
    assert "/reports" in address
    assert "range=7" in address
    expect(user.page.locator(".st-key-range button[aria-checked=true]")).to_have_text("7 days")
    user.shot("deep-link")
    assert user.console_errors == []


def test_another_account_is_used_from_the_denied_page(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("eva", "/reports")
    page = user.page
    expect(page.locator("[data-testid=stMain] h1")).to_have_text("No access", timeout=20_000)
    page.get_by_role("link", name="Use another account").click()
    page.locator("button[name=person][value=chiyo]").click()  # the provider asks, although Eva is still signed in there
    expect(page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=20_000)
    expect(page.locator(".st-key-account")).to_contain_text("Chiyo")
    assert user.console_errors == []


def test_a_forbidden_page_names_the_missing_permission(new_user: NewUser) -> None:
    user = new_user()
    frames: list[str] = []
    user.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    user.sign_in("chiyo", "/csv")
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("No access", timeout=20_000)
    expect(user.page.locator(".st-key-no-access")).to_contain_text("explore:files")
    user.shot("no-access")
    # The title of the page never reached the browser.
    assert frames
    assert not any("CSV explorer" in frame or "API explorer" in frame for frame in frames)
    user.page.get_by_text("Back to Home").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_contain_text("Welcome", timeout=20_000)
    assert user.console_errors == []


def test_an_anonymous_visitor_sees_sign_in_at_the_path_without_the_title(new_user: NewUser) -> None:
    user = new_user()
    user.open("/reports")
    assert user.heading() == "Sign in"
    assert user.page.url.endswith("/reports")
    assert "Usage report" not in user.page.content()
    user.shot("sign-in")


def test_the_export_is_downloaded(new_user: NewUser, tmp_path: Path) -> None:
    user = new_user()
    user.sign_in("bruno", "/reports")
    with user.page.expect_download(timeout=20_000) as download:
        user.page.locator(".st-key-export button").click()
    download.value.save_as(tmp_path / "usage.csv")
    text = (tmp_path / "usage.csv").read_text()
    assert text.startswith("day,")
    assert len(text.splitlines()) == 31
    user.shot("usage-report")


def test_a_viewer_reads_but_is_not_offered_the_export(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("chiyo", "/reports")
    expect(user.page.get_by_text("To export the report you need one more permission")).to_be_visible(timeout=20_000)
    expect(user.page.locator(".st-key-export")).to_have_count(0)


def test_a_csv_file_is_opened_charted_and_downloaded(new_user: NewUser, tmp_path: Path) -> None:
    user = new_user()
    user.sign_in("bruno", "/csv")
    file = tmp_path / "towns.csv"
    file.write_text("town,=people\nUlm,126949\nBonn,331885\n=1+1,3\n", encoding="utf-8")
    user.page.locator(".st-key-upload input[type=file]").set_input_files(file)
    expect(user.page.get_by_text("3 of 3 rows, 2 columns")).to_be_visible(timeout=20_000)
    user.shot("csv-explorer")
    # The table's own toolbar offers no file: Streamlit would write "=1+1" into it as it is.
    user.page.locator("[data-testid=stDataFrame]").first.hover()
    toolbar = user.page.locator("[data-testid=stElementToolbar]").first
    expect(toolbar.get_by_label("Fullscreen")).to_be_visible()
    expect(toolbar.get_by_label("Download as CSV")).to_have_count(0)
    with user.page.expect_download(timeout=20_000) as download:
        user.page.locator(".st-key-download button").click()
    download.value.save_as(tmp_path / "explored.csv")
    assert (tmp_path / "explored.csv").read_text().splitlines() == [
        "town,'=people",
        "Ulm,126949",
        "Bonn,331885",
        "'=1+1,3",
    ]
    assert user.console_errors == []


def test_the_api_explorer_calls_with_and_without_the_token(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("dev", "/api-explorer")
    user.page.locator(".st-key-send button").click()
    expect(user.page.locator(".st-key-response")).to_contain_text("200", timeout=20_000)
    user.page.locator(".st-key-call input").click()
    user.page.get_by_role("option", name="Scoped ping").click()
    user.page.locator(".st-key-send button").click()
    expect(user.page.locator(".st-key-response")).to_contain_text("200", timeout=20_000)
    user.page.locator(".st-key-with-token label").click()
    user.page.locator(".st-key-send button").click()
    expect(user.page.locator(".st-key-response")).to_contain_text("401", timeout=20_000)
    expect(user.page.locator(".st-key-response")).to_contain_text("not sent")
    user.shot("api-explorer")
    assert user.console_errors == []


def test_sign_out_ends_the_sessions_here_and_at_the_provider(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("chiyo")
    answer = user.page.evaluate("fetch('/auth/session').then(answer => answer.json())")
    assert (answer["authenticated"], answer["subject"]) == (True, "auth0|chiyo")
    user.page.locator(".st-key-account").get_by_text("Sign out").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Sign in", timeout=20_000)
    assert user.page.evaluate("fetch('/auth/session').then(answer => answer.json())") == {"authenticated": False}
    user.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    # The provider's session ended too: it asks for a person.
    expect(user.page.locator("button[name=person][value=ada]")).to_be_visible(timeout=20_000)


def test_two_browsers_have_separate_sessions(new_user: NewUser) -> None:
    first, second = new_user(), new_user()
    first.sign_in("ada")
    second.sign_in("eva")
    for user in (first, second):
        user.page.reload()
    expect(first.page.locator(".st-key-account")).to_contain_text("Ada Okafor", timeout=20_000)
    expect(second.page.locator(".st-key-account")).to_contain_text("Eva Novak", timeout=20_000)
    second.sees_pages(PAGES_OF["eva"])
    second.shot("no-role-yet")


def test_the_session_of_another_device_is_ended_from_profile(new_user: NewUser) -> None:
    own_device, other_device = new_user(), new_user()
    own_device.sign_in("bruno")
    other_device.sign_in("bruno")
    own_device.open("/profile")
    own_device.shot("profile")
    own_device.page.locator("[id^=end-]").first.click()  # the newest
    expect(
        own_device.page.get_by_text(re.compile(r"Ended your session \(.+\): that device is signed out\."))
    ).to_be_visible(timeout=20_000)
    # The other device is notified without any input.
    expect(other_device.page.get_by_role("heading", level=1)).to_have_text("You were signed out", timeout=5_000)
    expect(other_device.page.get_by_text("You ended this session from another one.")).to_be_visible()
    assert "Content Security Policy" not in " ".join(other_device.console_errors)


@pytest.mark.parametrize("appearances", APPEARANCES, ids=("wide", "narrow"))
def test_it_looks_right_light_dark_wide_and_narrow(new_user: NewUser, appearances: Appearances) -> None:
    user = new_user(width=appearances[0].width)
    user.open("/reports")
    for appearance in user.appearances(*appearances):
        user.shot(f"look-sign-in-{appearance}")
    user.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    user.page.locator("button[name=person][value=ada]").click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=20_000)
    for path in ("/", "/reports", "/csv", "/api-explorer", "/profile"):
        user.open(path)
        for appearance in user.appearances(*appearances):
            require_fit(user.page)
            user.shot(f"look-{path.strip('/') or 'home'}-{appearance}")
    assert user.console_errors == []
