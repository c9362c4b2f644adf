"""Drafts from the page's side: which values are kept over a sign-in, when they return, and to which user."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from app import services as composition
from app import testing
from app.core.principal import Subject
from app.draft_values import NotPlain, read, write
from component.drafts import MAX_BYTES
from tests.apptest.conftest import AppInstallation

PAGE = """
import streamlit as st
from app import drafts, panels
from app.sign_in import sign_in_url

drafts.restore()
drafts.capture()
if st.session_state.pop("refused", False):
    st.text("refused")
else:
    drafts.keep("title", "notes", "plain", "upload")
    st.text_input("Title", key="title")
    with st.form("form"):
        st.text_area("Notes", key="notes")
        submitted = st.form_submit_button("Send")
    st.text_input("Not named", key="other")
if st.button("Sign in", key="sign-in"):
    st.session_state["address"] = sign_in_url()
"""


def opened(path: str = "/report") -> AppTest:
    at = AppTest.from_string(PAGE)
    at.context = {"url": f"http://localhost:8501{path}"}
    testing.make_anonymous(at)
    at.run()
    assert not at.exception
    return at


def press(at: AppTest) -> str:
    """Press "Sign in"; returns the id of the stored draft, or "" for none."""
    at.button(key="sign-in").click().run()
    assert not at.exception
    query: dict[str, str] = dict(parse_qsl(urlsplit(at.session_state["address"]).query))
    return query.get("draft", "")


def signed_in(draft: str, subject: str = "ann") -> tuple[AppTest, Subject]:
    """The draft is bound and claimed as at the callback; returns a new Streamlit session of the user, not run yet."""
    services = composition.services()
    at = AppTest.from_string(PAGE)
    at.context = {"url": "http://localhost:8501/report"}
    principal = testing.sign_in_as(at, subject=subject)
    services.drafts.bind(draft, "state")
    services.drafts.claim("state", subject=principal, browser_hash="test-browser", ref=at.user["sid"], path="/report")
    return at, principal


def test_named_values_are_restored_in_the_new_session_once(installation: AppInstallation) -> None:
    at = opened()
    at.text_input(key="title").set_value("half a sentence")
    at.text_area(key="notes").set_value("written in a form")
    at.text_input(key="other").set_value("not named")
    at.button[0].click().run()  # the form is submitted: only now Python has its values
    draft = press(at)
    assert draft
    after, _ = signed_in(draft)
    after.run()
    assert after.text_input(key="title").value == "half a sentence"
    assert after.text_area(key="notes").value == "written in a form"
    assert after.text_input(key="other").value == ""
    after.text_input(key="title").set_value("changed").run()
    assert after.text_input(key="title").value == "changed"  # restored in the first run only


def test_values_of_a_form_that_was_not_submitted_are_not_kept(installation: AppInstallation) -> None:
    at = opened()
    at.text_input(key="title").set_value("outside").run()
    draft = press(at)
    after, _ = signed_in(draft)
    after.run()
    assert (after.text_input(key="title").value, after.text_area(key="notes").value) == ("outside", "")


def test_no_draft_is_stored_without_input(installation: AppInstallation) -> None:
    at = AppTest.from_string(PAGE.replace('drafts.keep("title", "notes", "plain", "upload")', ""))
    at.context = {"url": "http://localhost:8501/report"}
    testing.make_anonymous(at)
    at.run()
    assert press(at) == ""


def test_values_are_kept_over_a_run_that_is_refused(installation: AppInstallation) -> None:
    """A page that asks to confirm draws none of its widgets; Streamlit then drops their values."""
    at = opened()
    at.text_input(key="title").set_value("typed before").run()
    at.session_state["refused"] = True
    at.run()
    assert at.text[0].value == "refused"
    at.session_state["refused"] = True
    draft = press(at)
    after, _ = signed_in(draft)
    after.run()
    assert after.text_input(key="title").value == "typed before"
    at.run()  # also where the page is drawn again without a sign-in
    assert at.text_input(key="title").value == "typed before"


def test_another_page_gets_no_values_of_the_draft(installation: AppInstallation) -> None:
    at = opened()
    at.text_input(key="title").set_value("typed").run()
    after, _ = signed_in(press(at))
    after.context = {"url": "http://localhost:8501/elsewhere"}
    after.run()
    assert after.text_input(key="title").value == ""


def test_keys_of_gatehouse_cannot_be_kept(installation: AppInstallation) -> None:
    for name in ("gatehouse_home", "gatehouse"):
        at = AppTest.from_string(f"import streamlit as st\nfrom app import drafts\ndrafts.keep('title', '{name}')")
        testing.make_anonymous(at)
        at.run()
        assert at.exception


MOMENT = datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
PLAIN: dict[str, Any] = {
    "text": "ü\n\x00'\"",
    "number": -7,
    "real": 1.5,
    "yes": True,
    "nothing": None,
    "day": date(2026, 2, 3),
    "moment": MOMENT,
    "hour": time(23, 59),
    "span": timedelta(days=1, seconds=2),
    "list": ["list", 1, [date(2026, 1, 1)]],
    "range": (1, 2),
    "days": (date(2026, 1, 1), date(2026, 1, 2)),
    "dict": {"list": ["dict"], "": {}},
    "empty": [],
}


def test_plain_values_are_restored_unchanged() -> None:
    back = read(write(PLAIN, MAX_BYTES))
    assert back == PLAIN
    assert [type(value) for value in back.values()] == [type(value) for value in PLAIN.values()]


class Text(str):
    __slots__ = ()


NESTED: list[Any] = []
for _ in range(7):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    "value", [b"bytes", {1, 2}, object(), math.nan, math.inf, Text("x"), {1: 2}, [object()], NESTED, lambda: 1]
)
def test_values_of_other_types_are_omitted(value: object) -> None:
    assert read(write({"before": 1, "value": value, "after": 2}, MAX_BYTES)) == {"before": 1, "after": 2}


def test_values_beyond_the_size_limit_are_omitted() -> None:
    values = {"small": "x", "large": "y" * MAX_BYTES, "last": "z"}
    text = write(values, MAX_BYTES)
    assert len(text.encode()) <= MAX_BYTES
    assert read(text) == {"small": "x", "last": "z"}


@pytest.mark.parametrize("text", ["[]", '{"a": {}}', '{"a": ["set", 1]}', '{"a": ["date", "x"]}', "x"])
def test_an_invalid_draft_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)
    assert issubclass(NotPlain, ValueError)


SUBMIT = """
import streamlit as st
from app import drafts, panels
drafts.restore()
drafts.capture()
drafts.keep("subject")
with st.form("letter"):
    st.text_input("Subject", key="subject")
    submitted = st.form_submit_button("Send")
if panels.may_submit(key="letter", submitted=submitted):
    st.text("sent " + st.session_state["subject"])
"""


def asks_to_sign_in(at: AppTest) -> bool:
    return "**Sign in to send this**" in [shown.value for shown in at.markdown]


def test_an_anonymous_submit_asks_to_sign_in_until_the_user_does(installation: AppInstallation) -> None:
    at = AppTest.from_string(SUBMIT)
    testing.make_anonymous(at)
    at.run()
    assert not asks_to_sign_in(at)
    at.text_input(key="subject").set_value("A letter")
    at.button[0].click().run()
    assert asks_to_sign_in(at)
    assert not at.text
    at.run()  # any other run, such as the one for the press of "Sign in"
    assert asks_to_sign_in(at)
    assert not at.exception


def test_a_submit_by_an_authenticated_user_is_sent_once(installation: AppInstallation) -> None:
    at = AppTest.from_string(SUBMIT)
    testing.sign_in_as(at)
    at.run()
    assert not at.text
    at.text_input(key="subject").set_value("A letter")
    at.button[0].click().run()
    assert at.text[0].value == "sent A letter"
    at.run()
    assert not at.text
