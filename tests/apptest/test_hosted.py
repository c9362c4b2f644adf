"""Rights inside an app that is not ours: rows for its pages, a permission to enter, its own guarded functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import hosted_pages, testing
from app.core.clock import utc_now
from app.core.policy import Source
from app.core.records import NewGrant
from app.services import Services
from tests.apptest.hosted_apps import page_text, ran, refusals, serve, write

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


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "home.py").write_text(HOME)
    (tmp_path / "views" / "orders.py").write_text(ORDERS)
    (tmp_path / "views" / "secret.py").write_text(SECRET)
    return write(tmp_path / "app.py", SHOP)


def served(script: Path, declarations: str = ROWS) -> None:
    """Serve the script from now on in this process, with these declarations."""
    write(script.parent / "gatehouse.toml", declarations)
    serve(script)


def opened(script: Path, path: str = "/", **who: object) -> AppTest:
    """The app opened at a path, by somebody with these ``roles`` or by nobody."""
    at = AppTest.from_file(str(script), default_timeout=20)
    at.context = {"url": f"http://localhost:8501{path}"}
    testing.nobody_at(at)
    if who:
        testing.sign_in_as(at, **who)  # type: ignore[arg-type] # as it stands in the tests below
    return at.run()


def test_nobody_gets_sign_in_and_the_script_does_not_run(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = opened(shop)
    assert "Sign in" in page_text(at)
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
    assert "Welcome" in page_text(at)
    assert "gatehouse-account" in str(at.sidebar)


def test_a_page_opens_for_whom_its_row_says_and_for_nobody_else(gatehouse: Services, shop: Path) -> None:
    served(shop)
    may, may_not = opened(shop, roles=["viewer"]), opened(shop, roles=["developer"])
    may.switch_page("views/orders.py").run()
    assert ran(may)[-1] == "orders"
    may_not.switch_page("views/orders.py").run()
    assert ran(may_not)[-1] == "shop"
    assert "No access" in page_text(may_not)
    assert "See the orders" in page_text(may_not)
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
    write(shop, SHOP.replace('"Shop": pages', '"Takeover": [orders, "views/secret.py"], "Shop": [refunds]'))
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
    assert ("No access" in page_text(at)) is not told


def test_rows_count_for_a_navigation_imported_from_where_streamlit_keeps_it(gatehouse: Services, shop: Path) -> None:
    named = SHOP.replace("import streamlit as st\n", f"import streamlit as st\n{IMPORTED}", 1)
    write(shop, named.replace("st.navigation(", "navigation(") + REGISTERED)
    served(shop)
    at = opened(shop, roles=["developer"]).switch_page("views/orders.py").run()
    assert ran(at)[-1] == "shop"
    assert "No access" in page_text(at)
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
    assert "No access" in page_text(at.run())
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
    assert "Confirm it is you" in page_text(at.run())
    assert ran(at)[-1] == "shop"


def test_the_whole_app_may_ask_for_a_permission(gatehouse: Services, shop: Path) -> None:
    served(shop, 'enter = "read:orders"\n' + ROWS.partition("[pages]")[0])
    assert ran(opened(shop, roles=["viewer"])) == ["shop", "home"]
    at = opened(shop, "/orders", roles=["developer"])
    assert ran(at) == []
    assert "No access" in page_text(at)
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
    assert "Your account is blocked" in page_text(at)
    assert ran(at) == []


def test_an_error_of_theirs_is_shown_as_a_problem_with_a_number_only(gatehouse: Services, shop: Path) -> None:
    shop.write_text("import streamlit as st\nst.title('Theirs')\nst.stop()\n")
    served(shop, "")
    assert "Theirs" in page_text(opened(shop, roles=["viewer"]))  # what stops a script is not taken for an error


def test_a_script_that_changed_runs_as_it_is_now(gatehouse: Services, shop: Path) -> None:
    served(shop)
    assert "Welcome" in page_text(opened(shop, roles=["viewer"]))
    shop.write_text("import streamlit as st\nst.title('Anew')\n")
    assert "Anew" in page_text(opened(shop, roles=["viewer"]))
