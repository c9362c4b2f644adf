"""The permission of a hosted app's page follows the page: to the start page, and to every way of running it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.services import Services
from tests.apptest.hosted_apps import Serve, open_as, page_text, ran, refusals

MOVED_TO_THE_START = {
    "default, a file": 'st.navigation(["views/home.py", st.Page("views/orders.py", default=True)]).run()',
    "default, a function": "st.navigation([home, st.Page(orders, default=True)]).run()",
    "the first that is left": 'st.navigation(["views/orders.py"]).run()',
    "the first that is left, a function": "st.navigation([orders]).run()",
    "hidden": 'st.navigation(["views/orders.py"], position="hidden").run()',
    "in a section": 'st.navigation({"Shop": [st.Page("views/orders.py", title="Home", icon="🏠")]}).run()',
    "an empty url_path": 'st.navigation([st.Page("views/orders.py", default=True, url_path="")]).run()',
    "a url_path of its own": 'st.navigation([st.Page(lambda: ran("orders"), default=True, url_path="orders")]).run()',
    "a number in its file's name": 'st.navigation(["views/1_orders.py"]).run()',
    "the second of two": 'st.navigation([home])\nst.navigation(["views/orders.py"]).run()',
    "the first of two": 'page = st.navigation(["views/orders.py"])\nst.navigation([home])\npage.run()',
    "within a page": (
        "def outer():\n    st.navigation([orders]).run()\n\n\nst.navigation([st.Page(outer, url_path='home')]).run()"
    ),
}


@pytest.mark.parametrize("entry", MOVED_TO_THE_START.values(), ids=MOVED_TO_THE_START)
def test_the_start_page_needs_the_entry_of_its_own_address_too(gatehouse: Services, serve: Serve, entry: str) -> None:
    script = serve(entry, files=("views/1_orders.py",))
    may_not = open_as(script)
    assert not {"orders", "1_orders"} & set(ran(may_not))
    assert "No access" in page_text(may_not)
    assert "See the orders" in page_text(may_not)
    assert refusals(gatehouse) == [("app:page:deny", "/orders")]
    assert ran(open_as(script, "viewer"))[-1] in {"orders", "1_orders"}


ANOTHER_NAVIGATION = {
    "streamlit loaded again": (
        "import contextlib\nimport importlib\nimport streamlit\n"
        "with contextlib.suppress(RuntimeError):  # a second load fails half-way\n    importlib.reload(streamlit)\n"
        "st.navigation([orders]).run()"
    ),
    "the module of st.navigation loaded again": (
        "import importlib\nfrom streamlit.commands import navigation\nimportlib.reload(navigation)\n"
        "navigation.navigation([orders]).run()"
    ),
    "the function below st.navigation": (
        "from streamlit.commands.navigation import _navigation\n"
        '_navigation(["views/orders.py"], position="hidden", expanded=False).run()'
    ),
    "a page object made callable": 'p = st.Page("views/orders.py")  # no navigation\np._can_be_called = True\np.run()',
    "a function's page object made callable": "p = st.Page(orders)  # no navigation\np._can_be_called = True\np.run()",
    "a page that is said not to be the start page": "p = st.navigation([orders])\np._default = False\np.run()",
}


@pytest.mark.parametrize("entry", ANOTHER_NAVIGATION.values(), ids=ANOTHER_NAVIGATION)
def test_entries_apply_wherever_a_page_runs(gatehouse: Services, serve: Serve, entry: str) -> None:
    script = serve(entry)
    may_not = open_as(script)
    assert ran(may_not) == []
    assert "No access" in page_text(may_not)
    assert ran(open_as(script, "viewer")) == ["orders"]


COMPILED = {
    "by the manager of pages": (
        "from streamlit.runtime.scriptrunner import get_script_run_ctx\n"
        "code = get_script_run_ctx().pages_manager.get_page_script_byte_code(str(orders_py))\n"
    ),
    "by a cache of scripts": (
        "from streamlit.runtime.scriptrunner.script_cache import ScriptCache\n"
        "code = ScriptCache().get_bytecode(str(orders_py))\n"
    ),
}


@pytest.mark.parametrize("entry", COMPILED.values(), ids=COMPILED)
def test_the_script_of_a_page_is_compiled_for_that_page_only(serve: Serve, entry: str) -> None:
    script = serve(
        f"import pathlib\norders_py = pathlib.Path(__file__).parent / 'views' / 'orders.py'\ntry:\n"
        f"{textwrap.indent(entry, '    ')}    exec(code, {{'__file__': str(orders_py)}})\n"
        "except Exception as error:\n    st.error(f'{type(error).__name__}: {error}')\nst.navigation([home]).run()"
    )
    at = open_as(script, "viewer")
    assert ran(at) == ["home"]
    assert (
        "NotFound: orders.py runs as a page only, by the run() of its page, so that its entry counts."
        in at.error[0].value
    )


def test_a_script_that_streamlit_discovers_is_not_a_page(serve: Serve, tmp_path: Path) -> None:
    serve("st.navigation([home]).run()")
    at = open_as(tmp_path / "views" / "home.py", "viewer")  # as Streamlit runs a script of a folder pages/
    assert ran(at) == []
    assert "home.py runs as a page only" in page_text(at)


@pytest.mark.parametrize(
    ("entry", "entries", "expected"),
    [
        ("st.navigation([home]).run()", {"/": "signed-in"}, "/home has no entry in gatehouse.toml"),
        ("st.navigation([home]).run()", {"/home": "signed-in"}, "/ has no entry in gatehouse.toml"),
        (
            'import functools\nst.navigation([st.Page(functools.partial(ran, "x"), title="X", default=True)]).run()',
            {"/": "signed-in"},
            "This page has no address of its own",
        ),
        ('st.navigation(["views/secret.py"]).run()', {"/": "signed-in"}, "/secret has no entry in gatehouse.toml"),
    ],
    ids=["own address", "start", "no address", "a page without an entry"],
)
def test_a_start_page_without_one_of_its_entries_is_closed(
    serve: Serve, entry: str, entries: dict[str, str], expected: str
) -> None:
    at = open_as(serve(entry, entries, files=("views/secret.py",)), "administrator")
    assert ran(at) == []
    assert expected in page_text(at)


def test_a_renamed_script_is_closed_until_it_has_an_entry(serve: Serve) -> None:
    at = open_as(serve('st.navigation([home, "views/sales.py"]).run()', files=("views/sales.py",)), "administrator")
    at.switch_page("views/sales.py").run()
    assert ran(at) == ["home"]
    assert "/sales has no entry in gatehouse.toml" in page_text(at)


DYNAMIC = """
import streamlit as st

