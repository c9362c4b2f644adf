"""Your devices on Profile: the details of each session, and the page it last used if the user may open that page."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app import testing
from app.core.clock import utc_now
from tests.apptest.conftest import AppInstallation
from tests.apptest.tables import controls, press, press_control, tables, texts

CSV = "on CSV explorer"
DEVICES = "Your devices"


def last_used(installation: AppInstallation, page: str, *roles: str) -> str:
    """The cell of the last use of the only device on Profile, when the session was last used on ``page``."""
    at = testing.open_app("/profile")
    installation.sign_in(at, roles=list(roles))
    with installation.services.storage.unit_of_work() as unit:
        assert unit.touch_session(str(at.user["sid"]), utc_now, idle=timedelta(hours=1), page=page)
        unit.commit()
    testing.open_page(at, "profile.py")
    assert not at.exception
    [[*_, used]] = texts(tables(at)[DEVICES])
    return used


def test_a_device_shows_browser_address_and_times_and_the_current_one_is_marked(installation: AppInstallation) -> None:
    started_at = utc_now()
    at = testing.open_app("/profile")
    subject = installation.sign_in(at, roles=["viewer"])
    installation.sign_in(None, roles=["viewer"], subject=subject.subject)
    testing.open_page(at, "profile.py")
    rows = texts(tables(at)[DEVICES])
    assert sorted(browser for browser, *_ in rows) == ["Unknown browser", "Unknown browser this browser"]
    assert {address for _, address, *_ in rows} == {"unknown"}
    for row in rows:
        assert all(started_at <= datetime.fromisoformat(moment) <= utc_now() for moment in row[2:]), row
    assert [button.label for button in at.main.button] == ["End all other sessions"]
    [current] = [row for row in tables(at)[DEVICES]["rows"] if row["cells"][0].get("badges")]
    [other] = [row for row in tables(at)[DEVICES]["rows"] if row != current]
    assert controls(at) == {f"end-{other['id']}"}


def test_a_device_is_ended_and_the_result_shown(installation: AppInstallation) -> None:
    installation.sign_in(None, roles=["viewer"], subject="test|two-devices")
    at = testing.open_app("/profile")
    installation.sign_in(at, roles=["viewer"], subject="test|two-devices")
    testing.open_page(at, "profile.py")
    [end] = controls(at)
    press(at, "end", tables(at)[DEVICES]["rows"][0]["id"] + "x", label=DEVICES)
    assert controls(at) == {end}, "only a device on the list is ended"
    press_control(at, end)
    assert [message.value for message in at.success] == [
        "Ended your session (Unknown browser): that device is signed out."
    ]
    assert len(tables(at)[DEVICES]["rows"]) == 1
    assert controls(at) == set()


def test_all_other_devices_are_ended_and_counted(installation: AppInstallation) -> None:
    for _ in range(2):
        installation.sign_in(None, roles=["viewer"], subject="test|three-devices")
    at = testing.open_app("/profile")
    installation.sign_in(at, roles=["viewer"], subject="test|three-devices")
    testing.open_page(at, "profile.py")
    at.button(key="end-others").click().run()
    assert [message.value for message in at.success] == ["Ended your 2 other sessions."]
    assert len(tables(at)[DEVICES]["rows"]) == 1


@pytest.mark.parametrize(
    ("page", "roles", "shown"),
    [
        ("/csv", ["analyst"], True),
        ("/csv", ["viewer"], False),  # the title of a page is only for users who may open it
        ("/nowhere", ["analyst"], False),
        ("", ["analyst"], False),
        ("/csv/../csv", ["analyst"], False),
    ],
)
def test_the_last_page_of_a_device_is_named_only_if_the_user_may_open_it(
    installation: AppInstallation, page: str, roles: list[str], shown: bool
) -> None:
    text = last_used(installation, page, *roles)
    assert (CSV in text) is shown
    moment, _, place = text.partition(" ")
    assert datetime.fromisoformat(moment) <= utc_now()
    assert bool(place) is shown


def test_the_start_page_is_named_as_the_last_page(installation: AppInstallation) -> None:
    assert last_used(installation, "/").endswith(" on Home")
