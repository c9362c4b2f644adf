"""No identity is read inside anything that users share: caches, bound functions kept for later, threads of a cache."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import access, testing
from app.core.errors import IdentityShared, PermissionDenied, Unauthenticated
from app.core.guard import GuardedCache
from app.core.permissions import Permission
from app.services import Services

IN_CACHE = "inside st.cache_data or st.cache_resource"
SCRIPT = """
import asyncio
import functools
import threading

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from app import access, api_client, drafts
from app.core.permissions import Permission

{code}

try:
    st.session_state["answer"] = {call}
except Exception as error:
    st.session_state["error"] = f"{{type(error).__name__}}: {{error}}"
"""


@pytest.fixture
def gatehouse() -> Iterator[Services]:
    with testing.gatehouse() as built:
        yield built
    st.cache_data.clear()
    st.cache_resource.clear()


def run(code: str, call: str, *roles: str, anonymous: bool = False) -> AppTest:
    """One run of a script by a user with these roles: what ``call`` gives, or the error that it raises."""
    at = AppTest.from_string(SCRIPT.format(code=textwrap.dedent(code), call=call), default_timeout=20)
    testing.nobody_at(at)
    if not anonymous:
        testing.sign_in_as(at, roles=roles)
    at.run()
    return at


def error(at: AppTest) -> str:
    assert "answer" not in at.session_state, at.session_state["answer"]
    return str(at.session_state["error"])


IDENTITY_CALLS = [
    "access.principal()",
    "access.caller()",
    "access.current_session()",
    "access.recently_checked_session()",
    "access.bound_session()",
    "access.browser_hash()",
    "access.allows(Permission.READ_REPORTS)",
    "access.missing(Permission.READ_REPORTS)",
    "access.decide(Permission.READ_REPORTS)",
    "access.decide(None)",
    "access.require(Permission.READ_REPORTS)",
    "access.require_page()",
    "access.fresh_for(Permission.EXPORT_REPORTS)",
    "access.requires(Permission.READ_REPORTS)(lambda: 1)()",
    "access.bind_session(lambda: 1)",
    "api_client.my_sessions()",
    "api_client.explore('GET', '/api/v1/me', with_token=True)",
    "drafts.store('/')",
]


@pytest.mark.parametrize("cache", ["cache_data", "cache_resource", "cache_data(scope='session')"])
@pytest.mark.parametrize("call", IDENTITY_CALLS)
def test_inside_a_cache_every_call_about_the_user_raises(gatehouse: Services, cache: str, call: str) -> None:
    code = f"""
    st.session_state["gatehouse_kept_values"] = ("/", {{"title": "x"}})


    @st.{cache}
    def cached():
        return str({call})
    """
    if call == "access.require_page()":
        code = f'__file__ = "home.py"\n{textwrap.dedent(code)}'
    assert error(run(code, "cached()", "administrator")).startswith("IdentityShared: ")


WAYS_IN = {
    "a guard below the cache": (
        "@st.cache_data\n@access.requires(Permission.READ_REPORTS)\ndef cached():\n    return 1\n"
    ),
    "a guard below the cache of objects": (
        "@st.cache_resource\n@access.requires(Permission.READ_REPORTS)\ndef cached():\n    return 1\n"
    ),
    "a call within a call": (
        "def inner():\n    return access.principal().name\n\n\n@st.cache_data\ndef cached():\n    return inner()\n"
    ),
    "a cache within a cache": (
        "@st.cache_data\ndef inner():\n    return 1\n\n\n"
        "@st.cache_resource\ndef cached():\n    inner()\n    return access.principal().name\n"
    ),
    "a coroutine": (
        "@st.cache_data\nasync def later():\n    await asyncio.sleep(0)\n    return access.principal().name\n\n\n"
        "def cached():\n    return asyncio.run(later())\n"
    ),
    "a coroutine run inside": (
        "async def later():\n    await asyncio.sleep(0)\n    return access.principal().name\n\n\n"
        "@st.cache_data\ndef cached():\n    return asyncio.run(later())\n"
    ),
    "a generator used up inside": (
        "def rows():\n    yield access.principal().name\n\n\n@st.cache_data\ndef cached():\n    return list(rows())\n"
    ),
    "a guarded generator": (
        "@st.cache_resource\n@access.requires(Permission.READ_REPORTS)\ndef cached():\n    yield 1\n"
    ),
    "a method": (
        "class Shop:\n    @st.cache_data\n    @access.requires(Permission.READ_REPORTS)\n    def cached(_self):\n"
        "        return 1\n\n\ncached = Shop().cached\n"
    ),
    "a class method": (
        "class Shop:\n    @classmethod\n    @st.cache_data\n    def cached(_cls):\n"
        "        return access.principal().name\n\n\n"
        "cached = Shop.cached\n"
    ),
    "a function bound before": (
        "bound = access.bind_session(lambda: 1)\n\n\n@st.cache_data\ndef cached():\n    return bound()\n"
    ),
    "a thread of asyncio": (
        "@st.cache_data\ndef cached():\n    return asyncio.run(asyncio.to_thread(lambda: str(access.caller())))\n"
    ),
}


@pytest.mark.parametrize("code", WAYS_IN.values(), ids=WAYS_IN)
def test_no_way_into_a_cache_hides_it(gatehouse: Services, code: str) -> None:
    at = run(code, "cached()", "administrator")
    assert error(at).startswith(f"IdentityShared: This code asks who the user is {IN_CACHE}")


@pytest.mark.parametrize("attach", ["add_script_run_ctx(thread)", "taken = get_script_run_ctx()"])
def test_a_thread_that_is_given_the_context_of_a_run_raises(gatehouse: Services, attach: str) -> None:
    at = run(
        f"""
        said = []


        def work():
            if taken is not None:
                add_script_run_ctx(ctx=taken)
            try:
                said.append(access.principal().name)
            except Exception as error:
                said.append(f"{{type(error).__name__}}: {{error}}")


        @st.cache_data
        def cached():
            thread = threading.Thread(target=work)
            {attach}
            globals()["taken"] = locals().get("taken")
            thread.start()
            thread.join()
            return said[0]
        """,
        "cached()",
        "administrator",
    )
    assert at.session_state["answer"].startswith("IdentityShared: This thread was given the context of a run")


def test_a_parallel_fragment_knows_its_user(gatehouse: Services) -> None:
    at = run(
        """
        said = st.session_state.setdefault("said", [])


        def work():
            try:
                said.append(access.principal().anonymous)
            except Exception as error:
                said.append(type(error).__name__)


        @st.fragment(parallel=True)
        def part():
            work()
            thread = add_script_run_ctx(threading.Thread(target=work))
            thread.start()
            thread.join()
        """,
        "part()",
        "viewer",
    )
    assert at.session_state["said"] == [False, "IdentityShared"]


ABOVE_A_CACHE = {
    "cache_data": "@access.requires(Permission.READ_REPORTS)\n@st.cache_data\n",
    "cache_data with options": "@access.requires('read:reports')\n@st.cache_data(ttl=60, show_spinner=False)\n",
    "cache_resource": "@access.requires(Permission.READ_REPORTS)\n@st.cache_resource\n",
    "lru_cache": "@access.requires(Permission.READ_REPORTS)\n@functools.lru_cache\n",
}


@pytest.mark.parametrize("decorators", ABOVE_A_CACHE.values(), ids=ABOVE_A_CACHE)
def test_a_guard_above_a_cache_decides_for_each_caller(gatehouse: Services, decorators: str) -> None:
    code = f"{decorators}def report(month):\n    return f'the report of {{month}}'\n"
    assert run(code, "report('May')", "viewer").session_state["answer"] == "the report of May"
    assert error(run(code, "report('May')")) == "PermissionDenied: You lack a permission for this."
    assert error(run(code, "report('May')", anonymous=True)) == "Unauthenticated: Sign in to continue."


def test_a_guarded_cache_is_cleared_as_a_cache_is(gatehouse: Services) -> None:
    code = """
    made = []


    @access.requires(Permission.READ_REPORTS)
    @st.cache_data
    def report(month):
        made.append(month)
        return len(made)


    class Shop:
        def __init__(self, name):
            self.name = name

        @access.requires(Permission.READ_REPORTS)
        @st.cache_data(hash_funcs={"__main__.Shop": lambda shop: shop.name})
        def report(self, month):
            made.append((self.name, month))
            return len(made)


    one, other = Shop("one"), Shop("other")
    """
    calls = "[report(1), report(2), report(1), report.clear(1), report(1), report(2), report.clear(), report(2)]"
    assert run(code, calls, "viewer").session_state["answer"] == [1, 2, 1, None, 3, 2, None, 4]
    calls = (
        "[one.report(1), other.report(1), one.report(1), one.report.clear(1), one.report(1), other.report(1), "
        "Shop.report.required_permission, one.report.required_permission]"
    )
    answer = run(code, calls, "viewer").session_state["answer"]
    assert answer == [1, 2, 1, None, 3, 2, Permission.READ_REPORTS, Permission.READ_REPORTS]
    assert error(run(code, "one.report(1)")) == "PermissionDenied: You lack a permission for this."


def test_an_asynchronous_cache_is_decided_before_it_is_asked(gatehouse: Services) -> None:
    code = """
    @access.requires(Permission.READ_REPORTS)
    @st.cache_data
    async def report():
        return 7


    async def asked():
        return await report()
    """
    assert run(code, "asyncio.run(asked())", "viewer").session_state["answer"] == 7
    assert error(run(code, "asyncio.run(asked())")) == "PermissionDenied: You lack a permission for this."


@pytest.mark.parametrize("decorator", ["st.fragment", "st.fragment(run_every=9)", "st.dialog('Sure?')"])
def test_a_guard_goes_below_what_streamlit_reruns_by_itself(gatehouse: Services, decorator: str) -> None:
    guard = "@access.requires(Permission.READ_REPORTS)"
    body = "def part():\n    st.session_state['drawn'] = True\n"
    below = f"@{decorator}\n{guard}\n{body}"
    assert run(below, "part()", "viewer").session_state["drawn"] is True
    may_not = run(below, "part()")
    assert "drawn" not in may_not.session_state
    assert len(may_not.exception) == 1  # where the fragment is: Streamlit keeps its errors there
    above = textwrap.indent(f"{guard}\n@{decorator}\n{body}return part", "    ")
    at = run(f"def decorated():\n{above}", "decorated()", "viewer")
    assert error(at).startswith("TypeError: @requires goes below @st.fragment and @st.dialog")


def test_a_wrong_place_for_a_guard_is_still_refused_at_decoration() -> None:
    requires: Any = access.requires(Permission.READ_REPORTS)

    class Callable_:  # noqa: N801 - its instances are called
        def __call__(self) -> None: ...

    method: Any = classmethod
    places: list[object] = [staticmethod(len), method(len), property(len), type("A", (), {}), Callable_(), len, 7]
    for wrong in places:
        with pytest.raises(TypeError, match="@requires goes on a function or method, or above a cache of one"):
            requires(wrong)
    assert isinstance(requires(st.cache_data(lambda: 1)), GuardedCache)
    with pytest.raises(TypeError, match="`principal`"):
        requires(st.cache_data(lambda principal: principal))


KEPT: list[Callable[[], object]] = []


def keep(call: Callable[[], object]) -> None:
    KEPT.append(call)


def test_a_bound_function_that_is_kept_serves_nobody_else(gatehouse: Services) -> None:
    KEPT.clear()
    made = """
    from tests.apptest.test_shared_identity import KEPT, keep


    @access.requires(Permission.READ_REPORTS)
    def report():
        return access.principal().subject.subject


    bound = access.bind_session(report)
    """
    at = run(made, "keep(bound)", "viewer")
    mine = "from tests.apptest.test_shared_identity import KEPT\n"
    refused = "IdentityShared: This function is bound to another session by access.bind_session."
    assert error(run(mine, "KEPT[0]()", "administrator")).startswith(refused)
    assert error(run(mine, "KEPT[0]()", anonymous=True)).startswith(refused)
    assert error(run(mine, "access.bind_session(KEPT[0])()", "viewer")).startswith(refused)
    returned = "@st.cache_resource\ndef cached(_function):\n    return _function\n"
    assert error(run(mine + returned, "cached(KEPT[0])()", "viewer")).startswith(refused)
    subject = KEPT[0]()  # outside of any run, as a download's thread
    assert isinstance(subject, str)
    at.run()
    assert at.session_state["answer"] is None
    assert KEPT[1]() == subject
    again = AppTest.from_string(SCRIPT.format(code=mine, call="KEPT[0]()"))
    again.user = dict(at.user)
    assert again.run().session_state["answer"] == subject  # another tab of the same session


def test_a_function_that_was_bound_for_nobody_serves_no_user(gatehouse: Services) -> None:
    KEPT.clear()
    run(
        "from tests.apptest.test_shared_identity import KEPT, keep",
        "keep(access.bind_session(access.principal))",
        anonymous=True,
    )
    mine = "from tests.apptest.test_shared_identity import KEPT\n"
    assert error(run(mine, "KEPT[0]()", "administrator")).startswith("IdentityShared: This function is bound")
    anonymous: Any = KEPT[0]()
    assert anonymous.anonymous
    answered: list[Any] = []
    thread = threading.Thread(target=lambda: answered.append(KEPT[0]()))
    thread.start()
    thread.join()
    assert answered[0].anonymous


def test_the_log_names_the_place(gatehouse: Services, capsys: pytest.CaptureFixture[str]) -> None:
    at = run("@st.cache_data\ndef cached():\n    return access.allows('read:reports')\n", "cached()", "viewer")
    assert error(at).startswith("IdentityShared: ")
    line = SCRIPT.partition("{code}")[0].count("\n") + 3  # the third of its code
    assert f":{line} " in capsys.readouterr().out


def test_the_error_is_no_refusal_of_a_user() -> None:
    assert not issubclass(IdentityShared, Unauthenticated | PermissionDenied)
    assert (IdentityShared.code, IdentityShared.status) == ("identity-shared", 500)
