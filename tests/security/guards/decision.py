"""Guards of the decision and of grants that are withheld."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="a page checks its own permission",
        at="pages.usage_report",
        without="access.require_page()",
        test=(
            "tests/apptest/test_page_guards.py::test_a_page_refuses_access_when_it_runs_without_the_navigation[usage_report.py]"
        ),
    ),
    Removal(
        guard="the navigation registers only pages that the user may open",
        at="app.main:_signed_in",
        without="decision.allowed_after_step_up",
        test="tests/apptest/test_page_guards.py::test_the_navigation_registers_only_permitted_pages",
    ),
    Removal(
        guard="pages for development are not registered in production",
        at="app.navigation:served",
        without="production and row.development_only",
        instead="False",
        test="tests/apptest/test_development_pages.py::test_a_page_for_development_is_not_registered_in_production",
    ),
    Removal(
        guard="the script of a page for development refuses to run in production",
        at="app.access:require_page",
        without="row.development_only and services().settings.production",
        instead="False",
        test=(
            "tests/apptest/test_development_pages.py"
            "::test_its_script_refuses_to_run_in_production_even_if_it_is_registered"
        ),
    ),
    Removal(
        guard="@requires checks the permission at each call",
        at="app.core.guard:Guard.requires.decorate.guarded",
        without="require(...)",
        test=(
            "tests/apptest/test_page_guards.py"
            "::test_functions_are_refused_in_callbacks_fragments_and_the_body_after_a_role_is_removed[callback]"
        ),
    ),
    Removal(
        guard="main.py runs only behind the identity middleware",
        at="app.main:main",
        without="not access.has_identity_middleware()",
        instead="False",
        test="tests/apptest/test_page_guards.py::test_without_the_identity_middleware_only_an_error_is_shown",
    ),
    Removal(
        guard="a permission can require a recent or stronger sign-in",
        at="app.core.policy:decide",
        without="permission in REQUIREMENTS and decision.allowed",
        instead="False",
        test="tests/remote_api/test_step_up.py::test_a_stale_sign_in_gets_the_challenge_and_a_fresh_one_the_file",
    ),
    Removal(
        guard="withheld grants are removed from the token's rights at sign-in and refresh",
        at="db.grants:GrantWrites.sync_token_rights",
        without="expected -= self._withheld_from_token(...)",
        test="tests/component/session/test_withheld.py::test_no_refresh_restores_a_revoked_grant[token role]",
    ),
    Removal(
        guard="a withheld default role is not granted at sign-in",
        at="db.grants:GrantWrites.grant_default_role",
        without="self._withheld_from_default(...)",
        test="tests/component/session/test_withheld.py::test_no_sign_in_restores_a_revoked_grant[default role]",
    ),
    Removal(
        guard="a mapping grants no withheld role",
        at="db.mappings:MappingWrites._grant_mapped",
        without="not_withheld(...)",
        test="tests/db/test_withheld.py::test_a_mapping_grants_nothing_that_is_withheld[memory]",
    ),
    Removal(
        guard="moving a role does not automatically grant what is withheld",
        at="db.roles:RoleWrites._copy_grants",
        without="or_(~AUTOMATIC, ...)",
        test="tests/db/test_withheld.py::test_moving_a_role_grants_nothing_that_is_withheld[memory]",
    ),
    Removal(
        guard="a withheld permission in the permissions claim of another client's token does not count",
        at="app.core.policy:_by_rights",
        without="permission not in grants.withheld",
        test="tests/remote_api/test_withheld_api.py::test_claims_of_another_client_do_not_restore_withheld_permissions",
    ),
    Removal(
        guard="a withheld permission in the scope of another client's token does not count",
        at="app.core.policy:_by_claims",
        without="if permission in grants.withheld: ...",
        test="tests/remote_api/test_withheld_api.py::test_claims_of_another_client_do_not_restore_withheld_permissions",
    ),
    Removal(
        guard="a release does not grant a default role that is no longer configured",
        at="db.withheld:WithheldWrites.release_withheld",
        without="is_default",
        test="tests/component/session/test_withheld.py::test_a_release_restores_no_default_role_that_is_no_longer_configured",
    ),
    Removal(
        guard="a release reports the default role only while it is configured",
        at="app.core.administration_records:WithheldRow.under",
        without="self.role == default_role",
        test="tests/remote_api/test_withheld_api.py::test_a_release_restores_the_default_role_only_while_it_is_set",
    ),
    Removal(
        guard="token roles are mapped before they are truncated",
        at="db.grants:GrantWrites.sync_token_rights",
        without="mapped = self._mapped(...)",
        instead="""
            names = frozenset(sorted(names)[:MAX_TOKEN_ROLES])
            mapped = self._mapped(...)
        """,
        test="tests/app/core/tokens/test_malformed_rights.py::test_over_five_hundred_roles_are_mapped_before_they_are_cut",
    ),
]
