"""A guard above a cache checks each caller; guards in other places are refused at decoration."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
import streamlit as st

from app import access
from app.core.guard import GuardedCache
from app.core.permissions import Permission
from app.services import Services
from tests.apptest.identity_scripts import error, run

ABOVE_A_CACHE = {
    "cache_data": "@access.requires(Permission.READ_REPORTS)\n@st.cache_data\n",
    "cache_data with options": "@access.requires('read:reports')\n@st.cache_data(ttl=60, show_spinner=False)\n",
    "cache_resource": "@access.requires(Permission.READ_REPORTS)\n@st.cache_resource\n",
    "lru_cache": "@access.requires(Permission.READ_REPORTS)\n@functools.lru_cache\n",
}


@pytest.mark.parametrize("decorators", ABOVE_A_CACHE.values(), ids=ABOVE_A_CACHE)
def test_a_guard_above_a_cache_checks_each_caller(gatehouse: Services, decorators: str) -> None:
    code = f"{decorators}def report(month):\n    return f'the report of {{month}}'\n"
    assert run(code, "report('May')", "viewer").session_state["answer"] == "the report of May"
    assert error(run(code, "report('May')")) == "PermissionDenied: You lack a permission for this."
    assert error(run(code, "report('May')", anonymous=True)) == "Unauthenticated: Sign in to continue."


def test_a_guarded_cache_can_be_cleared(gatehouse: Services) -> None:
    code = """
    calls = []


    @access.requires(Permission.READ_REPORTS)
    @st.cache_data
    def report(month):
        calls.append(month)
        return len(calls)


    class Shop:
        def __init__(self, name):
            self.name = name

        @access.requires(Permission.READ_REPORTS)
        @st.cache_data(hash_funcs={"__main__.Shop": lambda shop: shop.name})
        def report(self, month):
            calls.append((self.name, month))
            return len(calls)


    a, b = Shop("a"), Shop("b")
    """
    calls = "[report(1), report(2), report(1), report.clear(1), report(1), report(2), report.clear(), report(2)]"
    assert run(code, calls, "viewer").session_state["answer"] == [1, 2, 1, None, 3, 2, None, 4]
    calls = (
        "[a.report(1), b.report(1), a.report(1), a.report.clear(1), a.report(1), b.report(1), "
        "Shop.report.required_permission, a.report.required_permission]"
    )
    answer = run(code, calls, "viewer").session_state["answer"]
    assert answer == [1, 2, 1, None, 3, 2, Permission.READ_REPORTS, Permission.READ_REPORTS]
    assert error(run(code, "a.report(1)")) == "PermissionDenied: You lack a permission for this."


def test_a_guard_above_an_asynchronous_cache_checks_before_the_call(gatehouse: Services) -> None:
    code = """
    @access.requires(Permission.READ_REPORTS)
    @st.cache_data
    async def report():
        return 7


    async def call():
        return await report()
    """
    assert run(code, "asyncio.run(call())", "viewer").session_state["answer"] == 7
    assert error(run(code, "asyncio.run(call())")) == "PermissionDenied: You lack a permission for this."


@pytest.mark.parametrize("decorator", ["st.fragment", "st.fragment(run_every=9)", "st.dialog('Sure?')"])
def test_a_guard_must_be_below_fragments_and_dialogs(gatehouse: Services, decorator: str) -> None:
    guard = "@access.requires(Permission.READ_REPORTS)"
    body = "def part():\n    st.session_state['drawn'] = True\n"
    below = f"@{decorator}\n{guard}\n{body}"
    assert run(below, "part()", "viewer").session_state["drawn"] is True
    may_not = run(below, "part()")
    assert "drawn" not in may_not.session_state
    assert len(may_not.exception) == 1  # Streamlit shows the error in the fragment
    above = textwrap.indent(f"{guard}\n@{decorator}\n{body}return part", "    ")
    at = run(f"def decorated():\n{above}", "decorated()", "viewer")
    assert error(at).startswith("TypeError: @requires goes below @st.fragment and @st.dialog")


def test_a_guard_in_a_wrong_place_is_refused_at_decoration() -> None:
    requires: Any = access.requires(Permission.READ_REPORTS)

    class Callable_:  # noqa: N801 - its instances are called
        def __call__(self) -> None: ...

    method: Any = classmethod
    places: list[object] = [staticmethod(len), method(len), property(len), type("A", (), {}), Callable_(), len, 7]
    for wrong in places:
        with pytest.raises(TypeError, match="@requires decorates a function or method, or a cache of one"):
            requires(wrong)
    assert isinstance(requires(st.cache_data(lambda: 1)), GuardedCache)
    with pytest.raises(TypeError, match="`principal`"):
        requires(st.cache_data(lambda principal: principal))
