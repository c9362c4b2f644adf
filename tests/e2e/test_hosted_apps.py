"""Apps without any code for Gatehouse, in a real browser: one with many features, and one of a single file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import BrowserUser
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-hosted-apps")]
Come = Callable[[Stack], BrowserUser]

FILES = {
    # Modules named like those of Gatehouse; except for `app`, the app's own are imported.
    "app.py": """
from __future__ import annotations

import db
import streamlit as st
from component import greeting

st.set_page_config(page_title="Theirs", page_icon="🏪", layout="wide")


def numbers():
    st.title("Numbers")
    st.components.v1.html("<b>framed</b>")
    st.camera_input("Picture", key="account")


first = st.Page("pieces/first.py", title="First", default=True)
page = st.navigation([first, st.Page(numbers, url_path="some-numbers")], position="top")
st.text(f"{greeting()}, {db.ROWS} rows, the key is {st.secrets['key']}, run as {__name__} of {__file__}")
page.run()
""",
    "db.py": "ROWS = 7\n",
    "component/__init__.py": "def greeting():\n    return 'Hello'\n",
    "pieces/first.py": """
import streamlit as st


@st.cache_data
def slow(number: int) -> int:
    return number * 2


@st.fragment
def part():
    if st.button("Again", key="again"):
        st.session_state["times"] = st.session_state.get("times", 0) + 1
    st.text(f"pressed {st.session_state.get('times', 0)} times, {slow(21)}")


st.title("First")
part()
st.write(st.query_params.to_dict())
""",
    ".streamlit/secrets.toml": 'key = "found"\n',
    ".streamlit/config.toml": '[theme]\nprimaryColor = "#00aa55"\n',
}
PLAIN = """
import streamlit as st

st.set_page_config(initial_sidebar_state="collapsed")
st.title("Plain")
st.write(1 / int(st.query_params.get("by", "1")))
"""


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Stack]]:
    """Starts all processes around a script, in another working directory than the script's."""
    stacks: list[Stack] = []

    def serve(script: Path) -> Stack:
        stacks.append(Stack(tmp_path_factory.mktemp("elsewhere"), GATEHOUSE_APP=str(script)).start())
        return stacks[-1]

    yield serve
    for stack in stacks:
        stack.stop_all()


@pytest.fixture
def come(browser: Browser) -> Iterator[Come]:
    """Creates users, each at a browser of its own."""
    users: list[BrowserUser] = []

    def new_user(stack: Stack) -> BrowserUser:
        users.append(BrowserUser(browser.new_context(), stack))
        return users[-1]

    yield new_user
    for user in users:
        user.context.close()


def sign_in(user: BrowserUser, path: str, person: str = "eva") -> None:
    user.open(path)
    assert user.heading().startswith("Sign in to ")
    user.page.locator(".st-key-sign-in").get_by_text("Sign in").click()
    user.page.locator(f"button[name=person][value={person}]").click()


def test_an_app_with_many_features_runs_unchanged(served: Callable[[Path], Stack], come: Come, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    user = come(served(tmp_path / "app.py"))
    sign_in(user, "/?from=mail")
    page = user.page
    expect(
        page.get_by_text(f"Hello, 7 rows, the key is found, run as __main__ of {tmp_path / 'app.py'}")
    ).to_be_visible(timeout=20_000)
    expect(page).to_have_title("Theirs")
    assert page.url.endswith("/?from=mail")
    expect(page.get_by_text("pressed 0 times, 42")).to_be_visible()
    page.locator(".st-key-again button").click()
    expect(page.get_by_text("pressed 1 times, 42")).to_be_visible(timeout=20_000)
    expect(page.locator(".st-key-gatehouse-account")).to_contain_text("Eva Novak")
    avatar = page.locator(".st-key-gatehouse-account .avatar")
    assert avatar.evaluate("element => getComputedStyle(element).backgroundColor") == "rgb(0, 170, 85)"
    user.shot("their-app-with-everything")
    page.get_by_text("numbers", exact=True).click()
    expect(page.get_by_role("heading", name="Numbers")).to_be_visible(timeout=20_000)
    expect(page.frame_locator("iframe").get_by_text("framed")).to_be_visible()
    user.open("/some-numbers")  # directly to a page that is a function
    expect(page.get_by_role("heading", name="Numbers")).to_be_visible(timeout=20_000)
    assert user.console_errors == []


def test_an_app_without_a_sidebar_offers_sign_out_and_explains_errors(
    served: Callable[[Path], Stack], come: Come, tmp_path: Path
) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    user = come(served(tmp_path / "plain.py"))
    sign_in(user, "/")
    page = user.page
    expect(page.get_by_role("heading", name="Plain")).to_be_visible(timeout=20_000)
    page.goto(f"{user.stack.app_url}/?by=0")
    expect(page.get_by_text("Something went wrong here.")).to_be_visible(timeout=20_000)
    user.shot("their-app-went-wrong")
    page.get_by_test_id("stExpandSidebarButton").click()
    page.locator(".st-key-gatehouse-account").get_by_text("Sign out").click()
    # The sign-in page or the page for an ended session, whichever comes first.
    expect(page.get_by_role("heading", name=re.compile("Sign in|signed"))).to_be_visible(timeout=20_000)
    assert page.evaluate("fetch('/auth/session').then(answer => answer.json())") == {"authenticated": False}
