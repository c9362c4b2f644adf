"""No identity is read inside anything that users share: caches, stored bound functions, threads of a cache."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.core.errors import IdentityShared, PermissionDenied, Unauthenticated
from app.services import Services
from tests.apptest.identity_scripts import SCRIPT, error, run

IN_CACHE = "inside st.cache_data or st.cache_resource"


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


IN_A_CACHE = {
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


@pytest.mark.parametrize("code", IN_A_CACHE.values(), ids=IN_A_CACHE)
def test_no_detour_into_a_cache_reads_identity(gatehouse: Services, code: str) -> None:
    at = run(code, "cached()", "administrator")
    assert error(at).startswith(f"IdentityShared: This code reads the user's identity {IN_CACHE}")


@pytest.mark.parametrize("attach", ["add_script_run_ctx(thread)", "context = get_script_run_ctx()"])
def test_a_thread_with_the_context_of_a_run_raises(gatehouse: Services, attach: str) -> None:
    at = run(
        f"""
        results = []


        def work():
            if context is not None:
                add_script_run_ctx(ctx=context)
            try:
                results.append(access.principal().name)
            except Exception as error:
                results.append(f"{{type(error).__name__}}: {{error}}")


        @st.cache_data
        def cached():
            thread = threading.Thread(target=work)
            {attach}
            globals()["context"] = locals().get("context")
            thread.start()
            thread.join()
            return results[0]
        """,
        "cached()",
        "administrator",
    )
    assert at.session_state["answer"].startswith("IdentityShared: This thread received the context of a run")


def test_a_parallel_fragment_knows_its_user(gatehouse: Services) -> None:
    at = run(
        """
        results = st.session_state.setdefault("results", [])


        def work():
            try:
                results.append(access.principal().anonymous)
            except Exception as error:
                results.append(type(error).__name__)


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
    assert at.session_state["results"] == [False, "IdentityShared"]


STORED: list[Callable[[], object]] = []


def store(call: Callable[[], object]) -> None:
    STORED.append(call)


def test_a_stored_bound_function_refuses_other_sessions(gatehouse: Services) -> None:
    STORED.clear()
    code = """
    from tests.apptest.test_shared_identity import STORED, store


    @access.requires(Permission.READ_REPORTS)
    def report():
        return access.principal().subject.subject


    bound = access.bind_session(report)
    """
    at = run(code, "store(bound)", "viewer")
    stored = "from tests.apptest.test_shared_identity import STORED\n"
    refused = "IdentityShared: This function is bound to another session by access.bind_session."
    assert error(run(stored, "STORED[0]()", "administrator")).startswith(refused)
    assert error(run(stored, "STORED[0]()", anonymous=True)).startswith(refused)
    assert error(run(stored, "access.bind_session(STORED[0])()", "viewer")).startswith(refused)
    returned = "@st.cache_resource\ndef cached(_function):\n    return _function\n"
    assert error(run(stored + returned, "cached(STORED[0])()", "viewer")).startswith(refused)
    subject = STORED[0]()  # outside of a run, as in the thread of a download
    assert isinstance(subject, str)
    at.run()
    assert at.session_state["answer"] is None
    assert STORED[1]() == subject
    other_tab = AppTest.from_string(SCRIPT.format(code=stored, call="STORED[0]()"))
    other_tab.user = dict(at.user)
    assert other_tab.run().session_state["answer"] == subject  # another tab of the same session


def test_a_function_bound_for_an_anonymous_user_refuses_users(gatehouse: Services) -> None:
    STORED.clear()
    run(
        "from tests.apptest.test_shared_identity import STORED, store",
        "store(access.bind_session(access.principal))",
        anonymous=True,
    )
    stored = "from tests.apptest.test_shared_identity import STORED\n"
    assert error(run(stored, "STORED[0]()", "administrator")).startswith("IdentityShared: This function is bound")
    anonymous: Any = STORED[0]()
    assert anonymous.anonymous
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(STORED[0]()))
    thread.start()
    thread.join()
    assert results[0].anonymous


def test_the_log_names_the_line_of_the_code(gatehouse: Services, capsys: pytest.CaptureFixture[str]) -> None:
    at = run("@st.cache_data\ndef cached():\n    return access.allows('read:reports')\n", "cached()", "viewer")
    assert error(at).startswith("IdentityShared: ")
    line = SCRIPT.partition("{code}")[0].count("\n") + 3  # the third line of the code
    assert f":{line} " in capsys.readouterr().out


def test_the_error_is_not_a_refusal_of_a_user() -> None:
    assert not issubclass(IdentityShared, Unauthenticated | PermissionDenied)
    assert (IdentityShared.code, IdentityShared.status) == ("identity-shared", 500)