ROLES = [None, "Requester", "Responder", "Admin"]
st.session_state.setdefault("role", None)


def login():
    role = st.selectbox("Choose your role", ROLES)
    if st.button("Log in"):
        st.session_state.role = role
        st.rerun()


def logout():
    st.session_state.role = None
    st.rerun()


role = st.session_state.role
logout_page = st.Page(logout, title="Log out", icon=":material/logout:")
settings = st.Page("settings.py", title="Settings", icon=":material/settings:")
request_1 = st.Page("request/request_1.py", title="Request 1", default=(role == "Requester"))
respond_1 = st.Page("respond/respond_1.py", title="Respond 1", default=(role == "Responder"))
admin_1 = st.Page("admin/admin_1.py", title="Admin 1", default=(role == "Admin"))
st.title("Request manager")
pages = {}
if role in ["Requester", "Admin"]:
    pages["Request"] = [request_1]
if role in ["Responder", "Admin"]:
    pages["Respond"] = [respond_1]
if role == "Admin":
    pages["Admin"] = [admin_1]
if pages:
    pg = st.navigation({"Account": [logout_page, settings]} | pages)
else:
    pg = st.navigation([st.Page(login)])
pg.run()
"""


DYNAMIC_FILES = ("settings.py", "request/request_1.py", "respond/respond_1.py", "admin/admin_1.py")


DYNAMIC_ENTRIES = {
    "/": "signed-in",
    "/login": "signed-in",
    "/logout": "signed-in",
    "/settings": "signed-in",
    "/request_1": "signed-in",
    "/respond_1": "signed-in",
    "/admin_1": "read:orders",
}


def test_streamlits_dynamic_navigation_tutorial_works_and_its_pages_keep_their_permissions(serve: Serve) -> None:
    script = serve(DYNAMIC, DYNAMIC_ENTRIES, DYNAMIC_FILES)

    def as_role(role: str, *roles: str) -> AppTest:
        at = open_as(script, *roles)
        assert [box.label for box in at.selectbox] == ["Choose your role"]
        return at.selectbox[0].select(role).run().button[-1].click().run()

    assert ran(as_role("Requester"))[-1] == "request_1"
    responder = as_role("Responder")
    assert ran(responder)[-1] == "respond_1"
    assert ran(responder.switch_page("settings.py").run())[-1] == "settings"
    assert ran(as_role("Admin", "viewer"))[-1] == "admin_1"
    chosen_only = as_role("Admin")  # a role that the app lets every user choose is no permission
    assert ran(chosen_only) == []
    assert "No access" in page_text(chosen_only)
    assert ran(chosen_only.switch_page("request/request_1.py").run())[-1] == "request_1"
