"""Guards of the database and of the audit in it."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal, TextRemoval, postgresql

REMOVALS: Final[list[Removal | TextRemoval]] = [
    Removal(
        guard="a transaction takes the write lock when it begins",
        at="db.engine:_sqlite.begin",
        without='"BEGIN IMMEDIATE"',
        instead='"BEGIN"',
        test="tests/db/test_faults.py::test_what_a_unit_has_read_cannot_change_before_it_commits",
    ),
    Removal(
        guard="a database is closed only when no unit of work uses its connections",
        at="db.database:Database.close",
        without="self._write_lock.close()",
        instead="True",
        test="tests/db/test_concurrency.py::test_closing_waits_for_the_unit_of_another_thread[memory]",
    ),
    Removal(
        guard="a closed database refuses units of work",
        at="db.write_lock:WriteLock.acquire_read",
        without="self._closed",
        instead="False",
        test="tests/db/test_concurrency.py::test_a_closed_database_refuses_units_of_work[memory]",
    ),
    Removal(
        guard="migrations refuse a database with another program's tables",
        at="db.foreign_tables:require_own_tables",
        without="others and not beside_others",
        instead="False",
        test="tests/db/test_foreign.py::test_tables_of_another_program_are_left_alone[file-beginning0]",
    ),
    Removal(
        guard="another program's migrations are not taken for ours",
        at="db.foreign_tables:require_own_tables",
        without="revision is not None and not own_tables",
        instead="False",
        test=(
            "tests/db/test_foreign.py"
            "::test_migrations_of_another_program_are_never_taken_for_ours[file-ae1027a6acf0-True]"
        ),
    ),
    Removal(
        guard="tables with our names and without our revision are refused",
        at="db.foreign_tables:require_own_tables",
        without="revision is None and own_tables",
        instead="False",
        test="tests/db/test_foreign.py::test_foreign_tables_with_gatehouses_names_are_never_used[file-True]",
    ),
    Removal(
        guard="checking a database changes no file",
        at="db.schema:_reading",
        without="make_reading_engine",
        instead="make_engine",
        test="tests/db/test_foreign.py::test_tables_of_another_program_are_left_alone[file-beginning0]",
    ),
    Removal(
        guard="an idle transaction is ended",
        at="db.postgres:_server_options",
        without='"idle_in_transaction_session_timeout": ...',
        test="tests/db/test_postgres.py::test_a_process_stopped_inside_a_unit_of_work_blocks_no_other_for_long",
        needs=postgresql,
    ),
    Removal(
        guard="a statement has a timeout",
        at="db.postgres:_server_options",
        without='"statement_timeout": ...',
        test="tests/db/test_postgres.py::test_every_bound_is_set_by_us_on_each_connection",
        needs=postgresql,
    ),
    Removal(
        guard="the PostgreSQL driver has its own deadline",
        at="db.postgres:_until",
        without="not ready and time.monotonic() > deadline",
        instead="False",
        test="tests/db/test_postgres.py::test_a_server_that_is_frozen_is_explained_and_comes_back",
        needs=postgresql,
    ),
    Removal(
        guard="a retention boundary must be sealed",
        at="db.chain_verification:_Walk._start",
        without="boundary_is_sealed(...)",
        instead="True",
        test="tests/db/test_retention.py::test_a_boundary_without_a_valid_seal_is_reported",
    ),
    TextRemoval(
        guard="the database keeps audit events above the retention boundary",
        file="db/migrations/versions/0002_retention.py",
        without="    WHEN OLD.seq > (SELECT coalesce(max(seq), 0) FROM audit_retention)\n",
        instead="    WHEN false\n",
        test="tests/db/test_retention.py::test_the_database_lets_events_go_below_the_boundary_only",
    ),
    Removal(
        guard="the audit's head is verified before an event is appended",
        at="db.audit:append",
        without="head_mac_matches(...)",
        test="tests/db/test_audit.py::test_a_head_that_was_changed_is_not_taken_over_in_silence",
    ),
    Removal(
        guard="a checkpoint is compared with the audit",
        at="db.chain_verification:_Walk._compare_checkpoints",
        without="checkpoint.mac != mac.hex()",
        instead="False",
        test="tests/db/test_checkpoints.py::test_a_full_rewrite_with_the_secret_shows_against_a_checkpoint_only",
    ),
    Removal(
        guard="the signature of a checkpoint is verified",
        at="app.core.checkpoints:_read",
        without="not keyring.mac_matches(...)",
        instead="not sound and keyring.mac_matches(_PURPOSE, checkpoint._signed_bytes(), signature)",
        test="tests/db/test_checkpoints.py::test_a_checkpoint_cannot_be_altered_or_made_without_the_secret",
    ),
    Removal(
        guard="failures of anonymous clients are folded into a limited number of rows",
        at="app.core.refusal_counts:RefusalCounts._add",
        without="key not in self._counts and len(self._counts) >= MAX_KEYS",
        instead="False",
        test="tests/app/core/test_refusal_counts.py::test_any_number_of_addresses_and_reasons_is_a_bounded_number_of_rows",
    ),
]
