"""Your devices on Profile: the details of each session, and the page it last used if the user may open that page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import testing
from app.core.clock import utc_now
from tests.apptest.conftest import AppInstallation

CSV = "on CSV explorer"


def captions_of(installation: AppInstallation, page: str, *roles: str) -> list[str]:
    """The captions of the devices on Profile, when the session was last used on ``page``."""
    at = testing.open_app("/profile")
    installation.sign_in(at, roles=list(roles))
    with installation.services.storage.unit_of_work() as unit:
        assert unit.touch_session(str(at.user["sid"]), utc_now, idle=timedelta(hours=1), page=page)
        unit.commit()
    testing.open_page(at, "profile.py")
    assert not at.exception
    return [caption.value for caption in at.main.caption if caption.value.startswith("Signed in")]


def test_a_device_shows_browser_address_and_times_and_the_current_one_is_marked(installation: AppInstallation) -> None:
    at = testing.open_app("/profile")
    subject = installation.sign_in(at, roles=["viewer"])
    installation.sign_in(None, roles=["viewer"], subject=subject.subject)
    testing.open_page(at, "profile.py")
    texts = [markdown.value for markdown in at.main.markdown if "this one" in markdown.value]
    assert len(texts) == 1
    assert [button.label for button in at.main.button] == ["End", "End all other sessions"]
    captions = [caption.value for caption in at.main.caption if caption.value.startswith("Signed in")]
    assert captions == ["Signed in just now from unknown address, last used just now"] * 2


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
    (text,) = captions_of(installation, page, *roles)
    assert (CSV in text) is shown
    assert text.startswith("Signed in just now from unknown address, last used just now")
    assert ("," in text.partition("last used just now")[2]) is shown


def test_the_start_page_is_named_as_the_last_page(installation: AppInstallation) -> None:
    assert captions_of(installation, "/")[0].endswith(", on Home")
