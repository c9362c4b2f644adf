"""Each guard is taken out in turn, in a copy of the project, and its named test must then fail there.

A guard without a test that fails when it is removed does not exist.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stack import ROOT


@dataclass(frozen=True)
class Removal:
    """One guard: where it stands, what is put in its place, and the test that must notice."""

    guard: str
    file: str
    there: str
    instead: str
    test: str


REMOVALS = [
    Removal(
        "the page's own check",
        "pages/usage_report.py",
        "access.require_page()\n",
        "",
        "tests/apptest/test_gating.py::test_a_page_refuses_even_when_it_is_run_past_the_navigation[usage_report.py]",
    ),
    Removal(
        "the navigation's filter",
        "app/main.py",
        " if decision.within_reach}",
        "}",
        "tests/apptest/test_gating.py::test_the_navigation_registers_only_what_may_be_opened",
    ),
    Removal(
        "@requires",
        "app/core/guard.py",
        "                require(required, target=target)\n",
        "",
        "tests/apptest/test_gating.py"
        "::test_functions_are_refused_in_callbacks_fragments_and_the_body_after_a_role_is_removed[callback]",
    ),
    Removal(
        "the API's check",
        "remote_api/access.py",
        "return _declare(view, Declared(protected=True, permission=permission))",
        "return _declare(view, Declared(protected=True))",
        "tests/api/test_matrix.py::test_everybody_gets_exactly_what_they_may[viewer]",
    ),
    Removal(
        "what is withheld from the token, at sign-in and refresh",
        "db/grants.py",
        "        wanted -= self._withheld_from_token(person, wanted)\n",
        "",
        "tests/unit/test_component_withheld.py::test_no_refresh_gives_back_what_was_revoked[token role]",
    ),
    Removal(
        "what is withheld from the default role",
        "db/grants.py",
        "if self._withheld_from_default(self._ensure_person(subject), number) or role is None:",
        "if role is None:",
        "tests/unit/test_component_withheld.py::test_no_sign_in_gives_back_what_was_revoked[default role]",
    ),
    Removal(
        "what is withheld from a mapping",
        "db/mappings.py",
        ", not_withheld(token_roles.c.person_id, role))",
        ")",
        "tests/db/test_withheld.py::test_a_mapping_gives_nothing_that_is_withheld[memory]",
    ),
    Removal(
        "what is withheld from the move of a role",
        "db/roles.py",
        "            or_(~AUTOMATIC, not_withheld(grants.c.person_id, to)),\n",
        "",
        "tests/db/test_withheld.py::test_moving_a_role_gives_nobody_automatically_what_is_withheld[memory]",
    ),
    Removal(
        "what is withheld from the permissions claim of another client's token",
        "app/core/policy.py",
        "        if permission in grants.asserted and permission not in grants.withheld:",
        "        if permission in grants.asserted:",
        "tests/api/test_grants_api.py::test_no_claim_of_another_clients_token_gives_what_is_withheld",
    ),
    Removal(
        "what is withheld from the scope of another client's token",
        "app/core/policy.py",
        "    if permission in grants.withheld:\n        return _NOT_GRANTED\n",
        "",
        "tests/api/test_grants_api.py::test_no_claim_of_another_clients_token_gives_what_is_withheld",
    ),
    Removal(
        "what is withheld, inside the unit of a change",
        "app/core/administration/acting.py",
        ", withheld=unit.withheld_permissions(subject))",
        ")",
        "tests/unit/test_administration_rules.py::test_a_withheld_permission_counts_for_no_change_whatever_a_token_claims",
    ),
    Removal(
        "the rule that releasing is giving",
        "app/core/administration/grants.py",
        "    _require_may_give(unit, standing, found.role, found.permission, target)\n",
        "",
        "tests/api/test_grants_api.py::test_nobody_releases_what_they_do_not_hold_or_what_is_withheld_from_themselves",
    ),
    Removal(
        "the demand for a version",
        "remote_api/application.py",
        "        if endpoint in self._conditional:\n            demand_version()\n",
        "",
        "tests/api/test_conditions.py::test_the_version_is_asked_for_before_the_body_is_read",
    ),
    Removal(
        "the declaration that a change needs a version",
        "remote_api/people.py",
        '@api.put("/<int:person>/block", responses={200: Blocked})\n@conditional\n',
        '@api.put("/<int:person>/block", responses={200: Blocked})\n@unconditional("taken out")\n',
        "tests/api/test_matrix.py::test_everybody_gets_exactly_what_they_may[administrator]",
    ),
    Removal(
        "the limit of calls",
        "remote_api/application.py",
        "        self._limits.admit(request.environ, endpoint, declared)\n",
        "",
        "tests/api/test_limits.py::test_one_subjects_flood_neither_slows_nor_denies_another",
    ),
    Removal(
        "the limit of calls before anything is decided",
        "remote_api/application.py",
        "        self._limits.admit(request.environ, endpoint, declared)\n"
        "        if declared.protected:\n"
        '            self._guard.require(declared.permission, target=f"{request.method} {rule.rule}")\n',
        "        if declared.protected:\n"
        '            self._guard.require(declared.permission, target=f"{request.method} {rule.rule}")\n'
        "        self._limits.admit(request.environ, endpoint, declared)\n",
        "tests/api/test_limits.py::test_a_refused_call_counts_and_is_decided_no_more_beyond_the_limit",
    ),
    Removal(
        "the permission of giving",
        "remote_api/grants.py",
        "responses={200: PersonBody, 201: PersonBody})\n@conditional\n@requires(Permission.MANAGE_GRANTS)\n",
        "responses={200: PersonBody, 201: PersonBody})\n@conditional\n@requires(Permission.READ_PEOPLE)\n",
        "tests/api/test_matrix.py::test_everybody_gets_exactly_what_they_may[auditor]",
    ),
    Removal(
        "the recent sign-in that downloading the audit asks for",
        "app/core/permissions.py",
        'EXPORT_AUDIT = "export:audit", "Download the audit as a file.", False, Requirement(max_age_seconds=3600)',
        'EXPORT_AUDIT = "export:audit", "Download the audit as a file."',
        "tests/api/test_audit_api.py::test_a_stale_sign_in_downloads_nothing",
    ),
    Removal(
        "the record of what a rule of administration refused",
        "app/core/administration/carrying_out.py",
        "            _record(storage, who, error, now)\n",
        "            pass\n",
        "tests/unit/test_administration_rules.py",
    ),
    Removal(
        "cells that no spreadsheet takes for a formula",
        "app/core/spreadsheet.py",
        """return f"'{text}" if text.startswith(FORMULA_STARTS) else text""",
        "return text",
        "tests/api/test_audit_api.py::test_a_download_is_safe_in_a_spreadsheet_and_is_an_event_itself",
    ),
    Removal(
        "the one thorough look at the audit at a time",
        "remote_api/audit.py",
        "if not _verifying.acquire(blocking=False):",
        "if not _verifying.acquire(timeout=0.1) and False:",
        "tests/api/test_audit_api.py::test_one_thorough_look_at_a_time",
    ),
    Removal(
        "the demand for a JSON object",
        "remote_api/application.py",
        "        if endpoint in self._with_body:\n            _demand_object(request)\n",
        "",
        "tests/api/test_conditions.py::test_bodies",
    ),
    Removal(
        "the binding of a socket to its identity",
        "component/socket_guard.py",
        'return {**scope, "headers": headers + self._identity.headers(session, browser)}',
        'return {**scope, "headers": headers}',
        "tests/security/test_identity_binding.py",
    ),
    Removal(
        "the stripping of identities a client claims",
        "component/socket_guard.py",
        'headers = self._cookies.hide(_unclaimed(scope["headers"]))',
        'headers = self._cookies.hide(scope["headers"])',
        "tests/security/test_identity_binding.py",
    ),
    Removal(
        "the refusal of what another site has a browser send",
        "component/socket_guard.py",
        "            case Source.FOREIGN:\n                return refusal()\n",
        "            case Source.FOREIGN:\n                return None\n",
        "tests/unit/test_component_cross_site.py"
        "::test_a_form_of_another_site_replaces_no_cookie_and_the_sign_in_goes_on",
    ),
    Removal(
        "the page that a link of another site goes over",
        "component/socket_guard.py",
        "            case Source.LINK if area is not Area.PAGE:\n",
        "            case Source.LINK if False:\n",
        "tests/unit/test_component_cross_site.py::test_another_site_gets_the_same_answer_whoever_its_visitor_is",
    ),
    Removal(
        "the rule that a refusal sets no cookie",
        "component/socket_guard.py",
        'if message["type"] == kind and message.get("status", 0) < _FIRST_REFUSAL:',
        'if message["type"] == kind:',
        "tests/unit/test_component_cross_site.py::test_what_is_answered_and_set",
    ),
    Removal(
        "the one answer to callbacks of unknown sign-ins",
        "component/callbacks.py",
        "            return unknown_sign_in_page()\n",
        '            return self._to("/") if self._cookies.session in cookies else unknown_sign_in_page()\n',
        "tests/unit/test_component_cross_site.py::test_another_site_gets_the_same_answer_whoever_its_visitor_is",
    ),
    Removal(
        "the bound of refused codes of an address",
        "component/exchange_budget.py",
        "            wanted = [of_browser, of_address, ",
        "            wanted = [of_browser, ",
        "tests/unit/test_component_exchange_budget.py::test_from_one_address_ten_reach_the_provider_and_no_more",
    ),
    Removal(
        "the lane of known browsers in a flood of made-up codes",
        "component/exchange_budget.py",
        "            known = bool(session) or browser in self._known\n",
        "            known = False\n",
        "tests/unit/test_component_exchange_budget.py"
        "::test_a_flood_of_many_addresses_is_bounded_and_keeps_no_known_browser_waiting",
    ),
    Removal(
        "the option that hides the front end's own export of tables",
        "app/asgi.py",
        '{} if hosted else {"client.disableDataExport": True}',
        "{}",
        "tests/security/test_data_export.py::test_the_front_end_is_told_to_export_no_data_of_ours",
    ),
    Removal(
        "the host config without hosts",
        "component/socket_guard.py",
        "return host_config.answer() if asks else None",
        "return None",
        "tests/security/test_paths.py::test_the_front_end_is_told_of_no_host_to_take_messages_from",
    ),
    Removal(
        "the opener that a notice lets go of",
        "component/notices.py",
        "    if not (keeps_opener or closes):\n",
        "    if False:\n",
        "tests/unit/test_component_cross_site.py"
        "::test_a_page_lets_go_of_a_foreign_opener_and_so_does_each_notice_that_is_in_no_popup_of_ours",
    ),
    Removal(
        "the bound of what one Streamlit session takes in",
        "component/socket_guard.py",
        "        if uploads is not None:\n",
        "        if False:\n",
        "tests/security/test_files.py::test_one_streamlit_session_takes_in_a_bounded_number_of_files",
    ),
    Removal(
        "the check for the guard's marker",
        "app/main.py",
        "if not access.guarded():",
        "if False:",
        "tests/apptest/test_gating.py::test_without_the_guards_marker_one_sentence_is_shown_and_nothing_else",
    ),
    Removal(
        "the demand for a fresh or stronger sign-in",
        "app/core/policy.py",
        "    if permission in REQUIREMENTS and decision.allowed:\n",
        "    if False:\n",
        "tests/api/test_step_up.py::test_a_stale_sign_in_gets_the_challenge_and_a_fresh_one_the_file",
    ),
    Removal(
        "the check that the provider did what a step-up asked",
        "component/step_up.py",
        "            max_age_seconds=max_age_seconds,\n",
        "",
        "tests/unit/test_component_step_up.py::test_a_provider_that_does_not_do_it_changes_nothing",
    ),
    Removal(
        "the max_age that is never 0",
        "component/oidc.py",
        "str(requirement.max_age_seconds or ANY_AGE_SECONDS)",
        "str(ANY_AGE_SECONDS if requirement.max_age_seconds is None else requirement.max_age_seconds)",
        "tests/unit/test_component_step_up.py::test_what_is_asked_of_the_provider",
    ),
    Removal(
        "the single use of a logout token",
        "component/provider_logouts.py",
        'raise TokenInvalid("The logout token was used before.")',
        "pass",
        "tests/unit/test_component_backchannel.py::test_a_token_works_once",
    ),
    Removal(
        "the seal of a retention boundary",
        "db/chain.py",
        "            if boundary_is_sealed(self._keyring, *row):",
        "            if True:",
        "tests/db/test_retention.py::test_a_boundary_put_in_by_somebody_else_is_named",
    ),
    Removal(
        "the trigger that keeps events above the boundary",
        "db/migrations/versions/0002_retention.py",
        "    WHEN OLD.seq > (SELECT coalesce(max(seq), 0) FROM audit_retention)\n",
        "    WHEN false\n",
        "tests/db/test_retention.py::test_the_database_lets_events_go_below_the_boundary_only",
    ),
    Removal(
        "the look at the audit's head before writing behind it",
        "db/audit.py",
        " and head_is_sealed(keyring, head.seq, head.mac, head.seal):",
        ":",
        "tests/db/test_audit.py::test_a_head_that_was_changed_is_not_taken_over_in_silence",
    ),
    Removal(
        "the comparison with a checkpoint",
        "db/chain.py",
        "            if one.mac != mac.hex():",
        "            if False:",
        "tests/db/test_checkpoints.py::test_a_full_rewrite_with_the_secret_shows_against_a_checkpoint_only",
    ),
    Removal(
        "the signature of a checkpoint",
        "app/core/checkpoints.py",
        "    if not keyring.mac_matches(",
        "    if not sound and keyring.mac_matches(",
        "tests/db/test_checkpoints.py::test_a_checkpoint_cannot_be_altered_or_made_without_the_secret",
    ),
    Removal(
        "the folding of strangers' addresses",
        "app/core/refusals.py",
        "        if key not in self._counts and len(self._counts) >= MAX_KEYS:",
        "        if False:",
        "tests/unit/test_refusals.py::test_any_number_of_addresses_and_reasons_is_a_bounded_number_of_rows",
    ),
    Removal(
        "the question who is there at each message",
        "component/tab.py",
        "            await self.look()\n        except",
        "            pass\n        except",
        "tests/security/test_live.py::test_after_a_role_is_removed_the_next_press_runs_only_the_gate",
    ),
    Removal(
        "the dropping of widget states",
        "component/wire.py",
        '        self.message.rerun_script.ClearField("widget_states")\n',
        "",
        "tests/security/test_live.py::test_after_a_role_is_removed_the_next_press_runs_only_the_gate[callback]",
    ),
    Removal(
        "the dropping of fragments",
        "component/wire.py",
        '        self.message.rerun_script.ClearField("fragment_id")\n',
        "",
        "tests/security/test_live.py::test_after_a_role_is_removed_the_next_press_runs_only_the_gate[fragment]",
    ),
    Removal(
        "the memory of what a page was drawn with, over a lost connection",
        "component/tab.py",
        "self._shown.sessions.get(back_to) or Seen()",
        "Seen()",
        "tests/security/test_live.py::test_a_tab_that_was_away_when_a_role_was_removed_runs_only_the_gate",
    ),
    Removal(
        "the refusal of widgets that went with a right",
        "component/shown.py",
        "            sent.keep_widgets(self.widgets)\n",
        "",
        "tests/security/test_hostile_sockets.py::test_a_widget_that_went_with_a_right_cannot_be_pressed_again",
    ),
    Removal(
        "the ownership of files",
        "component/socket_guard.py",
        "or await self._tabs.may_fetch(session, owner, path)",
        "or wire.media_asked(path) is not None",
        "tests/security/test_files.py::test_an_id_that_is_known_or_guessed_gives_nothing_even_when_the_page_repeats_it",
    ),
    Removal(
        "the fields in which alone an address counts",
        "component/wire.py",
        "if name in FILE_FIELDS and (found",
        "if (found",
        "tests/security/test_files.py::test_an_address_is_found_nowhere_else",
    ),
    Removal(
        "the forgetting of files with a right",
        "component/shown.py",
        "            self.media.clear()\n",
        "",
        "tests/security/test_live.py"
        "::test_what_was_exported_is_not_given_out_after_a_role_is_removed_even_before_any_message",
    ),
    Removal(
        "the ownership of deferred exports",
        "component/tab.py",
        "sent.deferred_file not in self._shown.deferred",
        "False",
        "tests/security/test_files.py::test_a_deferred_export_of_another_session_is_refused",
    ),
    Removal(
        "the ownership of uploads",
        "component/tabs.py",
        'return self.may_come_back(owner, wire.upload_session_asked(path) or "")',
        "return wire.upload_session_asked(path) is not None",
        "tests/security/test_paths.py::test_every_address_answers_as_the_table_says",
    ),
    Removal(
        "the ownership of Streamlit sessions",
        "component/socket_guard.py",
        "if not self._tabs.may_come_back(owner, back_to):",
        "if False:",
        "tests/security/test_identity_binding.py::test_nobody_else_gets_it",
    ),
    Removal(
        "the watcher",
        "app/asgi.py",
        "asyncio.create_task(Watcher(services.storage.read.pulse, services.tabs).run(), name=",
        "asyncio.create_task(asyncio.sleep(0), name=",
        "tests/security/test_told_in_time.py::test_idle_tabs_in_two_processes_are_told_within_two_seconds[ended]",
    ),
    Removal(
        "the closed kinds of messages",
        "component/wire.py",
        "    elif kind not in ALLOWED:\n        raise Malformed\n",
        "",
        "tests/security/test_hostile_sockets.py::test_what_no_browser_sends_closes_the_socket_and_nothing_else",
    ),
    Removal(
        "the origin of a socket",
        "component/socket_guard.py",
        'if not self._site.is_origin(scope["headers"]):',
        "if False:",
        "tests/security/test_identity_binding.py::test_foreign_hosts_and_origins_get_no_socket",
    ),
    Removal(
        "the subject of a draft",
        "component/drafts.py",
        "if draft is not None and draft.owner_hash == _owner(draft, subject, browser_hash).hash:",
        "if draft is not None:",
        "tests/unit/test_component_drafts.py::test_a_persons_draft_comes_back_to_that_person_only",
    ),
    Removal(
        "the browser of an anonymous draft",
        "component/drafts.py",
        'return cls(f"browser {browser_hash}", anonymous=True)',
        'return cls("browser", anonymous=True)',
        "tests/unit/test_component_drafts.py::test_an_anonymous_draft_is_nothing_to_another_browser",
    ),
    Removal(
        "the sign-in that a draft waits for",
        "component/drafts.py",
        'return _hash(f"state {state}")',
        'return _hash("state")',
        "tests/unit/test_component_drafts.py::test_an_anonymous_draft_waits_for_one_sign_in_only",
    ),
    Removal(
        "the single use of a draft",
        "db/drafts.py",
        "            delete(drafts)\n            .where(drafts.c.key_hash == key_hash)\n",
        "            update(drafts).values(created_at=now)\n            .where(drafts.c.key_hash == key_hash)\n",
        "tests/unit/test_component_drafts.py::test_an_anonymous_draft_comes_back_once_through_its_sign_in",
    ),
    Removal(
        "the subject of a session that is revived",
        "component/revivals.py",
        "        if id_token.subject != session.person.subject:\n",
        "        if False:\n",
        "tests/unit/test_component_revivals.py"
        "::test_another_subject_gets_a_session_of_their_own_and_the_old_one_is_over",
    ),
    Removal(
        "the check of the organization",
        "component/step_up.py",
        "        if transaction.organization and id_token.organization != transaction.organization:\n",
        "        if False:\n",
        "tests/unit/test_component_flow.py::test_an_organization_that_is_asked_for_is_the_one_of_the_id_token",
    ),
    Removal(
        "the gate before a served app",
        "app/hosted.py",
        "    if _enter():\n",
        "    if True:\n",
        "tests/apptest/test_hosted.py::test_nobody_gets_sign_in_and_the_script_does_not_run",
    ),
    Removal(
        "the guard's marker, for a served app",
        "app/hosted.py",
        "    if not access.guarded():\n",
        "    if False:\n",
        "tests/apptest/test_hosted.py::test_without_the_guard_in_front_nothing_runs",
    ),
    Removal(
        "the permission to enter a served app",
        "app/hosted.py",
        "    if not decision.allowed:\n        hosted_pages.refuse(enter",
        "    if False:\n        hosted_pages.refuse(enter",
        "tests/apptest/test_hosted.py::test_the_whole_app_may_ask_for_a_permission",
    ),
    Removal(
        "the rows of a served app's pages",
        "app/hosted_pages.py",
        "        if not (declared and decision.allowed):\n",
        "        if not declared:\n",
        "tests/apptest/test_hosted.py::test_a_page_opens_for_whom_its_row_says_and_for_nobody_else",
    ),
    Removal(
        "the closing of a served app's pages without a row",
        "app/hosted_pages.py",
        "        if not (declared and decision.allowed):\n",
        "        if not decision.allowed:\n",
        "tests/apptest/test_hosted.py::test_a_page_without_a_row_opens_for_nobody",
    ),
    Removal(
        "the refusal of a folder that Streamlit would serve by itself",
        "app/hosted.py",
        '    if (folder / "pages").is_dir():\n',
        "    if False:\n",
        "tests/apptest/test_hosted.py::test_what_cannot_be_served_is_said_at_start",
    ),
    Removal(
        "the gate before scripts that Streamlit finds later",
        "app/hosted.py",
        "    if _inside.get():\n",
        '    if _inside.get() or "/pages/" in script_path:\n',
        "tests/security/test_hosted.py::test_a_pages_folder_that_appears_later_is_behind_the_gate_too",
    ),
    Removal(
        "the sign-in for a served app's files",
        "component/socket_guard.py",
        "        if foreign is None or session is None:\n            return False\n",
        "        if foreign is None or session is None:\n            return True\n",
        "tests/security/test_hosted.py::test_its_static_files_are_for_whoever_may_enter",
    ),
    Removal(
        "the permission to enter, for a served app's files",
        "app/asgi.py",
        "return decide(asking.principal, hosted.enter, asking.grants).allowed",
        "return bool(asking)",
        "tests/security/test_hosted.py::test_its_static_files_are_for_whoever_may_enter",
    ),
    Removal(
        "the borders of what a served app may declare",
        "app/core/permissions.py",
        "    if taken := permissions.keys() & Permission._value2member_map_.keys():\n",
        "    if taken := set[str]():\n",
        "tests/unit/test_declarations.py::test_a_file_beside_an_app_gives_nothing_of_gatehouses_own",
    ),
    Removal(
        "nobody gives themselves anything",
        "app/core/administration/grants.py",
        "    require_not_self(standing, target, is_self=row.person.subject == standing.subject)\n",
        "",
        "tests/unit/test_administration_rules.py::test_nobody_grants_themselves_anything",
    ),
    Removal(
        "nobody has more by editing their own role",
        "app/core/administration/roles.py",
        "    require_nothing_gained(standing, added, standing.grants.roles.get(there.name, ()), there.name)\n",
        "",
        "tests/unit/test_administration_rules.py::test_nobody_edits_a_role_they_hold_to_have_more",
    ),
    Removal(
        "nobody gives what they do not hold",
        "app/core/administration/rules.py",
        "    if missing := sorted(name for name in permissions if not standing.holds(name)):",
        "    if missing := sorted(name for name in permissions if not name):",
        "tests/unit/test_administration_rules.py::test_nobody_grants_what_they_do_not_hold",
    ),
    Removal(
        "editing a role is granting",
        "app/core/administration/roles.py",
        "    require_held(standing, added, there.name)\n",
        "",
        "tests/unit/test_administration_rules.py::test_editing_a_role_is_granting",
    ),
    Removal(
        "mapping a token role is granting",
        "app/core/administration/mappings.py",
        "            require_role_held(standing, card, token_role)\n",
        "",
        "tests/unit/test_administration_rules.py::test_mapping_a_token_role_is_granting",
    ),
    Removal(
        "the last administrator",
        "app/core/administration/rules.py",
        "    if there_was_one and not unit.administrators(now):",
        "    if False:",
        "tests/unit/test_administration_rules.py::test_the_last_administrator_stays",
    ),
    Removal(
        "the version of what is changed",
        "app/core/administration/acting.py",
        "    if wanted is not None and wanted != there:",
        "    if False:",
        "tests/unit/test_administration_rules.py::test_every_change_of_something_that_is_there_names_its_version",
    ),
    Removal(
        "the decision inside the transaction",
        "app/core/administration/acting.py",
        "    if not decision.allowed:",
        "    if False:",
        "tests/unit/test_administration_rules.py::test_what_was_decided_before_does_not_count",
    ),
    Removal(
        "the session as it is inside the transaction",
        "app/core/administration/acting.py",
        "        principal = _in_session(unit, principal, principal.session_ref, now)\n",
        "        pass\n",
        "tests/unit/test_administration_rules.py::test_what_was_decided_before_does_not_count",
    ),
    Removal(
        "one transaction at a time",
        "db/engine.py",
        '            connection.exec_driver_sql("BEGIN IMMEDIATE")',
        '            connection.exec_driver_sql("BEGIN")',
        "tests/db/test_faults.py::test_what_a_unit_has_read_cannot_change_before_it_commits",
    ),
    Removal(
        "the erasing of browser and address",
        "db/administration.py",
        'user_agent="", address="", page="", ',
        "",
        "tests/unit/test_administration_rules.py::test_erasing_leaves_the_subject_alone_and_the_audit_whole",
    ),
    Removal(
        "the single use of the message that came too late",
        "component/cover.py",
        "        held, self._held = self._held, None\n        return held\n",
        "        return self._held\n",
        "tests/unit/test_component_cover.py::test_two_messages_at_once_are_one_with_what_was_pressed_in_either",
    ),
    Removal(
        "the silence towards a covered tab",
        "component/tab.py",
        ' and not (self._covered and message["type"] == "websocket.send")',
        "",
        "tests/unit/test_component_cover.py::test_nothing_reaches_a_covered_tab_and_nothing_comes_from_it",
    ),
    Removal(
        "the stop of what comes from a covered tab",
        "component/tab.py",
        "        if self._covered or not self._is_live():\n            return None\n",
        "        if not self._is_live():\n            return None\n",
        "tests/unit/test_component_cover.py::test_nothing_reaches_a_covered_tab_and_nothing_comes_from_it",
    ),
    Removal(
        "the second check of an audit that was prepared as a file",
        "app/admin/audit_export.py",
        "@access.requires(Permission.EXPORT_AUDIT)\n",
        "",
        "tests/apptest/test_administration_roles.py"
        "::test_a_file_that_was_prepared_is_handed_out_only_to_who_may_still_have_it",
    ),
    Removal(
        "the permission of a change in administration",
        "app/admin/calls_people.py",
        "@access.requires(Permission.BLOCK_PEOPLE)\n",
        "",
        "tests/unit/test_admin_calls.py::test_a_call_goes_nowhere_without_its_permission[people.set_blocked]",
    ),
    Removal(
        "the refusal of parts of a path that would climb",
        "app/api_client.py",
        'if any(str(part) in {"", ".", ".."} for part in parts):',
        "if False:",
        "tests/unit/test_api_client.py::test_a_part_that_would_climb_is_nothing",
    ),
    Removal(
        "the version that a change names",
        "app/api_client.py",
        "    if version is not None:\n",
        "    if False:\n",
        "tests/unit/test_api_client.py::test_what_a_change_sends",
    ),
    Removal(
        "the guard before a delegated call",
        "app/host.py",
        "@access.requires(Permission.EXPLORE_API)\n",
        "",
        "tests/apptest/test_host.py::test_the_guard_decides_first[roles0]",
    ),
    Removal(
        "the list of delegated calls",
        "app/host.py",
        "    if not is_offered(asked.method, asked.path):\n",
        "    if False:\n",
        "tests/apptest/test_host.py::test_any_other_host_scheme_path_or_method_is_refused_and_on_record",
    ),
    Removal(
        "the look for the token in a delegated answer",
        "app/api_client.py",
        "    if token is not None and token.encode() in answer.content:\n",
        "    if False:\n",
        "tests/apptest/test_host.py::test_a_token_in_an_answer_never_reaches_the_browser",
    ),
    Removal(
        "the list of events that a component takes",
        "component/link.py",
        "        if not isinstance(found, Breach) and found.name not in allowed:\n",
        "        if False:\n",
        "tests/unit/test_component_events.py::test_an_event_that_this_component_does_not_take_is_refused",
    ),
    Removal(
        "the single handling of an event",
        "component/link.py",
        "            if number <= self.done:\n                continue\n",
        "            self.done = number - 1\n",
        "tests/unit/test_component_events.py::test_a_burst_is_handled_in_order_and_each_once",
    ),
    Removal(
        "the limit of events",
        "component/link.py",
        "            if not self._is_within_limit():\n",
        "            if False:\n",
        "tests/unit/test_component_events.py::test_a_flood_is_cut_off_with_one_error_and_passes",
    ),
    Removal(
        "the look at JSON before Streamlit reads it",
        "component/tab.py",
        "        if sent.replace_unreadable():\n",
        "        if False:\n",
        "tests/security/test_component_live.py::test_no_value_makes_an_exception_page",
    ),
    Removal(
        "a served app's rows, wherever it has st.navigation from",
        "app/hosted_pages.py",
        "for module in (st, navigation_module):",
        "for module in (st,):",
        "tests/apptest/test_hosted.py::test_rows_count_for_a_navigation_imported_from_where_streamlit_keeps_it",
    ),
    Removal(
        "sections of a served app of which nothing may be opened",
        "app/hosted_pages.py",
        "(offered.setdefault(name, []) if missing.within_reach else nameless).append(refused)",
        "offered.setdefault(name, []).append(refused)",
        "tests/apptest/test_hosted.py::test_a_section_of_which_nothing_may_be_opened_is_not_told[developer-False]",
    ),
    Removal(
        "the row of a start page's own address",
        "app/hosted_pages.py",
        '    needed = ["", own] if start else [own]\n',
        '    needed = [""] if start else [own]\n',
        "tests/apptest/test_hosted_pages.py"
        "::test_a_start_page_without_one_of_its_rows_opens_for_nobody[a page for nobody]",
    ),
    Removal(
        "the rows of every address of a hosted page",
        "app/hosted_pages.py",
        "    needed += [address for other, address in _offered.get() or () if other == source and",
        "    needed += [address for other, address in _offered.get() or () if False and",
        "tests/apptest/test_hosted_pages.py::test_a_page_at_another_address_needs_its_own_row_too[two navigations]",
    ),
    Removal(
        "the row of the address that is inferred for a hosted page",
        "app/hosted_pages.py",
        "        needed.append(inferred)\n",
        "        pass\n",
        "tests/apptest/test_hosted_pages.py"
        "::test_a_page_at_another_address_needs_its_own_row_too[a function that names another address]",
    ),
    Removal(
        "rows read where a hosted page runs",
        "app/hosted_pages.py",
        "    if missing is not None:\n        _Refused.of(page, missing).run()\n        return\n",
        "",
        "tests/apptest/test_hosted_pages.py::test_rows_are_read_where_the_page_runs[the function below st.navigation]",
    ),
    Removal(
        "a page's script compiled for its own page only",
        "app/hosted_pages.py",
        "    if _page_rows is not None and script.resolve() not in",
        "    if False and script.resolve() not in",
        "tests/apptest/test_hosted_pages.py"
        "::test_the_script_of_a_page_is_compiled_for_that_page_only[by a cache of scripts]",
    ),
    Removal(
        "what a stranger's browser may send at once",
        "component/tab.py",
        "wire.MAX_STRANGERS_BYTES if self.session is None else wire.MAX_MESSAGE_BYTES",
        "wire.MAX_MESSAGE_BYTES",
        "tests/security/test_hostile_sockets.py::test_nobody_sends_more_than_a_sign_in_page_could[False-False]",
    ),
    Removal(
        "the depth of JSON is found in one pass",
        "component/wire.py",
        "        if max(depths) > MAX_DEPTH:\n",
        "        if False:\n",
        "tests/unit/test_component_wire.py::test_python_itself_stumbles_over_these",
    ),
    Removal(
        "no unit of work for a draft that somebody made up",
        "component/drafts.py",
        "            if not self._storage.read.draft_waits(key_hash):  # any",
        "            if False:  # any",
        "tests/unit/test_component_drafts.py::test_a_made_up_draft_makes_nobody_wait",
    ),
    Removal(
        "the quiet of a component's own runs",
        "component/wire.py",
        " and not self._is_quiet\n",
        "\n",
        "tests/unit/test_component_wire.py::test_only_the_quiet_trigger_is_nobodys_doing",
    ),
    Removal(
        "whose file an .env is",
        "app/core/variables.py",
        "        if not belongs_to_hosted_app(file_path, self._script):\n",
        "        if True:\n",
        "tests/unit/test_variables.py::test_the_env_file_of_a_hosted_app_sets_nothing[cli]",
    ),
    Removal(
        "the prefix of variables",
        "app/core/settings.py",
        "        env_prefix=PREFIX,\n",
        "",
        "tests/unit/test_variables.py::test_neither_does_one_in_a_folder_above_the_script_nor_the_environment",
    ),
    Removal(
        "retired variables are refused",
        "app/core/settings.py",
        "        mistakes += retired_in_use(",
        "        retired_in_use(",
        "tests/unit/test_variables.py::test_a_retired_name_in_our_own_file_is_refused_with_the_new_one[DATABASE_URL]",
    ),
    Removal(
        "no state among the files of a hosted app",
        "app/core/state.py",
        "    if script is not None and folder.resolve() in script.resolve().parents:\n",
        "    if False:\n",
        "tests/unit/test_variables.py::test_the_state_is_never_mixed_with_the_files_of_the_app[.]",
    ),
    Removal(
        "no event by a process without the write key",
        "db/audit.py",
        "    if named and not keyring.holds(named) and not lost:\n        raise SecretMismatch(MISMATCH)\n",
        "",
        "tests/db/test_secret_keys.py::test_a_process_that_was_taken_for_gone_writes_nothing_afterwards[file]",
    ),
    Removal(
        "the head's key, not the first secret, writes",
        "db/audit.py",
        "    key_id = key_id or named or sealing_key(keyring, head) or keyring.write_key\n",
        "    key_id = keyring.key_ids[0]\n",
        "tests/db/test_secret_keys.py::test_the_new_secret_in_front_at_once_breaks_nothing[file]",
    ),
    Removal(
        "the write key moves on only when all list it first",
        "app/core/secret_keys.py",
        "    if write_key and (len(first) > 1 or write_key in first):\n"
        "        return write_key\n    wanted = live[0].key_ids[0]\n",
        "    if first == {write_key}:\n        return write_key\n    wanted = next(iter(first - {write_key}))\n",
        "tests/db/test_secret_keys.py::test_the_write_key_moves_on_when_all_list_the_new_secret_first[file]",
    ),
    Removal(
        "no start without the write key",
        "db/database.py",
        "            if not self.keyring.holds(write_key):\n                raise SecretMismatch(MISMATCH)\n",
        "            if not self.keyring.holds(write_key):\n                return\n",
        "tests/unit/test_audit_commands.py::test_another_secret_altogether_gets_a_hint",
    ),
    Removal(
        "a heal that covers only what a rotation explains: the older secret wrote after the newer",
        "db/rotation.py",
        "        if before is None or key is None or self._ages[key] <= self._ages[before]:\n",
        "        if before is None or key is None:\n",
        "tests/db/test_secret_keys.py::test_a_cut_by_somebody_with_the_database_is_not_taken_for_a_rotation[memory]",
    ),
    Removal(
        "a heal that covers only what a rotation explains: the event names the end that was there",
        "db/rotation.py",
        '        if _details(row) != {"head": row[0] - 1}:\n            return False\n',
        "",
        "tests/db/test_secret_keys.py::test_a_head_that_named_another_end_is_not_taken_for_a_rotation[memory]",
    ),
]


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.guard)
def test_a_guard_that_is_taken_out_is_missed(removal: Removal, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(
        ROOT,
        copy,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", "var", "docs", "__pycache__", ".*_cache", ".hypothesis", "node_modules"
        ),
    )
    file = copy / removal.file
    text = file.read_text(encoding="utf-8")
    assert text.count(removal.there) == 1, f"the guard does not stand once in {removal.file}: mend this table"
    file.write_text(text.replace(removal.there, removal.instead), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", removal.test],
        cwd=copy,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-2000:]
    assert "failed" in done.stdout.splitlines()[-1]
