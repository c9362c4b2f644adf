"""Guards of uploads, served files and Streamlit sessions without a socket."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="the uploads of a Streamlit session are limited",
        at="component.socket.http_middleware:HttpMiddleware._page_or_file",
        without="uploads is not None",
        instead="False",
        test="tests/security/test_files.py::test_one_streamlit_session_accepts_a_bounded_number_of_files",
    ),
    Removal(
        guard="the bytes of an upload are counted as they arrive",
        at="component.socket.upload_limits:_put",
        without="await app(...)",
        instead="""
            await app(scope, receive, status.send)
            body = BoundedBody(receive, 0)
        """,
        test="tests/component/socket/test_upload_limits.py::test_no_more_is_accepted_than_was_declared",
    ),
    Removal(
        guard="the uploads of all Streamlit sessions together are limited",
        at="component.socket.http_middleware:HttpMiddleware._page_or_file",
        without="make_room=make_room",
        test=("tests/security/test_upload_totals.py::test_closing_and_opening_tabs_accepts_no_more_than_the_limit"),
    ),
    Removal(
        guard="the uploads of sessions without a socket are counted",
        at="app.asgi:create_app.lifespan",
        without="uploads.sessions = RuntimeSessions(...)",
        test=("tests/security/test_upload_totals.py::test_closing_and_opening_tabs_accepts_no_more_than_the_limit"),
    ),
    Removal(
        guard="the uploads of a user's sessions without a socket are limited",
        at="app.runtime.disconnected_sessions:DisconnectedSessions.save",
        without="self._bound_uploads(...)",
        test="tests/app/runtime/test_disconnected_sessions.py::test_the_uploads_of_one_users_sessions_are_bounded_the_oldest_go",
    ),
    Removal(
        guard="a discarded session without a socket is shut down",
        at="app.runtime.disconnected_sessions:DisconnectedSessions.shut_down",
        without="stored.info.session.shutdown()",
        test="tests/app/runtime/test_disconnected_sessions.py::test_one_that_goes_is_shut_down_and_one_that_is_reattached_is_not",
    ),
    Removal(
        guard="expired sessions without a socket are discarded while no socket opens or closes",
        at="app.runtime.disconnected_sessions:expire_regularly",
        without="sessions.expire()",
        test="tests/app/runtime/test_disconnected_sessions.py::test_they_are_released_without_any_socket_that_comes_or_goes",
    ),
    Removal(
        guard="a file that arrives after the end of its session is removed",
        at="component.socket.upload_totals:UploadTotals.drop_ended",
        without="self.sessions.remove_files(...)",
        test=(
            "tests/component/socket/test_upload_totals.py"
            "::test_a_file_that_arrives_after_the_end_of_its_session_counts_while_it_does_and_is_removed_then"
        ),
    ),
    Removal(
        guard="a file is served only if a run of its session registered it",
        at="component.socket.rendered:Rendered.record_media",
        without="media_id in self.files",
        instead="True",
        test=(
            "tests/security/test_files.py::test_files_that_a_run_registers_belong_to_its_user_however_their_path_is_shown"
        ),
    ),
    Removal(
        guard="a revocation clears the files of a session",
        at="component.socket.rendered:Rendered.revoke",
        without="self.media.clear()",
        test="tests/security/test_revoked_permissions.py::test_after_a_revocation_no_offered_file_is_exported[export]",
    ),
    Removal(
        guard="files are refused between a revocation and the next message",
        at="component.socket.tab_state:TabState.may_fetch",
        without="not is_lost",
        test=(
            "tests/security/test_revoked_permissions.py"
            "::test_an_exported_file_is_not_served_after_a_revocation_even_before_any_message"
        ),
    ),
    Removal(
        guard="deferred exports are served to their owner only",
        at="component.socket.rendered:Rendered.begin",
        without="request.deferred_file_id and request.deferred_file_id not in self.deferred",
        instead="False",
        test="tests/security/test_files.py::test_a_deferred_export_of_another_session_is_refused",
    ),
    Removal(
        guard="a run from before a revocation registers no files",
        at="component.socket.media_files:SessionFiles.add",
        without="began_after_losses not in {None, self._losses}",
        test="tests/component/socket/test_media_files.py::test_files_that_a_run_from_before_a_revocation_registers_do_not_count",
    ),
    Removal(
        guard="the number of files of all sessions is limited",
        at="component.socket.media_files:MediaFiles.register",
        without="self._tally.files > MAX_FILES_IN_ALL",
        instead="False",
        test=(
            "tests/component/socket/test_media_files.py"
            "::test_the_files_of_all_sessions_are_bounded_and_the_session_with_the_most_drops_half"
        ),
    ),
    Removal(
        guard="anonymous sockets cannot push users' sessions out",
        at="app.runtime.disconnected_sessions:store_sessions_in",
        without="manager._session_storage = sessions",
        test="tests/security/test_reconnection.py::test_very_many_anonymous_sockets_displace_no_users_session",
    ),
    Removal(
        guard="the number of sessions kept per user is limited",
        at="app.runtime.disconnected_sessions:DisconnectedSessions.save",
        without="len(own) > (self._per_user if user else self._anonymous)",
        instead="not user and len(own) > self._anonymous",
        test="tests/app/runtime/test_disconnected_sessions.py::test_sessions_of_one_user_push_out_that_users_own",
    ),
    Removal(
        guard="files of anonymous browsers are dropped before those of users",
        at="component.socket.tab_state:TabOwners.open_tab",
        without="self._owners[other].is_anonymous",
        instead="False",
        test=("tests/component/socket/test_tab_owners.py::test_anonymous_browsers_replace_only_each_other"),
    ),
]
