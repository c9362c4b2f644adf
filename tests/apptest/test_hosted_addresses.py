"""A page of a hosted app at another address needs the entry of its own address too."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.apptest.hosted_apps import Serve, open_as, page_text, ran

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
def test_a_page_at_another_address_needs_its_own_entry_too(serve: Serve, entry: str) -> None:
    script = serve(entry)
    may_not, may = at_open(script), at_open(script, "viewer")
    assert ran(may_not) == []
    assert "No access" in page_text(may_not)
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
    return open_as(script, *roles, path="/open")


@pytest.mark.parametrize("unrelated", ["lib/orders.py", "views/1_orders.py", "mine/orders.py"])
def test_an_unrelated_file_of_the_same_name_removes_no_entry(serve: Serve, unrelated: str) -> None:
    script = serve('st.navigation([home, st.Page("views/orders.py", url_path="open")]).run()', files=(unrelated,))
    may_not = at_open(script)
    assert ran(may_not) == []
    assert "No access" in page_text(may_not)
    (explanation,) = [caption.value for caption in may_not.caption if "gatehouse.toml" in caption.value]
    assert explanation == (
        "The page /open needs the entry of /orders in gatehouse.toml too: that is the address that Streamlit infers "
        "from the name of its file or function, or another address of the same page."
    )
    assert ran(at_open(script, "viewer")) == ["orders"]


def test_a_page_whose_function_has_no_name_needs_its_own_entry_only(serve: Serve) -> None:
    """``""`` is the entry of the start page, and no inferred address."""
    page = 'functools.partial(ran, "x"), title="X", url_path="open"'
    script = serve(
        f"import functools\nst.navigation([st.Page(orders, default=True), st.Page({page})]).run()",
        {"/": "read:orders", "/orders": "read:orders", "/open": "signed-in"},
    )
    assert ran(at_open(script)) == ["x"]


def test_two_files_of_one_name_both_need_the_entry_of_that_name(serve: Serve) -> None:
    script = serve('st.navigation([home, st.Page("mine/orders.py", url_path="open")]).run()', files=("mine/orders.py",))
    assert ran(at_open(script)) == []
    assert ran(at_open(script, "viewer")) == ["orders"]


def test_pages_created_by_one_function_are_separate_pages(serve: Serve) -> None:
    script = serve(
        """
        def create_page(name):
            def page():
                ran(name)
            return page

        orders_page = st.Page(create_page("orders"), url_path="orders")
        st.navigation([home, orders_page, st.Page(create_page("open"), url_path="open")]).run()
        """
    )
    assert ran(at_open(script)) == ["open"]
