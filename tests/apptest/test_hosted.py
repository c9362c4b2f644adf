"""Permissions inside a hosted app: entries for its pages, a permission to enter, its own guarded functions."""

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


ENTRIES = """
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


def served(script: Path, config: str = ENTRIES) -> None:
    """Serve the script in this process, with this configuration."""
    write(script.parent / "gatehouse.toml", config)
    serve(script)


def open_app(script: Path, path: str = "/", **user: object) -> AppTest:
    """The app opened at a path by a user with these ``roles``, or by an anonymous one."""
    at = AppTest.from_file(str(script), default_timeout=60)
    at.context = {"url": f"http://localhost:8501{path}"}
    testing.make_anonymous(at)
    if user:
        testing.sign_in_as(at, **user)  # type: ignore[arg-type] # as the tests below call it
    return at.run()


def test_an_anonymous_user_sees_sign_in_and_the_script_does_not_run(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = open_app(shop)
    assert "Sign in" in page_text(at)
    assert ran(at) == []


def test_without_the_identity_middleware_nothing_runs(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = open_app(shop, roles=["administrator"])
    at.user["marker"] = "made up"
    at.session_state["ran"] = []
    at.run()
    assert "not guarding" in at.error[0].value
    assert ran(at) == []


def test_a_hosted_app_runs_with_the_account_in_the_sidebar(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = open_app(shop, roles=["viewer"], name="Ann Example")
    assert ran(at) == ["shop", "home"]
    assert "Welcome" in page_text(at)
    assert "gatehouse-account" in str(at.sidebar)


def test_a_page_opens_only_with_the_permission_of_its_entry(gatehouse: Services, shop: Path) -> None:
    served(shop)
    may, may_not = open_app(shop, roles=["viewer"]), open_app(shop, roles=["developer"])
    may.switch_page("views/orders.py").run()
    assert ran(may)[-1] == "orders"
    may_not.switch_page("views/orders.py").run()
    assert ran(may_not)[-1] == "shop"
    assert "No access" in page_text(may_not)
    assert "See the orders" in page_text(may_not)
    may_not.run()
    assert refusals(gatehouse) == [("app:page:deny", "/orders")]


@pytest.mark.parametrize(("role", "shown"), [("viewer", True), ("developer", False)])
def test_a_section_without_permitted_pages_is_not_shown(
    gatehouse: Services, shop: Path, monkeypatch: pytest.MonkeyPatch, role: str, shown: bool
) -> None:
    sections: list[str] = []

    def record_sections(pages: dict[str, list[object]], **options: object) -> st.Page:
        sections.extend(pages)
        chosen: st.Page = navigate(pages, **options)
        return chosen

    navigate: Any = hosted_pages.original_navigation
    write(shop, SHOP.replace('"Shop": pages', '"Takeover": [orders, "views/secret.py"], "Shop": [refunds]'))
    served(
        shop,
        ENTRIES.replace('"/refunds" = "refund:orders"', '"/refunds" = "signed-in"').replace(
            '"/" = "signed-in"', '"/" = "read:orders"'
        ),
    )
    monkeypatch.setattr(hosted_pages, "original_navigation", record_sections)
    # Its first page is still the start page, whether the user may open it or not.
    at = open_app(shop, roles=[role])
    assert ("Takeover" in sections) is shown
    assert ran(at)[-1] == ("orders" if shown else "shop")
    assert ("No access" in page_text(at)) is not shown


def test_entries_apply_to_a_navigation_imported_from_streamlits_module(gatehouse: Services, shop: Path) -> None:
    named = SHOP.replace("import streamlit as st\n", f"import streamlit as st\n{IMPORTED}", 1)
    write(shop, named.replace("st.navigation(", "navigation(") + REGISTERED)
    served(shop)
    at = open_app(shop, roles=["developer"]).switch_page("views/orders.py").run()
    assert ran(at)[-1] == "shop"
    assert "No access" in page_text(at)
    assert at.session_state["registered"] == ["home", "Elsewhere", "No access", "No access", "No access"]


def test_a_revoked_role_closes_the_page_at_the_next_run(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = AppTest.from_file(str(shop), default_timeout=60)
    subject = testing.sign_in_as(at, roles=["viewer"])
    at.run().switch_page("views/orders.py").run()
    assert ran(at)[-1] == "orders"
    with gatehouse.storage.unit_of_work() as unit:
        unit.revoke_grant(NewGrant(subject=subject, source=Source.ADMIN, author="test", role="viewer"), utc_now())
        unit.commit()
    assert "No access" in page_text(at.run())
    assert ran(at)[-1] == "shop"


def test_a_guarded_function_of_a_hosted_app_requires_the_apps_permission(gatehouse: Services, shop: Path) -> None:
    served(shop)
    may, may_not = open_app(shop, roles=["analyst"]), open_app(shop, roles=["viewer"])
    may.button(key="refund").click().run()
    assert "refund" in ran(may)
    may_not.button(key="refund").click().run()
    assert "refund" not in ran(may_not)
    assert refusals(gatehouse) == [("app:function:deny", "pages.app:refund")]


def test_a_page_without_an_entry_is_closed(gatehouse: Services, shop: Path) -> None:
    served(shop)
    at = open_app(shop, roles=["administrator"]).switch_page("views/secret.py").run()
    assert ran(at)[-1] == "shop"
    assert "no entry in gatehouse.toml" in at.error[0].value.replace("\\", "")


def test_without_entries_every_page_opens_for_every_authenticated_user(gatehouse: Services, shop: Path) -> None:
    served(shop, ENTRIES.partition("[pages]")[0])
    at = open_app(shop, roles=["developer"]).switch_page("views/secret.py").run()
    assert ran(at)[-1] == "secret"


def test_a_page_that_requires_a_recent_sign_in_asks_to_confirm(gatehouse: Services, shop: Path) -> None:
    served(shop, ENTRIES.replace('"/orders" = "read:orders"', '"/orders" = "refund:orders"'))
    at = open_app(shop, roles=["analyst"]).switch_page("views/orders.py").run()
    assert ran(at)[-1] == "orders"
    with gatehouse.storage.engine.begin() as connection:  # type: ignore[attr-defined] # the database's
        connection.execute(text("UPDATE sessions SET authenticated_at = authenticated_at - 700 * 1000000"))
    assert "Confirm it is you" in page_text(at.run())
    assert ran(at)[-1] == "shop"


def test_the_whole_app_can_require_a_permission(gatehouse: Services, shop: Path) -> None:
    served(shop, 'enter = "read:orders"\n' + ENTRIES.partition("[pages]")[0])
    assert ran(open_app(shop, roles=["viewer"])) == ["shop", "home"]
    at = open_app(shop, "/orders", roles=["developer"])
    assert ran(at) == []
    assert "No access" in page_text(at)
    assert "gatehouse-account" in str(at.sidebar)
    assert refusals(gatehouse) == [("app:page:deny", "/")]


def test_a_blocked_user_sees_only_that(gatehouse: Services, shop: Path) -> None:
    served(shop, "")
    at = AppTest.from_file(str(shop), default_timeout=60)
    subject = testing.sign_in_as(at, roles=["administrator"])
    with gatehouse.storage.unit_of_work() as unit:
        unit.set_blocked(subject, blocked=True)
        unit.commit()
    at.run()
    assert "Your account is blocked" in page_text(at)
    assert ran(at) == []


def test_a_script_that_stops_itself_is_not_an_error(gatehouse: Services, shop: Path) -> None:
    shop.write_text("import streamlit as st\nst.title('Shop')\nst.stop()\n")
    served(shop, "")
    assert "Shop" in page_text(open_app(shop, roles=["viewer"]))  # st.stop() is not an error


def test_a_changed_script_runs_in_its_new_version(gatehouse: Services, shop: Path) -> None:
    served(shop)
    assert "Welcome" in page_text(open_app(shop, roles=["viewer"]))
    shop.write_text("import streamlit as st\nst.title('Changed')\n")
    assert "Changed" in page_text(open_app(shop, roles=["viewer"]))
