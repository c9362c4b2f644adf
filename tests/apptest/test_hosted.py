"""Rights inside an app that is not ours: rows for its pages, a permission to enter, its own guarded functions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import hosted, hosted_pages, testing
from app import services as composition
from app.core.clock import utc_now
from app.core.declarations import Declarations, declare_beside
from app.core.hosting import hosting_mistakes
from app.core.permissions import declare
from app.core.policy import Source
from app.core.records import NewGrant
from app.services import Services
from db import Database, seed
from tests.stack import ROOT

SHOP = """
import streamlit as st

from app import access

st.session_state.setdefault("ran", []).append("shop")


@access.requires("refund:orders")
def refund():
    st.session_state["ran"].append("refund")


def refunds():
    st.session_state["ran"].append("refunds")
    st.title("Refunds")


orders = st.Page("views/orders.py", title="Orders", icon=":material/list:")
pages = ["views/home.py", orders, refunds, "views/secret.py"]
page = st.navigation({"Shop": pages, "Else": [st.Page("https://example.org/", title="Elsewhere")]})
st.button("Refund", key="refund", on_click=refund)
page.run()
"""
HOME = """
import streamlit as st

st.session_state["ran"].append("home")
st.title("Welcome")
st.page_link("views/orders.py", label="To the orders")
"""
ORDERS = """
import streamlit as st

st.session_state["ran"].append("orders")
st.title("Orders")
"""
SECRET = """
import streamlit as st

st.session_state["ran"].append("secret")
"""
REGISTERED = """
from streamlit.runtime.scriptrunner import get_script_run_ctx

registered = get_script_run_ctx().pages_manager.get_pages().values()
st.session_state["registered"] = [page["page_name"] for page in registered]
"""
IMPORTED = "from streamlit.commands.navigation import navigation\n"
ROWS = """
[permissions]
"read:orders" = { sentence = "See the orders.", roles = ["viewer"] }
"refund:orders" = { sentence = "Pay an order back.", roles = ["analyst"], max_age_seconds = 600 }

[pages]
"/" = "signed-in"
"/home" = "signed-in"
"/orders" = "read:orders"
"/refunds" = "refund:orders"
"""


AS_SERVED = """
import pathlib, sys
import app.asgi
from app import hosted
folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(folder))
hosted.make_room(folder)
import db, component
from app import access
print(db.WHOSE, component.__file__, access.__file__)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "home.py").write_text(HOME)
    (tmp_path / "views" / "orders.py").write_text(ORDERS)
    (tmp_path / "views" / "secret.py").write_text(SECRET)
    return written(tmp_path / "app.py", SHOP)


@pytest.fixture
def gatehouse() -> Iterator[Services]:
    with testing.gatehouse() as built:
        yield built


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    yield
    hosted.install(None)
    declare({}, {})


def served(script: Path, declarations: str = ROWS) -> None:
    """Serve the script from now on in this process, with these declarations."""
    (script.parent / "gatehouse.toml").write_text(declarations)
    declared = declare_beside(script)
    assert hosting_mistakes(script, declared) == []
    hosted.install(hosted.Hosted(script, declared))
    storage = composition.services().storage
    assert isinstance(storage, Database)
    seed(storage)


def opened(script: Path, path: str = "/", **who: object) -> AppTest:
    """The app opened at a path, by somebody with these ``roles`` or by nobody."""
    at = AppTest.from_file(str(script), default_timeout=20)
    at.context = {"url": f"http://localhost:8501{path}"}
    testing.nobody_at(at)
    if who:
        testing.sign_in_as(at, **who)  # type: ignore[arg-type] # as it stands in the tests below
    return at.run()


def refusals(gatehouse: Services) -> list[tuple[str, str]]:
    storage = gatehouse.storage
    assert isinstance(storage, Database)
    with storage.engine.connect() as connection:
        rows = connection.execute(text("SELECT kind, target FROM audit_events WHERE outcome = 'refused' ORDER BY seq"))
        return [(row.kind, row.target) for row in rows]


def ran(at: AppTest) -> list[str]:
    return list(at.session_state["ran"]) if "ran" in at.session_state else []


def shown(at: AppTest) -> str:
    assert not at.exception, at.exception
    return " ".join([*(title.value for title in at.title), *(markdown.value for markdown in at.markdown)])


