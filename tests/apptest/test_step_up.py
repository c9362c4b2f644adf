"""What a person sees whose sign-in is not as recent or as strong as something asks: why, and the one way on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import formatting, testing
from app.core.assurance import MULTI_FACTOR, Requirement
from app.core.errors import StepUpRequired
from app.core.permissions import REQUIREMENTS
from component.auth0 import confirm
from tests.apptest.conftest import World
from tests.apptest.test_gating import SCRIPT, denials, revoke, title_of

HOUR = 3_600_000_000


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Requirement]:
    """What the buttons that were drawn since the last look ask for."""
    drawn: list[Requirement] = []

    def draw(*, key: str, step_up: Requirement, **more: Any) -> None:
        drawn.append(step_up)
        confirm(key=key, step_up=step_up, **more)

    monkeypatch.setattr("app.panels.confirm", draw)
    return drawn


def signed_in_ago(world: World, microseconds: int, *, amr: str = "") -> None:
    """Make every session's sign-in that much older (or younger), and by these methods."""
    change = text("UPDATE sessions SET authenticated_at = authenticated_at - :older, amr = :amr")
    with world.services.storage.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.execute(change, {"older": microseconds, "amr": amr})


def words(at: AppTest) -> str:
    return "\n".join(element.value for element in [*at.markdown, *at.caption])


def export_is_offered(at: AppTest) -> bool:
    return bool(at.get("download_button"))


def test_on_the_report_the_way_to_confirm_stands_where_the_export_was(world: World, asked: list[Requirement]) -> None:
    at = testing.open_app("/reports")
    world.sign_in(at, roles=["analyst"])
    testing.open_page(at, "usage_report.py")
    assert export_is_offered(at)
    assert asked == []
    signed_in_ago(world, HOUR + 1_000_000)
    at.run()
    assert title_of(at) == "Usage report"
    assert not export_is_offered(at)
    assert asked == [Requirement(max_age_seconds=3600)]
    assert "Confirm it is you" in words(at)
    assert "download the usage report as a file" in words(at)
    assert "within the last hour" in words(at)
    assert "You come right back to this page" in words(at)
    assert denials(world) == [], "showing it is no refusal"
    signed_in_ago(world, -HOUR)
    at.run()
    assert export_is_offered(at)
    assert "Confirm it is you" not in words(at)


def test_who_may_not_export_is_not_asked_to_confirm(world: World, asked: list[Requirement]) -> None:
    at = testing.open_app("/reports")
    world.sign_in(at, roles=["viewer"])
    signed_in_ago(world, 2 * HOUR)
    testing.open_page(at, "usage_report.py")
    assert "you need one more permission" in words(at)
    assert asked == []


def test_a_page_asks_before_anything_of_it_runs(
    world: World, asked: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REQUIREMENTS, "read:reports", Requirement(max_age_seconds=300))
    at = testing.open_app("/reports")
    world.sign_in(at, roles=["viewer"])
    signed_in_ago(world, HOUR)
    testing.open_page(at, "usage_report.py")
    for _ in range(2):
        assert title_of(at) == "Confirm it is you"
        assert "see the usage report" in words(at)
        assert "within the last 5 minutes" in words(at)
        assert not at.metric
        at.run()
    assert set(asked) == {Requirement(max_age_seconds=300)}
    assert denials(world) == [("app:page:deny", "/reports", "stale-login")], "once, for as long as one stays there"
    signed_in_ago(world, -HOUR)
    assert title_of(at.run()) == "Usage report"


def test_such_a_page_is_offered_like_any_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REQUIREMENTS, "read:reports", Requirement(max_age_seconds=300))
    at = testing.open_app("/")
    subject = world.sign_in(at, roles=["viewer"])
    signed_in_ago(world, HOUR)
    at.run()
    assert ":material/check: See the usage report" in words(at)
    assert [link.proto.page for link in at.get("page_link")] == ["reports", "profile"]
    assert title_of(at.switch_page("../pages/usage_report.py").run()) == "Confirm it is you"
    with world.services.storage.unit_of_work() as unit:
        revoke("viewer", subject)(unit)
        unit.commit()
    assert title_of(at.run()) == "No access", "one that may not be opened says so, and asks nobody to confirm anything"


def test_the_page_asks_even_when_it_is_run_past_the_navigation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REQUIREMENTS, "read:reports", Requirement(max_age_seconds=300))
    at = AppTest.from_file(str(testing.MAIN.parents[1] / "pages" / "usage_report.py"), default_timeout=20)
    world.sign_in(at, roles=["viewer"])
    signed_in_ago(world, HOUR)
    at.run()
    assert len(at.exception) == 1
    assert not at.title
    assert denials(world) == [("app:page:deny", "/reports", "stale-login")]


