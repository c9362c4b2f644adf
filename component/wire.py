"""Streamlit's wire messages, as far as the socket guard must read or make them. Knows the protocol, not the runtime.

What a browser sends is a ``BackMsg``, what it gets a ``ForwardMsg`` (protobuf). Written for Streamlit 1.67; a test
drives each of them through the real server, so that an upgrade which changes one turns red.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""More than any message of a browser: values of widgets, never files."""

# What people's browsers send in use. The others steer the server for everybody (cache, shutdown) or tell of it (git).
_ALLOWED: Final = frozenset({"rerun_script", "stop_script", "file_urls_request", "app_heartbeat"})
_ALLOWED_OPERATIONS: Final = frozenset({"deferred_file", "dataframe_chunk"})
# A media address ends in a hash of its content, 32 hexadecimal digits. Exactly as many: what stands behind it in a
# message is the next field's tag.
_MEDIA: Final = re.compile(rb"/media/([0-9a-f]{32})")
_STEM: Final = re.compile(r"/media/([0-9a-f]{32})(?:\.[A-Za-z0-9]{1,16})?")
_UPLOAD: Final = re.compile(r"/_stcore/upload_file/([0-9a-fA-F-]{1,64})/[^/]{1,64}")


class Malformed(Exception):
    """Not a message that a browser of ours sends."""


@dataclass(slots=True)
class FromBrowser:
    """One message of a browser, parsed."""

    message: BackMsg

    @property
    def reruns(self) -> bool:
        """Whether it asks for a run of the script."""
        return self.message.WhichOneof("type") == "rerun_script"

    @property
    def by_person(self) -> bool:
        """Whether somebody did something: a run that no timer asked for."""
        return self.reruns and not self.message.rerun_script.is_auto_rerun

    def gate_only(self) -> None:
        """Take out what would run before or beside the page's gate: widgets (callbacks) and the fragment."""
        self.message.rerun_script.ClearField("widget_states")
        self.message.rerun_script.ClearField("fragment_id")

    def forget_cached(self) -> None:
        """Have everything sent whole: a message the browser has cached would come without the addresses in it."""
        if self.reruns:
            self.message.rerun_script.ClearField("cached_message_hashes")

    def bytes(self) -> bytes:
        """As it goes on to Streamlit."""
        return self.message.SerializeToString()


def parse(data: bytes | None) -> FromBrowser:
    """Read a browser's message (None: it was text); raises ``Malformed`` for anything but those allowed."""
    if data is None or len(data) > MAX_MESSAGE_BYTES:
        raise Malformed
    message = BackMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise Malformed from None
    kind = message.WhichOneof("type")
    if kind == "backend_operation_request":
        if message.backend_operation_request.WhichOneof("payload") not in _ALLOWED_OPERATIONS:
            raise Malformed
    elif kind not in _ALLOWED:
        raise Malformed
    return FromBrowser(message)


def rerun_like(last: FromBrowser | None) -> bytes:
    """A run of the page the tab is on, as its browser would ask for it: no widget changes, no fragment, all anew."""
    message = BackMsg()
    if last is not None:
        message.rerun_script.CopyFrom(last.message.rerun_script)
    message.rerun_script.ClearField("widget_states")
    message.rerun_script.ClearField("fragment_id")
    message.rerun_script.ClearField("cached_message_hashes")
    message.rerun_script.is_auto_rerun = False
    return message.SerializeToString()


def stop_script() -> bytes:
    """Stop the run in progress at its next call of Streamlit."""
    return BackMsg(stop_script=True).SerializeToString()


def go_to(address: str) -> bytes:
    """Send the browser to another address of this app."""
    message = ForwardMsg()
    message.auth_redirect.url = address
    return message.SerializeToString()


def media_in(data: bytes) -> list[str]:
    """Ids of the media whose addresses stand in a message to the browser."""
    return [found.decode() for found in _MEDIA.findall(data)] if b"/media/" in data else []


def streamlit_session_in(data: bytes) -> str | None:
    """The Streamlit session that a message to the browser opens; None for most messages."""
    if len(data) > _NEW_SESSION_MAX_BYTES:
        return None
    message = ForwardMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    if message.WhichOneof("type") != "new_session":
        return None
    return message.new_session.initialize.session_id or None


_NEW_SESSION_MAX_BYTES: Final = 256 * 1024


def media_asked(path: str) -> str | None:
    """The id in a media address; None for any other path below ``/media/``."""
    found = _STEM.fullmatch(path)
    return found[1] if found else None


def upload_session_asked(path: str) -> str | None:
    """The Streamlit session in an upload address; None for any other path."""
    found = _UPLOAD.fullmatch(path)
    return found[1] if found else None
