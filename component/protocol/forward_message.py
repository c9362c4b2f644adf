"""Messages from Streamlit to the browser (``ForwardMsg``, protobuf) that the middleware sends itself or parses."""

from __future__ import annotations

import json
from typing import Final

from google.protobuf.message import DecodeError
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.RootContainer_pb2 import RootContainer

from component.protocol.back_message import REQUESTED_RERUN

COMPONENT: Final = "streamlit-gatehouse.auth0"
COMPONENT_SOURCE: Final = "auth0.js"
"""Our component's name and module, as Streamlit's front end requests them."""
_REQUEST_INTERVAL_SECONDS: Final = 0.25


def parse(data: bytes) -> ForwardMsg | None:
    """Parse a message to the browser; None for anything else."""
    message = ForwardMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return message


def redirect(address: str) -> bytes:
    """Navigate the browser to another address of this app."""
    message = ForwardMsg()
    message.auth_redirect.url = address
    return message.SerializeToString()


def request_rerun() -> bytes:
    """Have the browser itself request a run of its page, with what its user has typed there.

    No message requests that directly. A front end (Streamlit 1.67) that receives a fragment with a timer requests runs
    of it until a run of the whole page starts, and ``back_message.parse`` makes its request one of the whole page.
    """
    message = ForwardMsg()
    message.auto_rerun.interval, message.auto_rerun.fragment_id = _REQUEST_INTERVAL_SECONDS, REQUESTED_RERUN
    return message.SerializeToString()


def expiry_overlay(broadcast_channel: str, *, locked: bool) -> bytes:
    """Show or remove the expiry overlay: our component (``component.auth0``), in Streamlit's container for events.

    A run of the whole page removes it too.

    Args:
        broadcast_channel: As ``Cookies.broadcast_channel``.
        locked: Whether the page is to be hidden.
    """
    message = ForwardMsg()
    message.metadata.delta_path.extend((RootContainer.EVENT, 0))
    element = message.delta.new_element.bidi_component
    element.id = "gatehouse-expiry-overlay"
    element.component_name, element.js_source_path, element.isolate_styles = COMPONENT, COMPONENT_SOURCE, True
    element.json = json.dumps({"returnTo": "/", "account": None, "tabs": broadcast_channel, "locked": locked})
    return message.SerializeToString()


def operation_refused(operation_id: str) -> bytes:
    """The response to a backend operation that is refused."""
    message = ForwardMsg()
    message.backend_operation_response.request_id = operation_id
    message.backend_operation_response.error_msg = "This is no longer offered to you. Reload the page."
    return message.SerializeToString()


def error_dialog(text: str) -> bytes:
    """Explain to the user, in Streamlit's own dialog, why a message was not accepted."""
    message = ForwardMsg()
    message.session_event.script_compilation_exception.type = "Not accepted"
    message.session_event.script_compilation_exception.message = text
    return message.SerializeToString()


def page_paths(navigation: ForwardMsg) -> dict[str, str]:
    """The pages of a ``navigation`` message: page hash → path, with the slash."""
    return {page.page_script_hash: f"/{page.url_pathname}" for page in navigation.navigation.app_pages}
