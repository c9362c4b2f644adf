"""Administration of people in a real browser, in front of all processes: changes reach the tabs of other users."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.e2e.accessibility.axe import violations
from tests.e2e.administration import SOON, answer, crowd, find, heading, in_dialog, notice, row
from tests.e2e.conftest import APPEARANCES, Appearance, Appearances, NewUser, require_fit
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-administration-people")]
COUNTS = ".stMarkdownBadge:has-text('shield_person')"
"""The badge of a person who counts as administrator."""


def test_a_granted_role_reaches_the_users_open_tab(own_user: NewUser) -> None:
    ada, eva = own_user(), own_user()
    eva.sign_in("eva")
    eva.sees_pages(["Home", "Profile"])
    ada.sign_in("ada", "/people")
    page = ada.page
    find(page, "eva nov", "Eva Novak")
    assert re.search(r"/people\?person=\d+$", page.url), page.url
    page.locator(".st-key-add-grant button").click()
    in_dialog(page).get_by_text("viewer", exact=True).click()
    answer(page, "add-grant", "joins the reporting team")
    started = time.monotonic()
    expect(notice(page)).to_contain_text(
        "Granted Eva Novak the role viewer, no expiry. It applies at once, in open tabs too.", timeout=SOON
    )
    eva.sees_pages(["Home", "Usage report", "Profile"])
    print(f"granted: the other tab showed it {time.monotonic() - started:.2f} s after the press")
    expect(eva.page.locator(".st-key-access-changed")).to_contain_text("You can now also see the usage report")
    ada.shot("people-granted")

    # Undo reaches the other tab too.
    page.locator(".st-key-undo button").click()
    expect(notice(page)).to_contain_text("Undone: revoked the role viewer from Eva Novak again.", timeout=SOON)
    eva.sees_pages(["Home", "Profile"])
    expect(page.get_by_text("None. Eva Novak can open Home and Profile, and nothing else.")).to_be_visible()

    # The address of the page can be shared, and the Back button returns to the list as it was.
    card = page.url
    page.go_back()
    heading(page, "People")
    expect(page.locator(".st-key-q input")).to_have_value("eva nov")
    page.goto(card)
    heading(page, "Eva Novak")
    assert ada.console_errors == []


def test_the_last_administrator_cannot_be_removed(own_user: NewUser, own_stack: Stack) -> None:
    bruno = own_user()
    bruno.sign_in("bruno")
    own_stack.command("bootstrap-admin", "--subject", "auth0|bruno", "--reason", "the first", "--yes")
    ada = own_user()
    ada.sign_in("ada", "/people")  # administrator only by a token role, which does not count
    page = ada.page
    find(page, "bruno", "Bruno Silva")
    expect(page.locator(COUNTS)).to_be_visible()
    row(page, "administrator").locator("[id^=revoke-grant-]").click()
    answer(page, "revoke", "is leaving")
    expect(in_dialog(page)).to_contain_text("The last administrator must stay", timeout=SOON)
    expect(page.locator(".st-key-revoke-reason input")).to_have_value("is leaving")
    ada.shot("people-last-administrator")
    page.locator(".st-key-revoke-cancel button").click()
    page.locator(".st-key-block button").click()
    answer(page, "block", "is leaving")
    expect(in_dialog(page)).to_contain_text("The last administrator must stay", timeout=SOON)
    page.keyboard.press("Escape")
    expect(in_dialog(page)).to_have_count(0)
    expect(page.locator(COUNTS)).to_be_visible()
    bruno.page.reload()
    expect(bruno.page.locator(".st-key-account")).to_be_visible(timeout=SOON)


def test_the_tab_of_an_ended_session_shows_the_reason(own_user: NewUser) -> None:
    chiyo = own_user()
    chiyo.sign_in("chiyo", "/reports")
    heading(chiyo.page, "Usage report")
    ada = own_user()
    ada.sign_in("ada", "/sessions")
    page = ada.page
    chiyos = row(page, "Chiyo Tanaka")
    expect(chiyos).to_contain_text("just now", timeout=SOON)
    chiyos.get_by_role("button", name="End: Chiyo Tanaka").click()
    expect(in_dialog(page)).to_contain_text("Chiyo Tanaka is signed out of ")
    answer(page, "end-session", "a lost device")
    started = time.monotonic()
    expect(notice(page)).to_contain_text("Ended the session of Chiyo Tanaka (", timeout=SOON)
    expect(chiyo.page.get_by_role("heading", level=1)).to_have_text("You were signed out", timeout=SOON)
    print(f"ended: the other tab left {time.monotonic() - started:.2f} s after the press")
    expect(chiyo.page.locator("body")).to_contain_text("administrator")
    expect(chiyos).to_have_count(0)
    ada.shot("sessions-ended")


def test_concurrent_edits_of_two_administrators_are_both_kept(own_user: NewUser) -> None:
    dev = own_user()
    dev.sign_in("dev")
    first, second = own_user(), own_user()
    for administrator in (first, second):
        administrator.sign_in("ada", "/people")
        find(administrator.page, "dev pat", "Dev Patel")
    first.page.locator(".st-key-add-grant button").click()
    in_dialog(first.page).get_by_text("analyst", exact=True).click()
    first.page.locator(".st-key-add-grant-reason input").fill("typed by the first")
    second.page.locator(".st-key-add-grant button").click()
    in_dialog(second.page).get_by_text("viewer", exact=True).click()
    answer(second.page, "add-grant", "by the second")
    expect(notice(second.page)).to_contain_text("Granted Dev Patel the role viewer, no expiry.", timeout=SOON)

    first.page.locator(".st-key-add-grant-go button").click()
    expect(in_dialog(first.page)).to_contain_text("Dev Patel was changed meanwhile", timeout=SOON)
    expect(in_dialog(first.page).get_by_role("table")).to_contain_text("viewer")
    expect(first.page.locator(".st-key-add-grant-reason input")).to_have_value("typed by the first")
    first.shot("people-changed-meanwhile")
    first.page.locator(".st-key-add-grant-go button").click()
    expect(notice(first.page)).to_contain_text("Granted Dev Patel the role analyst, no expiry.", timeout=SOON)
    rows = first.page.locator("tr[data-row^=grant-]")
    expect(rows.filter(has_text="viewer")).to_have_count(1)
    expect(rows.filter(has_text="analyst")).to_have_count(1)


def test_a_person_is_added_and_erased_with_a_second_factor(own_user: NewUser, own_stack: Stack) -> None:
    ada = own_user()
    ada.sign_in("ada", "/people")
    page = ada.page
    page.locator(".st-key-add-person button").click()
    page.locator(".st-key-add-person-subject input").fill("auth0|newcomer")
    answer(page, "add-person", "begins on Monday")
    heading(page, "auth0|newcomer")
    expect(page.get_by_text("Has not signed in yet.")).to_be_visible()
    page.locator(".st-key-erase button").click()
    expect(in_dialog(page)).to_contain_text("you need a second factor", timeout=SOON)
    ada.shot("people-erase-step-up")
    page.locator("a.st-key-step-up").click()
    page.wait_for_url(re.compile(re.escape(own_stack.issuer)), timeout=SOON)
    if page.locator("button[name=person][value=ada]").count():
        page.locator("button[name=person][value=ada]").click()
    page.locator("button[name=action][value=factor]").click()
    page.wait_for_url(re.compile(r"/people\?person=\d+"), timeout=SOON)
    heading(page, "auth0|newcomer")
    page.locator(".st-key-erase button").click()
    in_dialog(page).get_by_text("I understand that this cannot be undone").click()
    answer(page, "erase", "was added by mistake")
    expect(notice(page)).to_contain_text("Erased the personal data of the user auth0|newcomer", timeout=SOON)
    expect(page.locator(".stMarkdownBadge").filter(has_text="Erased")).to_be_visible()
    expect(page.locator(".st-key-undo")).to_have_count(0)
    ada.shot("people-erased")


def test_a_bulk_change_reports_its_result_and_can_be_undone(own_user: NewUser, own_stack: Stack) -> None:
    crowd(own_stack, "crowd", 30)
    ada = own_user()
    ada.sign_in("ada", "/people?q=crowd")
    page = ada.page
    expect(page.get_by_text("1 to 25 of 30 people")).to_be_visible(timeout=SOON)
    page.locator("#select-all").check()
    expect(page.get_by_text("25 selected")).to_be_visible(timeout=SOON)
    page.locator("#next").click()
    expect(page.get_by_text("26 to 30 of 30 people")).to_be_visible(timeout=SOON)
    page.locator("#select-all").check()
    expect(page.get_by_text("30 selected")).to_be_visible(timeout=SOON)
    page.locator("#bulk-grant").click()
    in_dialog(page).get_by_text("viewer", exact=True).click()
    answer(page, "many-grant", "a new team")
    expect(notice(page)).to_contain_text("Granted 30 people the role viewer, no expiry.", timeout=SOON)
    ada.shot("people-several")
    page.locator(".st-key-undo button").click()
    expect(notice(page)).to_contain_text("Undone: revoked the role viewer from 30 people again.", timeout=SOON)


def test_the_overview_links_to_the_page_for_each_item(own_user: NewUser) -> None:
    own_user().sign_in("eva")  # who has no role
    ada = own_user()
    ada.sign_in("ada", "/admin")
    page = ada.page
    expect(page.locator(".st-key-figures-overview")).to_contain_text("roles", timeout=SOON)
    point = page.locator("[class*=st-key-point-attention-]").filter(has_text="without a role")
    point.get_by_role("link", name="See them").click()
    heading(page, "People")
    expect(page.locator(".st-key-role input")).to_have_value("No role", timeout=SOON)
    assert "role=No" in page.url
    assert ada.console_errors == []


def test_an_auditor_sees_people_but_cannot_change_them(own_user: NewUser) -> None:
    gita = own_user()
    gita.sign_in("gita", "/people")
    page = gita.page
    expect(page.locator("a.open").first).to_be_visible(timeout=SOON)
    expect(page.locator(".st-key-add-person")).to_have_count(0)
    expect(page.locator("[id^=select-], [id^=bulk-], [id^=grant-]")).to_have_count(0)
    page.locator("a.open").first.click()
    expect(page.get_by_role("heading", name="Roles and permissions")).to_be_visible(timeout=SOON)
    for key in ("add-grant", "block", "unblock", "erase", "end-all"):
        expect(page.locator(f".st-key-{key}")).to_have_count(0)
    expect(page.locator("tr[data-row]").first).to_be_visible(timeout=SOON)
    expect(page.locator("[id^=revoke-], [id^=release-], [id^=end-session-]")).to_have_count(0)
    gita.shot("people-auditor")


@pytest.mark.parametrize(
    "appearances", [APPEARANCES[0], (Appearance(dark=False, width=390), *APPEARANCES[1][1:])], ids=("wide", "narrow")
)
def test_it_looks_right_light_dark_wide_and_narrow(own_user: NewUser, appearances: Appearances) -> None:
    user = own_user(width=appearances[0].width)
    page = user.page
    own_user().sign_in("bruno")
    user.sign_in("ada", "/people?q=bruno")
    expect(page.locator("a.open").first).to_be_visible(timeout=SOON)

    def check_layout(name: str) -> None:
        for appearance in user.appearances(*appearances):
            require_fit(page)
            assert violations(page) == [], name
            user.shot(f"look-admin-{name}-{appearance}")

    check_layout("people")
    page.locator("td.select .tick").first.click()
    expect(page.get_by_text("1 selected")).to_be_visible(timeout=SOON)
    check_layout("people-selected")
    page.locator("#bulk-grant").click()
    check_layout("people-many-grant")
    page.keyboard.press("Escape")
    page.locator("a.open").filter(has_text="Bruno").click()
    heading(page, "Bruno Silva")
    check_layout("person")
    page.locator(".st-key-add-grant button").click()
    check_layout("person-grant")
    page.keyboard.press("Escape")
    for path, title in (
        ("/sessions", "Sessions"),
        ("/admin", "Overview"),
        ("/people?q=zzzz", "People"),
        ("/", "Welcome, Ada"),
        ("/profile", "Profile"),
    ):
        user.open(path)
        heading(page, title)
        check_layout({"/": "home"}.get(path, re.sub(r"\W+", "-", path.strip("/"))))
