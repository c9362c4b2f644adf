"""A right belongs to a hosted app's page, wherever the app moves it: to the start, to other addresses."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import hosted, testing
from app import services as composition
from app.core.declarations import declare_beside
from app.core.hosting import hosting_mistakes
from app.core.permissions import declare
from app.services import Services
from db import Database, seed

PERMISSIONS = '[permissions]\n"read:orders" = { sentence = "See the orders.", roles = ["viewer"] }\n'
ROWS = {"/": "signed-in", "/home": "signed-in", "/open": "signed-in", "/orders": "read:orders"}
RAN = 'import streamlit as st\nst.session_state.setdefault("ran", []).append("{name}")\nst.title("{name}")\n'
FUNCTIONS = """
import streamlit as st


def ran(name):
    st.session_state.setdefault("ran", []).append(name)
    st.title(name)


def home():
    ran("home")


def orders():
    ran("orders")


"""

Serve = Callable[..., Path]


@pytest.fixture
def gatehouse() -> Iterator[Services]:
    with testing.gatehouse() as built:
        yield built
    hosted.install(None)
    declare({}, {})


@pytest.fixture
def serve(gatehouse: Services, tmp_path: Path) -> Serve:
    """Serve an entry script of functions that are pages, beside ``views/home.py`` and ``views/orders.py``."""

    def served(entry: str, rows: dict[str, str] | None = None, files: tuple[str, ...] = ()) -> Path:
        for file in ("views/home.py", "views/orders.py", *files):
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(RAN.format(name=Path(file).stem))
        script = tmp_path / "shop.py"
        script.write_text(FUNCTIONS + textwrap.dedent(entry))
        lines = [f'"{path}" = "{asked}"' for path, asked in (ROWS if rows is None else rows).items()]
        (tmp_path / "gatehouse.toml").write_text("\n".join([PERMISSIONS, "[pages]", *lines]))
        declared = declare_beside(script)
        assert hosting_mistakes(script, declared) == []
        hosted.install(hosted.Hosted(script, declared))
        storage = composition.services().storage
        assert isinstance(storage, Database)
        seed(storage)
        return script

    return served


def opened(script: Path, *roles: str, path: str = "/") -> AppTest:
    """The app opened at a path by a user with these roles."""
    at = AppTest.from_file(str(script), default_timeout=20)
    at.context = {"url": f"http://localhost:8501{path}"}
    testing.sign_in_as(at, roles=roles)
    return at.run()


def ran(at: AppTest) -> list[str]:
    return list(at.session_state["ran"]) if "ran" in at.session_state else []


def shown(at: AppTest) -> str:
    assert not at.exception, at.exception
    return " ".join(element.value for kind in (at.title, at.markdown, at.error) for element in kind).replace("\\", "")


def refusals(gatehouse: Services) -> list[tuple[str, str]]:
    storage = gatehouse.storage
    assert isinstance(storage, Database)
    with storage.engine.connect() as connection:
        rows = connection.execute(text("SELECT kind, target FROM audit_events WHERE outcome = 'refused' ORDER BY seq"))
        return [(row.kind, row.target) for row in rows]


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
def test_the_start_page_needs_the_row_of_its_own_address_too(gatehouse: Services, serve: Serve, entry: str) -> None:
    script = serve(entry, files=("views/1_orders.py",))
    may_not = opened(script)
    assert not {"orders", "1_orders"} & set(ran(may_not))
    assert "No access" in shown(may_not)
    assert "See the orders" in shown(may_not)
    assert refusals(gatehouse) == [("app:page:deny", "/orders")]
    assert ran(opened(script, "viewer"))[-1] in {"orders", "1_orders"}


ANOTHER_NAVIGATION = {
    "streamlit loaded again": (
        "import contextlib\nimport importlib\nimport streamlit\n"
        "with contextlib.suppress(RuntimeError):  # it cannot be loaded whole twice\n    importlib.reload(streamlit)\n"
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
def test_rows_are_read_where_the_page_runs(gatehouse: Services, serve: Serve, entry: str) -> None:
    script = serve(entry)
    may_not = opened(script)
    assert ran(may_not) == []
    assert "No access" in shown(may_not)
    assert ran(opened(script, "viewer")) == ["orders"]


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
    at = opened(script, "viewer")
    assert ran(at) == ["home"]
    assert (
        "NotFound: orders.py runs as a page only, by the run() of its page, so that its row counts."
        in at.error[0].value
    )


def test_a_script_that_streamlit_finds_by_itself_is_no_page(serve: Serve, tmp_path: Path) -> None:
    serve("st.navigation([home]).run()")
    at = opened(tmp_path / "views" / "home.py", "viewer")  # as it would run one of a folder pages/
    assert ran(at) == []
    assert "home.py runs as a page only" in shown(at)


AT_ANOTHER_ADDRESS = {
    "a function under two page objects": 'st.navigation([home, orders, st.Page(orders, url_path="open")]).run()',
    "a function that names another address": 'st.navigation([home, st.Page(orders, url_path="open")]).run()',
    "a file that names another address": 'st.navigation([home, st.Page("views/orders.py", url_path="open")]).run()',
    "a decorated function": (
        "import functools\n\n\n@functools.wraps(orders)\ndef shown():\n    orders()\n\n\n"
        'st.navigation([home, st.Page(shown, url_path="open")]).run()'
    ),
    "a function of another name, under two page objects": (
        'show = lambda: ran("orders")\n'
        'st.navigation([home, st.Page(show, url_path="orders"), st.Page(show, url_path="open")]).run()'
    ),
    "two navigations": (
        'show = lambda: ran("orders")\nst.navigation([home, st.Page(show, url_path="orders")])\n'
        'st.navigation([home, st.Page(show, url_path="open")]).run()'
    ),
}


@pytest.mark.parametrize("entry", AT_ANOTHER_ADDRESS.values(), ids=AT_ANOTHER_ADDRESS)
def test_a_page_at_another_address_needs_its_own_row_too(serve: Serve, entry: str) -> None:
    script = serve(entry)
    may_not, may = at_open(script), at_open(script, "viewer")
    assert ran(may_not) == []
    assert "No access" in shown(may_not)
    assert ran(may) == ["orders"]


def at_open(script: Path, *roles: str) -> AppTest:
    """The page at ``/open``, as its address in a browser opens it."""
    source = script.read_text()
    if "page_name" not in source:
        script.write_text(
            "from streamlit.runtime.scriptrunner import get_script_run_ctx\n"
            'get_script_run_ctx().pages_manager.set_script_intent("", "open")  # page_name of a browser at /open\n'
            + source
        )
    return opened(script, *roles, path="/open")


@pytest.mark.parametrize("unrelated", ["lib/orders.py", "views/1_orders.py", "mine/orders.py"])
def test_an_unrelated_file_of_the_same_name_takes_no_row_away_from_a_page(serve: Serve, unrelated: str) -> None:
    script = serve('st.navigation([home, st.Page("views/orders.py", url_path="open")]).run()', files=(unrelated,))
    may_not = at_open(script)
    assert ran(may_not) == []
    assert "No access" in shown(may_not)
    (explanation,) = [caption.value for caption in may_not.caption if "gatehouse.toml" in caption.value]
    assert explanation == (
        "The page /open needs the row of /orders in gatehouse.toml too: that is the address that Streamlit infers from "
        "the name of its file or function, or another address of the same page."
    )
    assert ran(at_open(script, "viewer")) == ["orders"]


def test_a_page_whose_function_has_no_name_needs_its_own_row_only(serve: Serve) -> None:
    """``""`` is the row of the start page, and no inferred address."""
    page = 'functools.partial(ran, "x"), title="X", url_path="open"'
    script = serve(
        f"import functools\nst.navigation([st.Page(orders, default=True), st.Page({page})]).run()",
        {"/": "read:orders", "/orders": "read:orders", "/open": "signed-in"},
    )
    assert ran(at_open(script)) == ["x"]


def test_of_two_files_of_one_name_both_need_the_row_of_that_name(serve: Serve) -> None:
    script = serve('st.navigation([home, st.Page("mine/orders.py", url_path="open")]).run()', files=("mine/orders.py",))
    assert ran(at_open(script)) == []
    assert ran(at_open(script, "viewer")) == ["orders"]


def test_pages_made_by_one_function_are_pages_of_their_own(serve: Serve) -> None:
    script = serve(
        """
        def made(name):
            def page():
                ran(name)
            return page

        st.navigation([home, st.Page(made("orders"), url_path="orders"), st.Page(made("open"), url_path="open")]).run()
        """
    )
    assert ran(at_open(script)) == ["open"]


@pytest.mark.parametrize(
    ("entry", "rows", "said"),
    [
        ("st.navigation([home]).run()", {"/": "signed-in"}, "/home has no row in gatehouse.toml"),
        ("st.navigation([home]).run()", {"/home": "signed-in"}, "/ has no row in gatehouse.toml"),
        (
            'import functools\nst.navigation([st.Page(functools.partial(ran, "x"), title="X", default=True)]).run()',
            {"/": "signed-in"},
            "This page has no address of its own",
        ),
        ('st.navigation(["views/secret.py"]).run()', {"/": "signed-in"}, "/secret has no row in gatehouse.toml"),
    ],
    ids=["own address", "start", "no address", "a page for nobody"],
)
def test_a_start_page_without_one_of_its_rows_opens_for_nobody(
    serve: Serve, entry: str, rows: dict[str, str], said: str
) -> None:
    at = opened(serve(entry, rows, files=("views/secret.py",)), "administrator")
    assert ran(at) == []
    assert said in shown(at)


def test_a_renamed_script_opens_for_nobody_until_it_has_a_row(serve: Serve) -> None:
    at = opened(serve('st.navigation([home, "views/sales.py"]).run()', files=("views/sales.py",)), "administrator")
    at.switch_page("views/sales.py").run()
    assert ran(at) == ["home"]
    assert "/sales has no row in gatehouse.toml" in shown(at)


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
DYNAMIC_ROWS = {
    "/": "signed-in",
    "/login": "signed-in",
    "/logout": "signed-in",
    "/settings": "signed-in",
    "/request_1": "signed-in",
    "/respond_1": "signed-in",
    "/admin_1": "read:orders",
}


def test_the_tutorial_of_dynamic_navigation_works_and_its_start_pages_keep_their_rights(serve: Serve) -> None:
    script = serve(DYNAMIC, DYNAMIC_ROWS, DYNAMIC_FILES)

    def as_role(role: str, *roles: str) -> AppTest:
        at = opened(script, *roles)
        assert [box.label for box in at.selectbox] == ["Choose your role"]
        return at.selectbox[0].select(role).run().button[-1].click().run()

    assert ran(as_role("Requester"))[-1] == "request_1"
    responder = as_role("Responder")
    assert ran(responder)[-1] == "respond_1"
    assert ran(responder.switch_page("settings.py").run())[-1] == "settings"
    assert ran(as_role("Admin", "viewer"))[-1] == "admin_1"
    chosen_only = as_role("Admin")  # what the app lets anybody choose is no right
    assert ran(chosen_only) == []
    assert "No access" in shown(chosen_only)
    assert ran(chosen_only.switch_page("request/request_1.py").run())[-1] == "request_1"
