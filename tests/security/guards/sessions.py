"""Guards of the lifetimes of sessions."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="only our own pages may report user input",
        at="component.routes.session:SessionRoutes.active",
        without="return refused",
        test="tests/component/routes/test_session_extension.py::test_only_a_script_of_our_own_pages_may_report_input",
    ),
    Removal(
        guard="the routes that extend a session refuse other sites without the middleware too",
        at="component.routes.session:SessionRoutes._refusal",
        without="if not is_same_origin(self._origin, request): ...",
        test=(
            "tests/component/routes/test_session_routes.py"
            "::test_a_route_refuses_other_sites_even_without_the_middleware"
        ),
    ),
    Removal(
        guard="a new session secret wakes the watchers",
        at="db.sessions:SessionWrites._reauthenticate",
        without="self._execute(update(policy).values(sessions_ended=policy.c.sessions_ended + 1))",
        test="tests/component/socket/test_expiry_overlay.py::test_a_step_up_wakes_the_watcher",
    ),
    Removal(
        guard="activity does not extend a session beyond its absolute lifetime",
        at="db.session_liveness:is_live",
        without="expires_at > now",
        test="tests/db/test_sessions.py::test_touching_brings_no_session_back[memory]",
    ),
    Removal(
        guard="activity does not extend a session beyond its idle lifetime",
        at="db.sessions:SessionWrites.touch_session",
        without="used_after=now - idle",
        test=(
            "tests/component/routes/test_session_extension.py"
            "::test_a_request_that_waited_for_the_database_beyond_the_idle_lifetime_resumes_no_session[/auth/active]"
        ),
    ),
    Removal(
        guard="activity is timed when the transaction can write",
        at="db.sessions:SessionWrites.touch_session",
        without="self._open_for_writing()",
        test="tests/db/test_sessions.py::test_the_moment_of_a_touch_is_read_when_the_unit_is_open_for_writing[memory]",
    ),
    Removal(
        guard="a session is live no longer than its idle lifetime",
        at="app.core.session_liveness:ends_at",
        without="min(session.last_seen_at + idle, session.expires_at)",
        instead="session.expires_at",
        test="tests/app/core/test_session_liveness.py::test_a_session_ends_at_the_earlier_of_both[0-3600-600]",
    ),
    Removal(
        guard="a session is live no longer than its absolute lifetime",
        at="app.core.session_liveness:ends_at",
        without="min(session.last_seen_at + idle, session.expires_at)",
        instead="session.last_seen_at + idle",
        test="tests/app/core/test_session_liveness.py::test_a_session_ends_at_the_earlier_of_both[0-5-5]",
    ),
    Removal(
        guard="a session that was ended is not live",
        at="app.core.session_liveness:liveness",
        without="session.ended_at is not None",
        instead="False",
        test="tests/app/core/test_session_liveness.py::test_an_ended_session_is_not_live",
    ),
]
