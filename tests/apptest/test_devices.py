"""Your devices on Profile: what is told of each, and of a page only to whom it may open it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import testing
from app.core.clock import utc_now
from tests.apptest.conftest import World

CSV = "on CSV explorer"


def about(world: World, page: str, *roles: str) -> list[str]:
    """What Profile says of one's devices, when the session was last used on ``page``."""
    at = testing.open_app("/profile")
    world.sign_in(at, roles=list(roles))
    with world.services.storage.unit_of_work() as unit:
        assert unit.touch_session(str(at.user["sid"]), utc_now, idle=timedelta(hours=1), page=page)
        unit.commit()
    testing.open_page(at, "profile.py")
    assert not at.exception
    return [caption.value for caption in at.main.caption if caption.value.startswith("Signed in")]


def test_browser_address_since_and_last_use_and_this_one_marked(world: World) -> None:
    at = testing.open_app("/profile")
    who = world.sign_in(at, roles=["viewer"])
    world.sign_in(None, roles=["viewer"], subject=who.subject)
    testing.open_page(at, "profile.py")
    texts = [markdown.value for markdown in at.main.markdown if "this one" in markdown.value]
    assert len(texts) == 1
    assert [button.label for button in at.main.button] == ["End", "End all other sessions"]
    captions = [caption.value for caption in at.main.caption if caption.value.startswith("Signed in")]
    assert captions == ["Signed in just now from unknown address, last used just now"] * 2


@pytest.mark.parametrize(
    ("page", "roles", "told"),
    [
        ("/csv", ["analyst"], True),
        ("/csv", ["viewer"], False),  # its title is nobody's business who may not open it
        ("/nowhere", ["analyst"], False),
        ("", ["analyst"], False),
        ("/csv/../csv", ["analyst"], False),
    ],
)
def test_the_last_pages_title_only_if_it_may_be_opened(world: World, page: str, roles: list[str], told: bool) -> None:
    (text,) = about(world, page, *roles)
    assert (CSV in text) is told
    assert text.startswith("Signed in just now from unknown address, last used just now")
    assert ("," in text.partition("last used just now")[2]) is told


def test_the_start_page_has_a_title_too(world: World) -> None:
    assert about(world, "/")[0].endswith(", on Home")
