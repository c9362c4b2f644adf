"""Guards of administration: who may change whose permissions."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="withheld permissions do not count inside the transaction of a change",
        at="app.core.administration.authorized_actor:authorize",
        without="withheld=unit.withheld_permissions(subject)",
        test=(
            "tests/app/core/administration/test_grant_rules.py"
            "::test_a_withheld_permission_counts_for_no_change_whatever_a_token_claims"
        ),
    ),
    Removal(
        guard="releasing a withheld role requires the permission to grant it",
        at="app.core.administration.grants:release",
        without="_require_grantable(...)",
        test=("tests/remote_api/test_withheld_api.py::test_a_release_needs_the_permission_and_is_never_for_oneself"),
    ),
    Removal(
        guard="a bulk change reports the people of a step without a response as in doubt",
        at="app.admin.people.bulk_actions:_run",
        without="size if isinstance(error, ChangeUnconfirmed) else 0",
        instead="0",
        test=("tests/apptest/test_people_bulk_changes.py::test_a_bulk_change_reports_the_people_in_doubt"),
    ),
    Removal(
        guard="exporting the audit requires a recent sign-in",
        at="app.core.permissions:Permission.EXPORT_AUDIT",
        without="step_up=SignInRequirement(...)",
        test="tests/remote_api/test_audit_api.py::test_a_stale_sign_in_downloads_nothing",
    ),
    Removal(
        guard="a refusal by a rule of administration is recorded in the audit",
        at="app.core.administration.transactions:transaction",
        without="_record(...)",
        test="tests/app/core/administration/test_people_rules.py::test_the_last_administrator_cannot_be_removed",
    ),
    Removal(
        guard="exported cells cannot be formulas in a spreadsheet",
        at="app.core.spreadsheet:safe_cell",
        without='f"\'{text}" if text.startswith(FORMULA_STARTS) else text',
        instead="text",
        test="tests/remote_api/test_audit_api.py::test_a_download_is_safe_in_a_spreadsheet_and_is_an_event_itself",
    ),
    Removal(
        guard="administrators cannot grant to themselves",
        at="app.core.administration.grants:grant",
        without="require_not_self(...)",
        test="tests/app/core/administration/test_grant_rules.py::test_self_grants_are_refused",
    ),
    Removal(
        guard="administrators cannot release what is withheld from themselves",
        at="app.core.administration.grants:release",
        without="require_not_self(...)",
        test=("tests/remote_api/test_withheld_api.py::test_a_release_needs_the_permission_and_is_never_for_oneself"),
    ),
    Removal(
        guard="administrators gain nothing by editing a role that they have",
        at="app.core.administration.roles:update_role",
        without="require_nothing_gained(...)",
        test="tests/app/core/administration/test_role_rules.py::test_editing_an_own_role_to_get_more_is_a_self_grant",
    ),
    Removal(
        guard="administrators grant only permissions that they have",
        at="app.core.administration.rules:require_held",
        without="actor.may_grant(name)",
        instead="name",
        test="tests/app/core/administration/test_grant_rules.py::test_granting_needs_the_granted_permissions",
    ),
    Removal(
        guard="adding a permission to a role requires having it",
        at="app.core.administration.roles:update_role",
        without="require_held(...)",
        test="tests/app/core/administration/test_role_rules.py::test_editing_a_role_needs_the_added_permissions",
    ),
    Removal(
        guard="mapping a token role requires having the role's permissions",
        at="app.core.administration.mappings:set_mapping",
        without="require_role_held(...)",
        test="tests/app/core/administration/test_role_rules.py::test_mapping_a_token_role_needs_the_mapped_permissions",
    ),
    Removal(
        guard="the last administrator stays",
        at="app.core.administration.rules:keeping_an_administrator",
        without="had_administrator and not unit.administrators(now)",
        instead="False",
        test="tests/app/core/administration/test_people_rules.py::test_the_last_administrator_cannot_be_removed",
    ),
    Removal(
        guard="a change names the version of what it changes",
        at="app.core.administration.authorized_actor:check_version",
        without="expected is not None and expected != current",
        instead="False",
        test="tests/app/core/administration/test_rules.py::test_every_change_of_existing_data_checks_its_version",
    ),
    Removal(
        guard="the permission is decided again inside the transaction",
        at="app.core.administration.authorized_actor:authorize",
        without="not decision.allowed",
        instead="False",
        test="tests/app/core/administration/test_rules.py::test_the_principal_is_checked_again_inside_the_transaction",
    ),
    Removal(
        guard="the session is read again inside the transaction",
        at="app.core.administration.authorized_actor:authorize",
        without="principal = _in_session(...)",
        test="tests/app/core/administration/test_rules.py::test_the_principal_is_checked_again_inside_the_transaction",
    ),
    Removal(
        guard="erasing a person erases browser, address and page",
        at="db.administration:AdministrationWrites.erase_person",
        without='update(sessions).where(...).values(..., user_agent="", address="", page="")',
        instead="update(sessions).where(...).values(...)",
        test="tests/app/core/administration/test_people_rules.py::test_erasing_keeps_only_the_subject_and_the_audit_chain",
    ),
    Removal(
        guard="an audit file that is ready still requires the export permission",
        at="app.admin.audit.export:content_of",
        without="@access.requires(...)",
        test="tests/apptest/test_audit.py::test_a_file_is_refused_after_the_permission_is_revoked[prepared]",
    ),
    Removal(
        guard="a call that changes people requires its permission",
        at="app.admin.api.people:set_blocked",
        without="@access.requires(...)",
        test="tests/app/admin/api/test_calls.py::test_a_call_without_its_permission_sends_no_request[people.set_blocked]",
    ),
]