def test_a_second_factor_is_asked_for_in_its_own_words(
    world: World, asked: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REQUIREMENTS, "read:reports", Requirement(acr=MULTI_FACTOR))
    at = testing.open_app("/reports")
    world.sign_in(at, roles=["viewer"])
    testing.open_page(at, "usage_report.py")
    assert title_of(at) == "Confirm it is you"
    assert "requires a second factor, such as a code" in words(at)
    assert MULTI_FACTOR not in words(at)
    assert asked[0] == Requirement(acr=MULTI_FACTOR)
    signed_in_ago(world, 0, amr="mfa pwd")
    assert title_of(at.run()) == "Usage report"


@pytest.mark.parametrize("button", ["callback", "fragment", "body"])
def test_functions_are_refused_in_callbacks_fragments_and_the_body_once_the_sign_in_is_old(
    world: World, button: str
) -> None:
    at = AppTest.from_string(SCRIPT, default_timeout=20)
    world.sign_in(at, roles=["analyst"])
    at.run()
    at.button(key=button).click().run()
    assert at.session_state["done"] == [button]
    signed_in_ago(world, 2 * HOUR)
    at.button(key=button).click().run()
    assert at.session_state["done"] == [button]
    assert len(at.exception) == 1
    assert [(kind, reason) for kind, _, reason in denials(world)] == [("app:function:deny", "stale-login")]


def test_a_download_made_later_is_decided_when_it_is_made(world: World) -> None:
    bound: list[Callable[[], bytes]] = []
    from app import access
    from app.core.permissions import Permission

    @access.requires(Permission.EXPORT_REPORTS)
    def export() -> bytes:
        return b"report"

    def script(keep: list, make: object) -> None:  # type: ignore[type-arg] # its text is run where no name is known
        from app import access

        keep.append(access.bind_session(make))  # type: ignore[arg-type] # see above

    at = AppTest.from_function(script, args=(bound, export))
    world.sign_in(at, roles=["analyst"])
    at.run()
    assert bound[0]() == b"report"
    signed_in_ago(world, 2 * HOUR)
    with pytest.raises(StepUpRequired):
        bound[0]()


def test_the_apis_own_challenge_comes_back_as_the_same_error(
    world: World, asked: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock, its decision: even where the app has not asked first."""
    caught: list[StepUpRequired] = []

    def script(keep: list) -> None:  # type: ignore[type-arg] # its text is run where no name is known
        from app import api_client, panels
        from app.core.errors import GatehouseError

        try:
            api_client.usage_csv(7)
        except GatehouseError as error:
            keep.append(error)
            panels.problem(error)

    at = AppTest.from_function(script, args=(caught,), default_timeout=20)
    world.sign_in(at, roles=["analyst"])
    signed_in_ago(world, 2 * HOUR)
    at.run()
    (error,) = caught
    assert isinstance(error, StepUpRequired)
    assert (error.permission, error.reason) == ("export:reports", "stale-login")
    assert (error.max_age_seconds, error.acr) == (3600, "")
    assert title_of(at) == "Confirm it is you"
    monkeypatch.setitem(REQUIREMENTS, "export:reports", Requirement(60, MULTI_FACTOR))
    at.run()
    assert (caught[1].max_age_seconds, caught[1].acr) == (60, MULTI_FACTOR)
    assert asked[-1] == Requirement(60, MULTI_FACTOR)


def test_what_one_may_do_after_confirming_is_on_the_profile_too(world: World) -> None:
    at = testing.open_app("/profile")
    world.sign_in(at, roles=["analyst"])
    signed_in_ago(world, 2 * HOUR)
    testing.open_page(at, "profile.py")
    assert "Download the usage report as a file" in words(at)


def test_how_long_something_stays_fresh(world: World) -> None:
    """What a fragment's ``run_every`` takes, so that a download is not offered any more when it would be refused."""
    at = AppTest.from_string(
        """
import streamlit as st
from app import access
from app.core.permissions import Permission

for permission in (Permission.READ_REPORTS, Permission.EXPORT_REPORTS):
    left = access.fresh_for(permission)
    st.write("ever" if left is None else str(round(left.total_seconds() / 60)))
"""
    )
    world.sign_in(at, roles=["analyst"])

    def told() -> list[str]:
        return [element.value for element in at.run().markdown]

    assert told() == ["ever", "60"]
    signed_in_ago(world, HOUR // 2)
    assert told() == ["ever", "30"]
    signed_in_ago(world, HOUR)
    assert told() == ["ever", "ever"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3600, "hour"), (7200, "2 hours"), (60, "minute"), (900, "15 minutes"), (86400, "day"), (90, "90 seconds")],
)
def test_a_span_of_time_in_words(seconds: int, said: str) -> None:
    assert formatting.span(seconds) == said