def test_nobody_gets_sign_in_and_the_script_does_not_run(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = opened(shop)
    assert "Sign in" in shown(at)
    assert ran(at) == []


def test_without_the_guard_in_front_nothing_runs(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = opened(shop, roles=["administrator"])
    at.user["guard"] = "made up"
    at.session_state["ran"] = []
    at.run()
    assert "not guarding" in at.error[0].value
    assert ran(at) == []


def test_signed_in_the_app_runs_whole_with_the_account_beside_it(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = opened(shop, roles=["viewer"], name="Ann Example")
    assert ran(at) == ["shop", "home"]
    assert "Welcome" in shown(at)
    assert "gatehouse-account" in str(at.sidebar)


def test_a_page_opens_for_whom_its_row_says_and_for_nobody_else(gatehouse: Services, shop: Path) -> None:
    served(shop)
    may, may_not = opened(shop, roles=["viewer"]), opened(shop, roles=["developer"])
    may.switch_page("views/orders.py").run()
    assert ran(may)[-1] == "orders"
    may_not.switch_page("views/orders.py").run()
    assert ran(may_not)[-1] == "shop"
    assert "No access" in shown(may_not)
    assert "See the orders" in shown(may_not)
    may_not.run()
    assert refusals(gatehouse) == [("app:page:deny", "/orders")]


@pytest.mark.parametrize(("role", "told"), [("viewer", True), ("developer", False)])
def test_a_section_of_which_nothing_may_be_opened_is_not_told(
    gatehouse: Services, shop: Path, monkeypatch: pytest.MonkeyPatch, role: str, told: bool
) -> None:
    sections: list[str] = []

    def seen(pages: dict[str, list[object]], **options: object) -> st.Page:
        sections.extend(pages)
        chosen: st.Page = navigate(pages, **options)
        return chosen

    navigate: Any = hosted_pages.original_navigation
    written(shop, SHOP.replace('"Shop": pages', '"Takeover": [orders, "views/secret.py"], "Shop": [refunds]'))
    served(
        shop,
        ROWS.replace('"/refunds" = "refund:orders"', '"/refunds" = "signed-in"').replace(
            '"/" = "signed-in"', '"/" = "read:orders"'
        ),
    )
    monkeypatch.setattr(hosted_pages, "original_navigation", seen)
    # Its first page is the start page still, for whoever may open it or not.
    at = opened(shop, roles=[role])
    assert ("Takeover" in sections) is told
    assert ran(at)[-1] == ("orders" if told else "shop")
    assert ("No access" in shown(at)) is not told


def test_rows_count_for_a_navigation_imported_from_where_streamlit_keeps_it(gatehouse: Services, shop: Path) -> None:
    named = SHOP.replace("import streamlit as st\n", f"import streamlit as st\n{IMPORTED}", 1)
    written(shop, named.replace("st.navigation(", "navigation(") + REGISTERED)
    served(shop)
    at = opened(shop, roles=["developer"]).switch_page("views/orders.py").run()
    assert ran(at)[-1] == "shop"
    assert "No access" in shown(at)
    assert at.session_state["registered"] == ["home", "Elsewhere", "No access", "No access", "No access"]


def test_a_right_that_is_taken_away_is_gone_at_the_next_run(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = AppTest.from_file(str(shop), default_timeout=20)
    who = testing.sign_in_as(at, roles=["viewer"])
    at.run().switch_page("views/orders.py").run()
    assert ran(at)[-1] == "orders"
    with gatehouse.storage.unit_of_work() as unit:
        unit.revoke_grant(NewGrant(subject=who, source=Source.ADMIN, by="test", role="viewer"), utc_now())
        unit.commit()
    assert "No access" in shown(at.run())
    assert ran(at)[-1] == "shop"


def test_a_guarded_function_of_theirs_asks_for_their_permission(gatehouse: Services, shop: Path) -> None:
    served(shop)
    may, may_not = opened(shop, roles=["analyst"]), opened(shop, roles=["viewer"])
    may.button(key="refund").click().run()
    assert "refund" in ran(may)
    may_not.button(key="refund").click().run()
    assert "refund" not in ran(may_not)
    assert refusals(gatehouse) == [("app:function:deny", "pages.app:refund")]


def test_a_page_without_a_row_opens_for_nobody(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = opened(shop, roles=["administrator"]).switch_page("views/secret.py").run()
    assert ran(at)[-1] == "shop"
    assert "no row in gatehouse.toml" in at.error[0].value.replace("\\", "")


def test_without_rows_every_page_opens_for_whoever_is_signed_in(gatehouse: Services, shop: Path) -> None:
    served(shop, ROWS.partition("[pages]")[0])
    at = opened(shop, roles=["developer"]).switch_page("views/secret.py").run()
    assert ran(at)[-1] == "secret"


def test_a_page_that_asks_for_a_fresh_sign_in_says_so(gatehouse: Services, shop: Path) -> None:
    served(shop, ROWS.replace('"/orders" = "read:orders"', '"/orders" = "refund:orders"'))
    at = opened(shop, roles=["analyst"]).switch_page("views/orders.py").run()
    assert ran(at)[-1] == "orders"
    with gatehouse.storage.engine.begin() as connection:  # type: ignore[attr-defined] # the database's
        connection.execute(text("UPDATE sessions SET authenticated_at = authenticated_at - 700 * 1000000"))
    assert "Confirm it is you" in shown(at.run())
    assert ran(at)[-1] == "shop"


def test_the_whole_app_may_ask_for_a_permission(gatehouse: Services, shop: Path) -> None:
    served(shop, 'enter = "read:orders"\n' + ROWS.partition("[pages]")[0])
    assert ran(opened(shop, roles=["viewer"])) == ["shop", "home"]
    at = opened(shop, "/orders", roles=["developer"])
    assert ran(at) == []
    assert "No access" in shown(at)
    assert "gatehouse-account" in str(at.sidebar)
    assert refusals(gatehouse) == [("app:page:deny", "/")]


def test_somebody_who_is_blocked_sees_that_and_nothing_else(gatehouse: Services, shop: Path) -> None:
    served(shop, "")
    at = AppTest.from_file(str(shop), default_timeout=20)
    who = testing.sign_in_as(at, roles=["administrator"])
    with gatehouse.storage.unit_of_work() as unit:
        unit.set_blocked(who, blocked=True)
        unit.commit()
    at.run()
    assert "Your account is blocked" in shown(at)
    assert ran(at) == []


def test_an_error_of_theirs_is_shown_as_a_problem_with_a_number_only(gatehouse: Services, shop: Path) -> None:
    shop.write_text("import streamlit as st\nst.title('Theirs')\nst.stop()\n")
    served(shop, "")
    assert "Theirs" in shown(opened(shop, roles=["viewer"]))  # what stops a script is not taken for an error


def test_a_script_that_changed_runs_as_it_is_now(gatehouse: Services, shop: Path) -> None:
    served(shop)
    assert "Welcome" in shown(opened(shop, roles=["viewer"]))
    shop.write_text("import streamlit as st\nst.title('Anew')\n")
    assert "Anew" in shown(opened(shop, roles=["viewer"]))


@pytest.mark.parametrize(
    ("files", "declarations", "said"),
    [
        (["pages/extra.py"], "", "without asking anybody"),
        (["app/thing.py"], "", "rename it"),
        ([], '[pages]\n"/" = "signed-in"', "nothing here calls st.navigation"),
    ],
)
def test_what_cannot_be_served_is_said_at_start(tmp_path: Path, files: list[str], declarations: str, said: str) -> None:
    script = tmp_path / "main.py"
    script.write_text("import streamlit as st\n")
    (tmp_path / "gatehouse.toml").write_text(declarations)
    for file in files:
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    (found,) = hosting_mistakes(script, declare_beside(script))
    assert said in found


def test_a_pages_folder_keeps_the_command_from_serving(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    script = written(tmp_path / "main.py", "import streamlit as st\n")
    names = ("AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET", "AUTH0_AUDIENCE")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app", "serve", str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **dict.fromkeys(names, "acme.eu.auth0.com")},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"{tmp_path / 'pages'}: Streamlit would serve this folder's scripts without asking anybody." in done.stderr
    assert "st.navigation" in done.stderr


def test_another_script_than_the_one_all_know_is_not_served(tmp_path: Path) -> None:
    known, other = written(tmp_path / "main.py", ""), written(tmp_path / "other.py", "")
    names = ("AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET", "AUTH0_AUDIENCE")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app", "serve", str(other)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GATEHOUSE_APP": str(known),
            **dict.fromkeys(names, "acme.eu.auth0.com"),
        },
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"GATEHOUSE_APP names {known}, and the command line {other}." in done.stderr


def test_a_script_may_be_called_app_but_not_a_module_beside_it(tmp_path: Path) -> None:
    for name in ("app.py", "main.py"):
        (tmp_path / name).touch()
    assert hosting_mistakes(tmp_path / "app.py", Declarations()) == []
    assert len(hosting_mistakes(tmp_path / "main.py", Declarations())) == 1
    assert "not a Python file" in hosting_mistakes(tmp_path / "none.py", Declarations())[0]


def test_modules_beside_the_script_named_like_ours_are_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            AS_SERVED,
            str(tmp_path),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        cwd=written(tmp_path / "db.py", "WHOSE = 'theirs'\n").parent,
    )
    assert done.stdout.split() == ["theirs", str(ROOT / "component/__init__.py"), str(ROOT / "app/access.py")]


def written(file: Path, text: str) -> Path:
    file.write_text(text)
    return file
