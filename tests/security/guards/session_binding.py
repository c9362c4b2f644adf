"""Guards of identity inside of caches, threads and deferred calls."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="the user's identity cannot be read inside a cached function",
        at="app.runtime.session_binding:_refuse_in_cache",
        without="in_cached_function.get()",
        instead="False",
        test=(
            "tests/apptest/test_shared_identity.py::test_no_detour_into_a_cache_reads_identity[a guard below the cache]"
        ),
    ),
    Removal(
        guard="the browser cannot be read inside a cached function",
        at="app.runtime.session_binding:browser_hash",
        without="_refuse_in_cache()",
        test=(
            "tests/apptest/test_shared_identity.py"
            "::test_inside_a_cache_every_call_about_the_user_raises[access.browser_hash()-cache_data]"
        ),
    ),
    Removal(
        guard="a bound function cannot run inside a cached function",
        at="app.runtime.session_binding:bind_session.bound",
        without="_refuse_in_cache()",
        test=(
            "tests/apptest/test_shared_identity.py::test_no_detour_into_a_cache_reads_identity[a function bound before]"
        ),
    ),
    Removal(
        guard="a bound function runs for its own session only",
        at="app.runtime.session_binding:_refuse_other_session",
        without="present != owner",
        instead="False",
        test="tests/apptest/test_shared_identity.py::test_a_stored_bound_function_refuses_other_sessions",
    ),
    Removal(
        guard="a bound function runs in its own session's deferred downloads only",
        at="app.runtime.session_binding:_refuse_other_session",
        without="registered_by is not None",
        instead="False",
        test=(
            "tests/security/test_deferred_downloads.py::test_a_function_bound_by_a_user_runs_in_downloads_of_that_user_only"
        ),
    ),
    Removal(
        guard="deferred downloads are bound to sessions when the app starts",
        at="app.asgi:create_app.lifespan",
        without="bind_deferred_downloads(...)",
        test=(
            "tests/security/test_deferred_downloads.py::test_a_function_bound_by_a_user_runs_in_downloads_of_that_user_only"
        ),
    ),
    Removal(
        guard="a deferred download runs as the session that registered it",
        at="app.runtime.deferred_calls:bind_deferred_downloads.add_for_session.data_for_session",
        without="registered_by.enter()",
        test=(
            "tests/apptest/test_deferred_calls.py"
            "::test_a_bound_function_is_refused_in_the_download_of_another_user[an anonymous one-as the callable]"
        ),
    ),
    Removal(
        guard="a lazy dataframe is read as the session that registered it",
        at="app.runtime.deferred_calls:_SourceOfSession._for_session",
        without="context.run(self._registered_by.enter)",
        test=(
            "tests/apptest/test_deferred_calls.py"
            "::test_a_bound_function_is_refused_in_the_lazy_dataframe_of_another_user[by its rows]"
        ),
    ),
    Removal(
        guard="a background refresh of a cache counts as a cached function",
        at="app.runtime.deferred_calls:bind_background_refreshes.submit_as_cached.refresh",
        without="in_cached_function.set(...)",
        test="tests/apptest/test_deferred_calls.py::test_a_background_refresh_of_a_cache_reads_no_identity",
    ),
    Removal(
        guard="the user's identity cannot be read in a thread that got a run's context",
        at="app.runtime.session_binding:_user_info",
        without="not _is_thread_of(context)",
        instead="False",
        test=(
            "tests/apptest/test_shared_identity.py"
            "::test_a_thread_with_the_context_of_a_run_raises[add_script_run_ctx(thread)]"
        ),
    ),
    Removal(
        guard="a guard above a cached function decides before the cache is read",
        at="app.core.guard:GuardedCache.__call__",
        without="self._check()",
        test="tests/apptest/test_guarded_caches.py::test_a_guard_above_a_cache_checks_each_caller[cache_data]",
    ),
    Removal(
        guard="a guard above a cached method decides before the cache is read",
        at="app.core.guard:GuardedCache.__get__",
        without="GuardedCache(...)",
        instead="bind(instance, owner)",
        test="tests/apptest/test_guarded_caches.py::test_a_guarded_cache_can_be_cleared",
    ),
    Removal(
        guard="a guard above st.fragment is refused",
        at="app.access:requires.decorate_checked",
        without='getattr(layer, "__globals__", {}).get("__name__") in _RERUN_MODULES',
        instead="False",
        test=("tests/apptest/test_guarded_caches.py::test_a_guard_must_be_below_fragments_and_dialogs[st.fragment]"),
    ),
    Removal(
        guard="renamed modules are followed in cached functions",
        at="app.core.imported_names:ImportedNames.__init__",
        without="self._origins[name].add(...)",
        test=(
            "tests/app/core/test_shared_identity.py"
            "::test_every_way_to_the_user_is_found_inside_a_cache[import app.access as]"
        ),
    ),
    Removal(
        guard="names imported from a module are followed in cached functions",
        at="app.core.imported_names:ImportedNames._import_from",
        without="self._origins[alias.asname or name].add(...)",
        test=(
            "tests/app/core/test_shared_identity.py"
            "::test_every_way_to_the_user_is_found_inside_a_cache[from streamlit import user]"
        ),
    ),
    Removal(
        guard="functions that a cached function calls are followed",
        at="app.core.shared_identity:_Reader._is_of_the_user",
        without="function is None or function in visited",
        instead="True",
        test=(
            "tests/app/core/test_shared_identity.py"
            "::test_every_way_to_the_user_is_found_inside_a_cache[a function of the module]"
        ),
    ),
]
