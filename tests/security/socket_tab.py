"""A browser tab as a raw WebSocket: its widgets, files and messages."""

from __future__ import annotations

import json

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.raw_socket import RawSocket


class SocketTab(RawSocket):
    """A browser tab that knows the widgets of its page."""

    widgets: dict[str, str]
    files: dict[str, str]
    """Label of a download → its URL path, or the id of its deferred file."""
    messages: list[ForwardMsg]
    """Every message received since the page was opened."""

    def open(self, query: str = "") -> list[str]:
        """Run the script as a new tab does; → the texts that it wrote."""
        self.widgets, self.files, self.messages = {}, {}, []
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.context_info.url = "http://localhost/"
        self.send(message)
        return self.read_run()

    def read_run(self, timeout_seconds: float = 15.0) -> list[str]:
        """Read one run to its end; → the texts it wrote."""
        texts = []
        while True:
            message = self.receive(timeout_seconds)
            self.messages.append(message)
            if message.WhichOneof("type") == "delta":
                element = message.delta.new_element
                kind = element.WhichOneof("type")
                if kind == "markdown":
                    texts.append(element.markdown.body)
                elif kind in {"button", "download_button", "text_input"}:
                    widget = getattr(element, kind)
                    self.widgets[widget.label] = widget.id
                    if kind == "download_button":
                        self.files[widget.label] = widget.deferred_file_id or widget.url
                    if message.delta.fragment_id:
                        self.widgets[f"{widget.label} in"] = message.delta.fragment_id
            if message.WhichOneof("type") in {"script_finished", "auth_redirect"}:
                return texts

    def press(self, label: str) -> None:
        """Press a button, as a browser would."""
        message = BackMsg()
        state = message.rerun_script.widget_states.widgets.add()
        state.id = self.widgets[label]
        state.trigger_value = True
        fragment = self.widgets.get(f"{label} in")
        if fragment:
            message.rerun_script.fragment_id = fragment
        self.send(message)

    def download(self, file: str) -> str:
        """Request a deferred file, as a click on its button does; → its URL path, or "" if it was refused."""
        message = BackMsg()
        message.backend_operation_request.request_id = "request"
        message.backend_operation_request.session_id = self.session_id
        message.backend_operation_request.deferred_file.file_id = file
        self.send(message)
        while True:
            response = self.receive()
            if response.WhichOneof("type") == "backend_operation_response":
                return response.backend_operation_response.deferred_file.url

    def wait_for_push(self, timeout_seconds: float = 10.0) -> str:
        """Wait for a message that the server sends without a request.

        Returns:
            The target of a redirect, "locked" or "unlocked" for the expiry overlay, or "" for the end of a run.
        """
        while True:
            message = self.receive(timeout_seconds)
            self.messages.append(message)
            if message.WhichOneof("type") == "auth_redirect":
                return message.auth_redirect.url
            if message.delta.new_element.bidi_component.id == "gatehouse-expiry-overlay":
                data = json.loads(message.delta.new_element.bidi_component.json)
                return "locked" if data["locked"] else "unlocked"
            if message.WhichOneof("type") == "script_finished":
                return ""
