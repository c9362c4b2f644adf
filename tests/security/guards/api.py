"""Guards of the remote API and of its client."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="a view of the API requires its declared permission",
        at="remote_api.access:requires.decorate",
        without="permission=permission",
        test="tests/remote_api/test_matrix.py::test_each_caller_is_allowed_exactly_the_literal_matrix[viewer]",
    ),
    Removal(
        guard="the API logs each failure with its reason",
        at="remote_api.problems:problem",
        without="logs.report(...)",
        test="tests/remote_api/test_faults.py::test_each_503_is_one_line_in_the_log_with_its_reason",
    ),
    Removal(
        guard="a rate limit counts each window once, whichever way the clock moves",
        at="remote_api.rate_limits:MemoryCounter.__call__",
        without="window != self._window",
        instead="window > self._window",
        test="tests/remote_api/test_rate_limits.py::test_a_clock_that_ran_ahead_leaves_no_refusals_behind",
    ),
    Removal(
        guard="an unconfirmed change is not marked as safe to retry",
        at="remote_api.problems:_of_error",
        without="not isinstance(error, ChangeUnconfirmed)",
        test="tests/remote_api/test_problems.py::test_every_error_is_a_problem_document[ChangeUnconfirmed]",
    ),
    Removal(
        guard="the response to a change is read before the commit",
        at="remote_api.views.grants:grant",
        without="""
            with transaction() as tx:
                ...
                return answer_of(...)
        """,
        instead="""
            with transaction() as tx:
                ...
            return answer_of(...)
        """,
        test="tests/remote_api/test_transactions.py::test_a_committed_change_is_answered_although_the_database_fails_afterwards",
    ),
    Removal(
        guard="the request records that a change was committed",
        at="remote_api.transactions:transaction",
        without="g.gatehouse_committed = True",
        test="tests/remote_api/test_transactions.py::test_a_failure_after_the_commit_never_reads_as_nothing_was_changed",
    ),
    Removal(
        guard="the results of a bulk change are kept when the database fails in the middle",
        at="remote_api.views.grants:bulk",
        without='not unconfirmed and all(result.outcome != "done" for result in results)',
        instead="True",
        test="tests/remote_api/test_transactions.py::test_each_person_of_a_failing_bulk_change_has_the_known_result",
    ),
    Removal(
        guard="a change without If-Match is refused",
        at="remote_api.application:Application.dispatch_request",
        without="if endpoint in self._conditional: ...",
        test="tests/remote_api/test_preconditions.py::test_the_version_is_asked_for_before_the_body_is_read",
    ),
    Removal(
        guard="blocking a person is declared conditional (If-Match)",
        at="remote_api.views.people:block",
        without="@conditional",
        instead='@unconditional("guard removed")',
        test="tests/remote_api/test_matrix.py::test_each_caller_is_allowed_exactly_the_literal_matrix[administrator]",
    ),
    Removal(
        guard="the API applies its rate limit",
        at="remote_api.application:Application.dispatch_request",
        without="self._limits.admit(...)",
        test="tests/remote_api/test_rate_limits.py::test_one_subjects_flood_neither_slows_nor_denies_another",
    ),
    Removal(
        guard="the rate limit applies before the permission is decided",
        at="remote_api.application:Application.dispatch_request",
        without="""
            self._limits.admit(request.environ, endpoint, declaration)
            if declaration.protected:
                ...
        """,
        instead="""
            if declaration.protected:
                ...
            self._limits.admit(request.environ, endpoint, declaration)
        """,
        test="tests/remote_api/test_rate_limits.py::test_a_refused_call_counts_and_is_decided_no_more_beyond_the_limit",
    ),
    Removal(
        guard="granting requires the permission to manage grants",
        at="remote_api.views.grants:grant",
        without="Permission.MANAGE_GRANTS",
        instead="Permission.READ_PEOPLE",
        test="tests/remote_api/test_matrix.py::test_each_caller_is_allowed_exactly_the_literal_matrix[auditor]",
    ),
    Removal(
        guard="one full verification of the audit runs at a time",
        at="remote_api.views.audit:_verified",
        without="not _verifying.acquire(blocking=False)",
        instead="not _verifying.acquire(timeout=0.1) and False",
        test="tests/remote_api/test_audit_api.py::test_one_full_verification_at_a_time",
    ),
    Removal(
        guard="a request body must be a JSON object",
        at="remote_api.application:Application.dispatch_request",
        without="if endpoint in self._with_body: ...",
        test="tests/remote_api/test_preconditions.py::test_bodies",
    ),
    Removal(
        guard="a cached view is refused at start",
        at="remote_api.access:read_access_declarations",
        without="if cached: ...",
        test=(
            "tests/remote_api/test_access.py"
            "::test_a_view_that_is_kept_in_a_cache_does_not_start[cache above the declaration]"
        ),
    ),
    Removal(
        guard="a run waits once for an API that does not answer",
        at="app.api_transport:open_response",
        without="if _unresponsive.get()[0] == run and time.monotonic() < _unresponsive.get()[1]: ...",
        test="tests/app/api_client/test_calls.py::test_a_silent_api_is_waited_for_once_in_a_run",
    ),
    Removal(
        guard="a change has a longer timeout than a read",
        at="app.api_transport:open_response",
        without="CHANGE_SECONDS if changes else TIMEOUT_SECONDS[1]",
        instead="TIMEOUT_SECONDS[1]",
        test=(
            "tests/app/api_client/test_changes.py::test_only_a_change_is_waited_for_so_long_and_only_behind_an_api_that_answers"
        ),
    ),
    Removal(
        guard="the API's health is checked before a change is sent",
        at="app.api_client:call",
        without='send("GET", _HEALTH, ...)',
        test="tests/app/api_client/test_changes.py::test_a_silent_api_is_sent_no_change",
    ),
    Removal(
        guard="a change without a response is reported as unconfirmed",
        at="app.api_transport:failed_call",
        without="ChangeUnconfirmed(_UNCONFIRMED) if changes else ApiUnavailable(...)",
        instead="ApiUnavailable(detail)",
        test="tests/app/api_client/test_changes.py::test_a_change_without_its_answer_may_have_been_kept",
    ),
    Removal(
        guard="empty and dot segments of a path are refused",
        at="app.api_client:path",
        without='any(str(part) in {"", ".", ".."} for part in parts)',
        instead="False",
        test="tests/app/api_client/test_calls.py::test_a_part_that_would_climb_is_nothing",
    ),
    Removal(
        guard="a change sends the version that it expects",
        at="app.api_transport:open_response",
        without="version is not None",
        instead="False",
        test="tests/app/api_client/test_calls.py::test_what_a_change_sends",
    ),
]
