"""Roles, matrix, mappings and audit in a real browser, in front of all three processes."""

from __future__ import annotations

import csv
import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import APPEARANCES, Appearances, BrowserUser, NewUser, require_fit
from tests.e2e.test_step_up import sign_in_became_old
from tests.stack import Stack

SOON = 20_000
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-administration-roles")]


def expect_notice(page: Page, text: str) -> None:
    """Wait for the notice with the result of the last change."""
    expect(page.locator(".st-key-notice")).to_contain_text(text, timeout=SOON)


def open_role(user: BrowserUser, name: str) -> None:
    """Find a role by the search, and open its page."""
    user.open("/roles")
    user.page.get_by_label("Search").fill(name)
    expect(user.page.get_by_text("1 role", exact=True)).to_be_visible(timeout=SOON)
    user.page.get_by_role("table", name="Roles").get_by_role("link", name=name).click()
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text(name, timeout=SOON)


def test_a_changed_role_is_reviewed_and_reaches_the_open_tab_of_its_user(new_user: NewUser) -> None:
    ada, chiyo = new_user(), new_user()
    chiyo.sign_in("chiyo")
    chiyo.sees_pages(["Home", "Usage report", "Profile"])
    ada.sign_in("ada", "/roles")
    open_role(ada, "viewer")
    page = ada.page
    page.get_by_label("Search for a permission").fill("csv")
    page.get_by_role("button", name="Search all permissions").click()
    page.locator("[class*='has-explore-files'] label").click()
    expect(page.locator(".st-key-action-bar")).to_contain_text("+ 1 permission; not saved yet", timeout=SOON)
    expect(page.locator(".st-key-action-bar")).to_be_in_viewport()
    page.locator(".st-key-role-review button").click()
    expect(page.locator(".st-key-review-added")).to_contain_text("Open a CSV file", timeout=SOON)
    expect(page.locator(".st-key-review-added")).to_contain_text("gain")
    expect(page.get_by_text("live session")).to_be_visible()
    ada.shot("role-review")
    page.locator(".st-key-role-save button").click()
    expect(page.get_by_text("Enter a reason")).to_be_visible(timeout=SOON)
    chiyo.sees_pages(["Home", "Usage report", "Profile"])  # nothing is saved yet
    page.get_by_role("textbox", name="Reason", exact=True).fill("viewers open files now")
    page.locator(".st-key-role-save button").click()
    expect_notice(page, "Changed the role viewer: + explore:files. It applies at once to ")
    started = time.monotonic()
    chiyo.sees_pages(["Home", "Usage report", "CSV explorer", "Profile"])
    print(f"a permission added to a role: the holder's open tab showed it after {time.monotonic() - started:.2f} s")
    chiyo.shot("role-changed-for-its-holder")
    page.locator(".st-key-undo button").click()
    expect_notice(page, "Undone: changed the role viewer back: \N{MINUS SIGN} explore:files.")
    chiyo.sees_pages(["Home", "Usage report", "Profile"])
    assert ada.console_errors == []
    assert chiyo.console_errors == []


def test_two_administrators_change_a_role_at_once(new_user: NewUser) -> None:
    first, second = new_user(), new_user()
    first.sign_in("ada", "/roles?edit=new")
    page = first.page
    page.get_by_role("textbox", name="Name", exact=True).fill("front desk")
    page.get_by_label("Search for a permission").fill("usage report")
    page.locator("[class*='has-read-reports'] label").click()
    page.locator(".st-key-role-review button").click()
    page.get_by_role("textbox", name="Reason", exact=True).fill("a new desk")
    page.locator(".st-key-role-save button").click()
    expect_notice(page, "Created the role front desk with the permission read:reports. No one has it yet.")
    address = page.url
    second.sign_in("ada")
    second.page.goto(address)
    page.goto(address)
    for user, permission, reason in ((first, "read-messages", "first"), (second, "explore-api", "second")):
        expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("front desk", timeout=SOON)
        user.page.get_by_text("All permissions").click()
        user.page.locator(f"[class*='has-{permission}'] label").click()
        user.page.locator(".st-key-role-review button").click()
        expect(user.page.locator(".st-key-review-added")).to_be_visible(timeout=SOON)
        user.page.get_by_role("textbox", name="Reason", exact=True).fill(reason)
    second.page.locator(".st-key-role-save button").click()
    expect_notice(second.page, "Changed the role front desk: + explore:api.")
    page.locator(".st-key-role-save button").click()
    expect(
        page.get_by_text("Another administrator changed the role front desk while you were editing it")
    ).to_be_visible(timeout=SOON)
    first.shot("role-changed-meanwhile")
    page.get_by_text("Apply my changes to the new version").click()
    expect(page.locator(".st-key-review-added")).to_contain_text("scoped message", timeout=SOON)
    page.get_by_role("textbox", name="Reason", exact=True).fill("first, on top")
    page.locator(".st-key-role-save button").click()
    expect_notice(page, "Changed the role front desk: + read:messages.")
    for name in ("read-reports", "read-messages", "explore-api"):
        expect(page.locator(f"[class*='has-{name}'] input")).to_be_checked(timeout=SOON)
    page.locator(".st-key-role-delete button").click()
    page.get_by_role("textbox", name="Reason", exact=True).fill("only tried out")
    first.shot("role-delete")
    page.locator(".st-key-delete-go button").click()
    expect_notice(page, "Deleted the role front desk.")
    assert first.console_errors == []


