"""Guards of what a tab may still do after its user lost a permission or the session."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="the session is checked at each message",
        at="component.socket.tab:Tab._recheck_or_close",
        without="await self.recheck()",
        test="tests/security/test_revoked_permissions.py::test_after_a_revocation_the_next_press_only_renders_the_page_again",
    ),
    Removal(
        guard="the full rerun that opens the gate carries no widget states",
        at="component.protocol.back_message:BackMessage.strip_to_full_rerun",
        without='self.message.rerun_script.ClearField("widget_states")',
        test="tests/security/test_revoked_permissions.py::test_after_a_revocation_the_next_press_only_renders_the_page_again[callback]",
    ),
    Removal(
        guard="the full rerun that opens the gate carries no fragment",
        at="component.protocol.back_message:BackMessage.strip_to_full_rerun",
        without='self.message.rerun_script.ClearField("fragment_id")',
        test="tests/security/test_revoked_permissions.py::test_after_a_revocation_the_next_press_only_renders_the_page_again[fragment]",
    ),
    Removal(
        guard="a message that cannot be parsed does not pass a closed gate",
        at="component.socket.page_runs:PageRuns.record",
        without='return data if self._state.gate is GateState.OPEN else b""',
        instead="return data",
        test="tests/component/socket/test_gate.py::test_a_message_that_cannot_be_parsed_does_not_pass_a_closed_gate",
    ),
    Removal(
        guard="a long request for upload addresses is not remembered",
        at="component.socket.upload_requests:UploadRequests.record_request",
        without="message.size > SHORT_BYTES",
        test="tests/component/socket/test_upload_requests.py::test_a_long_request_is_not_remembered",
    ),
    Removal(
        guard="a tab remembers a limited number of requests for upload addresses",
        at="component.socket.upload_requests:UploadRequests.record_request",
        without="len(self._pending) > MAX_PENDING",
        instead="False",
        test="tests/component/socket/test_upload_requests.py::test_a_tab_remembers_a_limited_number_of_requests",
    ),
    Removal(
        guard="the tab state outlives a lost connection",
        at="component.socket.tab:Tab.__init__",
        without="self._owner_tabs.sessions.get(session_id) if handshake.is_reattached else None",
        test="tests/security/test_revoked_permissions.py::test_a_tab_disconnected_at_a_revocation_only_renders_the_page_again",
    ),
    Removal(
        guard="widgets that were not rendered since a revocation are refused",
        at="component.socket.rendered:Rendered.restrict",
        without="rerun.keep_widgets(...)",
        test="tests/security/test_hostile_sockets.py::test_a_widget_of_a_revoked_permission_cannot_be_pressed",
    ),
    Removal(
        guard="fragments that were not rendered since a revocation are refused",
        at="component.socket.rendered:Rendered.restrict",
        without="rerun.fragment_id and rerun.fragment_id not in self.since_revocation.fragments",
        instead="False",
        test=(
            "tests/security/test_revoked_state.py"
            "::test_after_a_revocation_no_id_works_however_the_page_is_cut_off[raises-1]"
        ),
    ),
    Removal(
        guard="dataframes that were not rendered since a revocation are refused",
        at="component.socket.rendered:Rendered.begin",
        without="self.since_revocation is not None and request.dataframe_id and ...",
        instead="False",
        test="tests/component/socket/test_gate.py::test_a_dataframe_rendered_before_a_revocation_returns_no_more_rows",
    ),
    Removal(
        guard="the result of an operation from before a revocation is refused",
        at="component.socket.tab_state:TabState.record",
        without="not self.rendered.end(...)",
        instead="False",
        test="tests/component/socket/test_gate.py::test_the_result_of_an_operation_from_before_a_revocation_is_refused",
    ),
    Removal(
        guard="what is rendered while the gate is shut does not count",
        at="component.socket.tab_state:TabState.record",
        without="if self.gate is not GateState.OPEN: ...",
        test=("tests/component/socket/test_gate.py::test_output_of_a_run_from_before_a_revocation_does_not_count"),
    ),
    Removal(
        guard="the gate opens at the barrier of the last revocation",
        at="component.socket.tab_state:TabState._is_barrier",
        without="self.pending_barriers == 0",
        test="tests/component/socket/test_gate.py::test_the_barrier_of_one_revocation_does_not_count_for_another",
    ),
    Removal(
        guard="no socket is reattached to a page whose barrier was lost",
        at="component.socket.tabs:Tabs.may_reattach",
        without="state.may_be_reattached",
        test="tests/component/socket/test_gate.py::test_a_page_whose_barrier_was_lost_with_its_socket_cannot_be_reattached",
    ),
    Removal(
        guard="each Streamlit session has one socket",
        at="component.socket.tab:Tab.__init__",
        without="self._state.attach(...)",
        test="tests/component/socket/test_gate.py::test_a_replaced_socket_does_not_affect_the_page",
    ),
    Removal(
        guard="a browser cannot stop the run that opens the gate",
        at="component.socket.page_runs:PageRuns.allows",
        without="message.is_stop and self.has_lost",
        instead="False",
        test="tests/component/socket/test_gate.py::test_a_browser_does_not_stop_the_run_that_opens_the_gate",
    ),
    Removal(
        guard="runs that wait before the run that opens the gate are stopped",
        at="component.socket.page_runs:PageRuns.hand_over",
        without="injected_messages.stop()",
        instead="message.serialize()",
        test="tests/component/socket/test_gate.py::test_a_revoked_permission_closes_the_gate_whichever_check_detects_it_first",
    ),
    Removal(
        guard="a page whose permission is revoked before anything is rendered is loaded again",
        at="component.socket.tab:Tab._update",
        without="change is SessionChange.LOST and self._state.run_on_save is None",
        instead="False",
        test="tests/component/socket/test_gate.py::test_a_permission_revoked_before_the_first_output_reloads_the_page",
    ),
    Removal(
        guard="a socket is bound to the session secret that it was opened with",
        at="component.socket.tab:Tab.recheck",
        without="session.secret_hash != self._secret_hash",
        instead="False",
        test="tests/component/socket/test_expiry_overlay.py::test_after_a_step_up_no_message_runs_on_a_socket_of_the_old_secret",
    ),
    Removal(
        guard="a socket of an expired cookie holds no message",
        at="component.socket.session_lock:SessionLock.keeps_messages",
        without="self._has_user_actions",
        test=(
            "tests/component/socket/test_expiry_overlay.py::test_a_lost_connection_unlocks_no_tab_and_keeps_its_message"
        ),
    ),
    Removal(
        guard="a held message is not for a socket that replaces another",
        at="component.socket.tab_state:TabState.attach",
        without="self.locked_page.take_action()",
        test="tests/component/socket/test_kept_message.py::test_the_kept_message_is_not_for_a_socket_that_replaces_another",
    ),
    Removal(
        guard="a browser waits for its new cookie",
        at="component.socket.websocket_middleware:WebSocketMiddleware._admitted",
        without="session is None and expired is None and request.has_new_secret()",
        instead="False",
        test=(
            "tests/security/test_expired_sessions.py"
            "::test_a_socket_of_a_copied_cookie_ends_when_its_owner_signs_in_again[0-stepped up]"
        ),
    ),
    Removal(
        guard="a sign-out redirects every other tab at once",
        at="component.socket.tab:Tab._end",
        without="self._page_signs_out or self._lock.is_locked",
        test="tests/component/socket/test_tab.py::test_a_sign_out_in_another_tab_redirects_a_tab_at_once",
    ),
    Removal(
        guard="a tab that could not be notified is checked again",
        at="component.socket.tab:Tab.is_due",
        without="not self._is_checked",
        test=(
            "tests/component/socket/test_tab_states.py"
            "::test_one_poll_notifies_a_tab_in_any_state_and_nothing_of_its_page_runs[connecting-ended]"
        ),
    ),
    Removal(
        guard="the watcher notifies idle tabs",
        at="app.asgi:create_app.lifespan",
        without="Watcher(services.storage.read.change_counters, services.tabs).run()",
        instead="asyncio.sleep(0)",
        test="tests/security/test_notification_time.py::test_idle_tabs_in_two_processes_are_notified_within_two_seconds[ended]",
    ),
    Removal(
        guard="a held message is sent once",
        at="component.socket.locked_page:LockedPage.take_action",
        without="""
            kept, self._kept = self._kept, None
            return kept
        """,
        instead="return self._kept",
        test="tests/component/socket/test_kept_message.py::test_two_messages_at_once_are_merged_with_the_triggers_of_either",
    ),
    Removal(
        guard="a locked tab receives no message",
        at="component.socket.tab:Tab.send",
        without='self._lock.is_locked and message["type"] == "websocket.send"',
        instead="False",
        test="tests/component/socket/test_expiry_overlay.py::test_no_message_passes_a_locked_tab",
    ),
    Removal(
        guard="a locked tab sends no message",
        at="component.socket.tab:Tab._admit",
        without="self._lock.is_locked or not self._out.is_open()",
        instead="not self._out.is_open()",
        test="tests/component/socket/test_expiry_overlay.py::test_no_message_passes_a_locked_tab",
    ),
    Removal(
        guard="a page with a revoked permission is rendered again on the next socket",
        at="component.socket.page_runs:PageRuns.__init__",
        without="state.gate is not GateState.OPEN",
        instead="False",
        test=(
            "tests/component/socket/test_reconnection.py"
            "::test_a_right_lost_before_a_connection_was_lost_reruns_the_page_on_the_next"
        ),
    ),
    Removal(
        guard="a browser whose Streamlit session is gone is asked for a rerun",
        at="component.socket.page_runs:PageRuns.wants_rerun",
        without="self._reconnection.is_stale",
        test=(
            "tests/component/socket/test_reconnection.py"
            "::test_a_browser_whose_streamlit_session_is_gone_is_asked_for_a_run_once[in another process]"
        ),
    ),
    Removal(
        guard="the first run after a Streamlit session is gone is a run of the whole page",
        at="component.socket.page_runs:PageRuns._prepare",
        without="if self._reconnection.needs_whole_run: ...",
        test=(
            "tests/component/socket/test_reconnection.py"
            "::test_a_fragment_of_a_lost_session_runs_as_part_of_its_whole_page[False]"
        ),
    ),
    Removal(
        guard="a repeated requested rerun does not interrupt a user's run",
        at="component.socket.tab:Tab._admit",
        without="message.is_requested_rerun and not self._reconnection.awaits_requested_rerun",
        instead="False",
        test="tests/component/socket/test_reconnection.py::test_no_repeated_requested_rerun_interrupts_the_run_of_a_press",
    ),
    Removal(
        guard="a socket records the Streamlit session that its browser requests",
        at="component.socket.websocket_middleware:WebSocketMiddleware._admitted",
        without="requested_session_id=requested_session_id",
        test=("tests/security/test_reconnection.py::test_in_another_process_the_page_of_a_revoked_permission_is_rerun"),
    ),
    Removal(
        guard="Streamlit reports whether it reattached a session",
        at="app.asgi:create_app.lifespan",
        without="services.tabs.is_active = streamlit.is_active_session",
        test="tests/security/test_reconnection.py::test_the_page_of_a_revoked_permission_is_rerun_after_streamlit_dropped_the_session",
    ),
    Removal(
        guard="checks of a locked tab's session come to an end",
        at="component.socket.session_lock:SessionLock.is_recheck_due",
        without="is_recent",
        test=(
            "tests/component/socket/test_expiry_overlay.py::test_the_session_of_a_locked_tab_is_rechecked_for_a_minute"
        ),
    ),
    Removal(
        guard="a held message runs in its own Streamlit session only",
        at="component.socket.page_runs:PageRuns.unlock",
        without="kept is not None and locked_page is self._locked_page_before and self._reconnection.has_failed",
        instead="False",
        test=("tests/component/socket/test_kept_message.py::test_the_kept_message_runs_in_no_other_streamlit_session"),
    ),
    Removal(
        guard="a component's own reruns are no user activity",
        at="component.protocol.back_message:BackMessage.is_user_action",
        without="not self._is_background",
        test="tests/component/protocol/test_back_message.py::test_only_the_quiet_trigger_is_no_user_action",
    ),
]
