"""Guards of hosted apps."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="a hosted app runs behind the entry check",
        at="app.hosted:run",
        without="_enter()",
        instead="True",
        test="tests/apptest/test_hosted.py::test_an_anonymous_user_sees_sign_in_and_the_script_does_not_run",
    ),
    Removal(
        guard="a hosted app runs only behind the identity middleware",
        at="app.hosted:_enter",
        without="not access.has_identity_middleware()",
        instead="False",
        test="tests/apptest/test_hosted.py::test_without_the_identity_middleware_nothing_runs",
    ),
    Removal(
        guard="a hosted app can require a permission to enter",
        at="app.hosted:_signed_in",
        without="not decision.allowed",
        instead="False",
        test="tests/apptest/test_hosted.py::test_the_whole_app_can_require_a_permission",
    ),
    Removal(
        guard="a page of a hosted app opens only with the permission of its entry",
        at="app.hosted_pages:_refusing_entry",
        without="decision.allowed",
        test="tests/apptest/test_hosted.py::test_a_page_opens_only_with_the_permission_of_its_entry",
    ),
    Removal(
        guard="a page of a hosted app without an entry stays closed",
        at="app.hosted_pages:_refusing_entry",
        without="exists and decision.allowed",
        instead="decision.allowed",
        test="tests/apptest/test_hosted.py::test_a_page_without_an_entry_is_closed",
    ),
    Removal(
        guard="a pages folder beside a hosted app is refused",
        at="app.core.hosting:hosting_mistakes",
        without='(folder / "pages").is_dir()',
        instead="False",
        test="tests/apptest/test_hosted_start.py::test_an_app_that_cannot_be_served_is_refused_at_start",
    ),
    Removal(
        guard="scripts that Streamlit finds later run behind the entry check",
        at="app.hosted:_bytecode",
        without="_inside.get()",
        instead='_inside.get() or "/pages/" in script_path',
        test="tests/security/test_hosted.py::test_a_pages_folder_that_is_added_later_requires_a_session_too",
    ),
    Removal(
        guard="the files of a hosted app require a session",
        at="component.socket.http_middleware:HttpMiddleware._may_enter",
        without="return False",
        instead="return True",
        test="tests/security/test_hosted.py::test_its_static_files_are_for_users_who_may_enter",
    ),
    Removal(
        guard="the files of a hosted app require the permission to enter",
        at="app.asgi:_hosted_app.may_enter",
        without="decide(caller.principal, hosted.enter, caller.grants).allowed",
        instead="bool(caller)",
        test="tests/security/test_hosted.py::test_its_static_files_are_for_users_who_may_enter",
    ),
    Removal(
        guard="a hosted app cannot declare a permission that Gatehouse defines",
        at="app.core.permissions:declare",
        without="permissions.keys() & _BUILT_IN.keys()",
        instead="set[str]()",
        test="tests/app/core/test_hosted_app_config.py::test_a_file_beside_an_app_gives_nothing_of_gatehouses_own",
    ),
    Removal(
        guard="entries apply to st.navigation from whichever module it is imported",
        at="app.hosted_pages:install",
        without="navigation_module",
        test="tests/apptest/test_hosted.py::test_entries_apply_to_a_navigation_imported_from_streamlits_module",
    ),
    Removal(
        guard="a section without an accessible page is hidden",
        at="app.hosted_pages:navigation",
        without="offered.setdefault(name, []) if refusing.allowed_after_step_up else nameless",
        instead="offered.setdefault(name, [])",
        test="tests/apptest/test_hosted.py::test_a_section_without_permitted_pages_is_not_shown[developer-False]",
    ),
    Removal(
        guard="a start page also needs the entry of its own address",
        at="app.hosted_pages:_paths",
        without='["", own]',
        instead='[""]',
        test=(
            "tests/apptest/test_hosted_pages.py"
            "::test_a_start_page_without_one_of_its_entries_is_closed[a page without an entry]"
        ),
    ),
    Removal(
        guard="a page with several addresses needs the entry of each",
        at="app.hosted_pages:_paths",
        without="other == source",
        instead="False",
        test=(
            "tests/apptest/test_hosted_addresses.py"
            "::test_a_page_at_another_address_needs_its_own_entry_too[two navigations]"
        ),
    ),
    Removal(
        guard="a page needs the entry of the address that is inferred for it",
        at="app.hosted_pages:_paths",
        without="needed.append(...)",
        test=(
            "tests/apptest/test_hosted_addresses.py"
            "::test_a_page_at_another_address_needs_its_own_entry_too[a function that names another address]"
        ),
    ),
    Removal(
        guard="entries are checked where a page runs",
        at="app.hosted_pages:_run",
        without="if refusing is not None: ...",
        test=(
            "tests/apptest/test_hosted_pages.py"
            "::test_entries_apply_wherever_a_page_runs[the function below st.navigation]"
        ),
    ),
    Removal(
        guard="a page's script is compiled for its own page only",
        at="app.hosted_pages:check_compiled",
        without="_page_entries is not None",
        instead="False",
        test=(
            "tests/apptest/test_hosted_pages.py"
            "::test_the_script_of_a_page_is_compiled_for_that_page_only[by a cache of scripts]"
        ),
    ),
    Removal(
        guard="only the entry script runs at the entry check of an app with entries",
        at="app.hosted:run",
        without="hosted_pages.check_compiled(...)",
        test="tests/apptest/test_hosted_pages.py::test_a_script_that_streamlit_discovers_is_not_a_page",
    ),
]