def test_the_audit_is_filtered_shared_and_exported(new_user: NewUser, stack: Stack, tmp_path: Path) -> None:
    user = new_user()
    user.sign_in("ada", "/audit?kind=app:session:begin")
    page = user.page
    rows = page.get_by_role("table", name="Audit events").get_by_role("row")
    sign_in = rows.filter(has_text="Ada Okafor signed in to the app").first
    expect(sign_in).to_be_visible(timeout=SOON)
    for form, extension in (("CSV", "csv"), ("JSON Lines", "jsonl")):
        user.open("/audit?kind=app:session:begin")
        page.locator(".st-key-audit-export button").click()
        with page.expect_download(timeout=SOON) as download:  # the second click
            page.get_by_role("button", name=f"Download as {form}").click()
        assert download.value.suggested_filename.endswith(f".{extension}")
        download.value.save_as(tmp_path / f"audit.{extension}")
    user.shot("audit-exported")
    exported = list(csv.DictReader((tmp_path / "audit.csv").read_text(encoding="utf-8").splitlines()))
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(exported) == len(lines) >= 1
    assert {row["kind"] for row in exported} == {line["kind"] for line in lines} == {"app:session:begin"}
    assert [int(row["seq"]) for row in exported] == sorted(int(row["seq"]) for row in exported)

    page.keyboard.press("Escape")
    page.locator(".st-key-audit-verify button").click()
    expect(page.get_by_text("events are intact")).to_be_visible(timeout=SOON)
    sign_in.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Event [0-9]+"), timeout=SOON)
    assert re.search("[?]event=[0-9]+$", page.url)
    page.get_by_text("Show as JSON").click()
    expect(page.locator("[data-testid=stMain]")).to_contain_text('"kind": "app:session:begin"', timeout=SOON)
    user.shot("audit-event")
    page.get_by_role("button", name="All events", exact=True).click()
    expect(sign_in).to_be_visible(timeout=SOON)
    assert "kind=app" in page.url
    sign_in_became_old(stack, "ada")
    page.reload()
    page.locator(".st-key-audit-export button").click()
    expect(page.locator("a.st-key-step-up")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("button", name="Download as CSV")).to_have_count(0)
    page.locator("a.st-key-step-up").click()
    page.wait_for_url(re.compile(re.escape(stack.issuer)), timeout=SOON)
    page.locator("button[name=person][value=ada]").click()
    page.wait_for_url(re.compile(re.escape(f"{stack.app_url}/audit")), timeout=SOON)
    assert "kind=app" in page.url
    page.locator(".st-key-audit-export button").click()
    expect(page.get_by_role("button", name="Download as CSV")).to_be_visible(timeout=SOON)
    assert user.console_errors == []


def test_a_changed_mapping_applies_at_once(new_user: NewUser) -> None:
    ada, dev = new_user(), new_user()
    dev.sign_in("dev")
    dev.sees_pages(["Home", "API explorer", "Profile"])
    ada.sign_in("ada", "/mappings")
    page = ada.page
    page.get_by_label("Search").fill("developer")
    expect(page.get_by_text("1 token role", exact=True)).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Change: developer").click()
    page.get_by_label("Map to roles").fill("viewer")
    page.get_by_role("option", name="viewer").click()
    expect(page.get_by_role("dialog")).to_contain_text("viewer at once", timeout=SOON)
    page.locator(".st-key-mapping-reason input").fill("developers look at the numbers")
    ada.shot("mapping-change")
    page.locator(".st-key-mapping-go button").click()
    expect_notice(
        page,
        "Mapped the token role developer to the role viewer (before: no role). It changed the permissions of 1 person.",
    )
    dev.sees_pages(["Home", "Usage report", "API explorer", "Profile"])
    page.locator(".st-key-undo button").click()
    expect_notice(page, "Undone: mapped the token role developer to no role again.")
    dev.sees_pages(["Home", "API explorer", "Profile"])
    assert ada.console_errors == []


def test_the_matrix_is_downloaded(new_user: NewUser, tmp_path: Path) -> None:
    user = new_user()
    user.sign_in("gita", "/access")
    page = user.page
    expect(page.get_by_role("table", name="Pages")).to_be_visible(timeout=SOON)
    with page.expect_download(timeout=SOON) as download:
        page.locator(".st-key-matrix-export button").click()
    download.value.save_as(tmp_path / "matrix.csv")
    rows = list(csv.DictReader((tmp_path / "matrix.csv").read_text(encoding="utf-8").splitlines()))
    kinds = {row["kind"] for row in rows}
    assert kinds == {"page", "function", "endpoint"}
    (audit,) = [row for row in rows if row["name"] == "/audit"]
    assert (audit["auditor"], audit["viewer"]) == ("yes", "no")
    assert audit["file"] == "pages/audit.py"
    assert user.console_errors == []


@pytest.mark.parametrize("appearances", APPEARANCES, ids=("wide", "narrow"))
def test_administration_looks_right_light_dark_wide_and_narrow(new_user: NewUser, appearances: Appearances) -> None:
    width = appearances[0].width
    user = new_user(width=width)
    user.sign_in("ada", "/roles")
    page = user.page
    for name, path in (
        ("roles", "/roles"), ("role", "/roles?role=1"), ("compare", "/roles?role=2&compare=3"),
        ("edit", "/roles?role=3&edit=yes"), ("access", "/access"), ("mappings", "/mappings"), ("audit", "/audit"),
    ):  # fmt: skip
        user.open(path)
        for appearance in user.appearances(*appearances):
            require_fit(page)
            height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            page.set_viewport_size({"width": width, "height": max(900, min(height + 20, 4000))})
            user.settle()
            user.shot(f"look-admin-{name}-{appearance}")
            page.set_viewport_size({"width": width, "height": 900})
    assert user.console_errors == []
