"""Guards of who is behind a request or a socket, and of what is served to its owner only."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="a socket is bound to the identity of its session",
        at="component.socket.request_context:RequestContext.identified",
        without="headers + shared.identity.headers(session, self.browser)",
        instead="headers",
        test="tests/security/test_identity_binding.py",
    ),
    Removal(
        guard="identity headers that a client sends are removed",
        at="component.socket.request_context:RequestContext.identified",
        without="without_identity_headers(...)",
        instead='self._scope["headers"]',
        test="tests/security/test_identity_binding.py",
    ),
    Removal(
        guard="cross-site requests are refused",
        at="component.socket.http_middleware:HttpMiddleware._response_to_any_client",
        without="refusal()",
        instead="None",
        test=(
            "tests/component/socket/test_cross_site.py"
            "::test_a_form_of_another_site_replaces_no_cookie_and_the_sign_in_continues"
        ),
    ),
    Removal(
        guard="a cross-site link is answered with the same page for every visitor",
        at="component.socket.http_middleware:HttpMiddleware._response_to_any_client",
        without="kind is not PathKind.PAGE",
        instead="False",
        test="tests/component/socket/test_cross_site.py::test_another_site_gets_the_same_response_for_every_user",
    ),
    Removal(
        guard="a refusal sets no cookie",
        at="component.socket.request_context:RequestContext.with_browser_cookie.send_with_cookie",
        without='message.get("status", 0) < _FIRST_REFUSAL',
        test="tests/component/socket/test_cross_site.py::test_responses_and_cookies_by_initiator",
    ),
    Removal(
        guard="Streamlit's own data export is disabled",
        at="app.asgi:streamlit_options",
        without='{} if hosted else {"client.disableDataExport": True}',
        instead="{}",
        test="tests/security/test_data_export.py::test_the_front_end_does_not_export_the_data_of_our_tables",
    ),
    Removal(
        guard="the host configuration lists no host",
        at="component.socket.http_middleware:HttpMiddleware._response_to_any_client",
        without="host_config.answer() if is_host_config else None",
        instead="None",
        test="tests/security/test_paths.py::test_the_front_end_accepts_messages_from_no_other_host",
    ),
    Removal(
        guard="files are served to their owner only",
        at="component.socket.http_middleware:HttpMiddleware._is_owner",
        without="await self._tabs.may_fetch(session, owner, path)",
        instead='path.startswith("/media/")',
        test=("tests/security/test_files.py::test_a_known_or_guessed_id_returns_nothing_even_when_the_page_shows_it"),
    ),
    Removal(
        guard="uploads are accepted from their owner only",
        at="component.socket.tabs:Tabs.may_upload",
        without="owner_tabs is not None and upload_session_of(path) in owner_tabs.sessions",
        instead="upload_session_of(path) is not None",
        test="tests/security/test_paths.py::test_every_route_responds_as_the_table_says",
    ),
    Removal(
        guard="only its owner is reattached to a Streamlit session",
        at="component.socket.websocket_middleware:WebSocketMiddleware._admitted",
        without="self._tabs.may_reattach(owner, requested_session_id)",
        instead="True",
        test="tests/security/test_identity_binding.py::test_no_other_client_is_reattached_to_the_session",
    ),
    Removal(
        guard="the origin of a socket is checked",
        at="component.socket.websocket_middleware:WebSocketMiddleware.__call__",
        without='not self._context.site.is_origin(scope["headers"])',
        instead="False",
        test="tests/security/test_identity_binding.py::test_foreign_hosts_and_origins_get_no_socket",
    ),
]
