"""Guards of the secret and its rotation."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="a starting process waits for a busy database",
        at="app.core.secret_keys:SecretKeys._first_heartbeat",
        without="isinstance(error, _PERMANENT)",
        instead="True",
        test="tests/db/test_announced_processes.py::test_a_process_that_starts_waits_for_a_busy_database",
    ),
    Removal(
        guard="a starting process does not wait when the secret is wrong",
        at="app.core.secret_keys:SecretKeys._first_heartbeat",
        without="if isinstance(error, _PERMANENT): ...",
        test="tests/db/test_announced_processes.py::test_errors_that_waiting_cannot_fix_are_refused_at_once",
    ),
    Removal(
        guard="killed processes are not listed as running",
        at="app.core.secret_keys:running_processes",
        without="[process for process in announced if now - process.seen_at <= PRESUMED_ENDED_AFTER]",
        instead="list(announced)",
        test="tests/app/cli/audit/test_rotation.py::test_a_process_that_was_killed_is_not_shown_as_running",
    ),
    Removal(
        guard="dev starts only with the write key",
        at="app.cli.dev:run",
        without="require_secret(...)",
        test=(
            "tests/app/cli/test_secret.py"
            "::test_another_secret_is_refused_before_anything_starts_with_the_command_that_replaces_it[dev]"
        ),
    ),
    Removal(
        guard="serve makes no secret for a database that has one",
        at="app.cli.serve:_checked_settings",
        without="require_secret(...)",
        test="tests/app/cli/test_secret.py::test_no_command_makes_another_secret_for_the_one_that_is_missing[serve]",
    ),
    Removal(
        guard="commands make no secret for a database that has one",
        at="app.cli.context:load_settings",
        without="if not present_secrets(settings): ...",
        test="tests/app/cli/test_secret.py::test_no_command_makes_another_secret_for_the_one_that_is_missing[people]",
    ),
    Removal(
        guard="migrate makes no secret for a database that has one",
        at="app.cli.database:migrate_database",
        without="require_secret(...)",
        test=(
            "tests/app/cli/test_secret.py::test_no_command_makes_another_secret_for_the_one_that_is_missing[migrate]"
        ),
    ),
    Removal(
        guard="the remote API makes no secret for a database that has one",
        at="remote_api.wsgi:load_settings",
        without="require_secret(...)",
        test="tests/app/cli/test_secret.py::test_the_remote_api_makes_no_secret_either",
    ),
    Removal(
        guard="the secret file appears complete or not at all",
        at="app.core.installation_secret:_make_secret",
        without="os.link(...)",
        instead="path.write_text(secrets.token_urlsafe(48))",
        test="tests/app/cli/test_secret.py::test_of_two_processes_that_make_the_secret_at_once_both_use_the_same",
    ),
    Removal(
        guard="a process without the write key appends no audit event",
        at="db.audit:append",
        without="if named and not keyring.has_key(named) and not lost: ...",
        test="tests/db/test_announced_processes.py::test_a_process_that_was_considered_gone_writes_nothing_afterwards[file]",
    ),
    Removal(
        guard="the head's key seals the audit, not the first secret",
        at="db.audit:append",
        without="key_id or named or head_key_id(keyring, head) or keyring.write_key",
        instead="keyring.key_ids[0]",
        test="tests/db/test_secret_keys.py::test_the_new_secret_in_front_at_once_breaks_nothing[file]",
    ),
    Removal(
        guard="the write key moves on only when all processes list the new secret first",
        at="app.core.secret_keys:_rotated",
        without="""
            if write_key and (len(first) > 1 or write_key in first):
                ...
            new_key = live[0].key_ids[0]
        """,
        instead="""
            if first == {write_key}:
                ...
            new_key = next(iter(first - {write_key}))
        """,
        test="tests/db/test_secret_keys.py::test_the_write_key_moves_on_when_all_list_the_new_secret_first[file]",
    ),
    Removal(
        guard="a process without the write key does not start",
        at="db.database:Database.check",
        without="raise SecretMismatch(mismatch())",
        instead="return",
        test="tests/app/cli/audit/test_verification.py::test_another_secret_altogether_gets_a_hint",
    ),
    Removal(
        guard="a repair after a rotation requires that the older secret wrote last",
        at="db.rotation:Rotation.explains",
        without="self._ages[key] <= self._ages[before]",
        test=("tests/db/test_chain_healing.py::test_a_cut_by_an_attacker_is_not_explained_by_a_rotation[memory]"),
    ),
    Removal(
        guard="a repair after a rotation requires the head that was there",
        at="db.rotation:Rotation.explains",
        without='if _details(row) != {"head": row[0] - 1}: ...',
        test="tests/db/test_chain_healing.py::test_a_head_that_named_another_end_is_not_taken_for_a_rotation[memory]",
    ),
]
