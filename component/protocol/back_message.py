"""A message from the browser to Streamlit (``BackMsg``, protobuf), as the identity middleware parses and restricts it.

Written for Streamlit 1.67. Tests send each kind through the real server and compare the lists here with the installed
package, so an upgrade that changes one fails a test. This module knows the protocol, not the runtime.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState

from component.protocol import json_cost
from component.protocol.json_cost import MAX_VALUES
from component.protocol.protobuf_fields import TooManyFields, count_fields
from component.protocol.widget_values import TRIGGER_KINDS, component_triggers, owner_of, text_that_may_be_json

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
"""The default limit of a message: it carries values of widgets, never files."""
MAX_FIELDS: Final = 20_000
"""The limit of protobuf fields in a message. A parser makes an object of each and blocks the event loop meanwhile."""
MAX_WIDGETS: Final = 4096
MAX_TRIGGERS: Final = 32
"""How many triggers one message may fire. Streamlit (1.67) merges them into a run that has not started yet."""
SHORT_BYTES: Final = 16 * 1024
"""Messages up to this size, which nearly all are, never wait for longer ones of anonymous clients."""
ON_LOOP_BYTES: Final = 4 * 1024
"""Messages up to this size are parsed on the event loop, which takes at most 8 ms."""
FIELD_COST: Final = 120
"""The cost of parsing one field, in values of ``json_cost``: 3 µs here, and as much again in Streamlit."""

ALLOWED: Final = frozenset({"rerun_script", "stop_script", "file_urls_request", "app_heartbeat"})
"""The kinds a browser sends in use. The others affect all users (cache, shutdown) or disclose the server's (git)."""
ALLOWED_OPERATIONS: Final = frozenset({"deferred_file", "dataframe_chunk"})
"""The allowed payloads of ``backend_operation_request``, which is the only other allowed kind."""
BACKGROUND: Final = "background"
"""The trigger with which our front end requests a rerun without a user action, for example for another tab."""
SIGNING_OUT: Final = "signingOut"
"""The trigger with which our front end announces that its page signs out, before it does."""
UNREADABLE: Final = '{"events": "unreadable"}'
"""The replacement of JSON that is refused: for our component a violation of its contract, to others meaningless."""
REQUESTED_RERUN: Final = "gatehouse-requested-rerun"
"""The fragment id by which a browser answers ``forward_message.request_rerun``."""
_REQUESTED_RERUN_FIELD: Final = ClientState(fragment_id=REQUESTED_RERUN).SerializeToString()
"""The encoded field. Its control character keeps typed text from matching."""


class Malformed(Exception):
    """A message that our front end never sends; the text says why.

    Args:
        message: The reason.
        cost: What inspecting the message has cost, as ``BackMessage.cost``.
    """

    def __init__(self, message: str, cost: int = 0) -> None:
        super().__init__(message)
        self.cost = cost


class TooCostly(Malformed):
    """A message of an allowed kind with more JSON in its texts than is parsed; the text is for the user."""


@dataclass(slots=True)
class BackMessage:
    """One parsed message of a browser."""

    message: BackMsg
    _raw: bytes
    _is_changed: bool = field(default=False, init=False)
    is_requested_rerun: bool = field(default=False, init=False)
    """Whether it is the full rerun that ``forward_message.request_rerun`` requests from a reconnected browser.

    The front end repeats it until a run starts.
    """
    triggers: frozenset[str] = field(default=frozenset(), init=False)
    """The names of the triggers that components fire; "" stands for any that is not one of ours."""
    cost: int = field(default=0, init=False)
    """The cost of parsing it, in values of ``json_cost``; includes its JSON once ``replace_unreadable`` has run."""

    @property
    def is_rerun(self) -> bool:
        """Whether it requests a run of the script or of a fragment."""
        return self.message.WhichOneof("type") == "rerun_script"

    @property
    def is_full_rerun(self) -> bool:
        """Whether it requests a run of the whole script."""
        return self.is_rerun and not self.message.rerun_script.fragment_id

    @property
    def is_user_action(self) -> bool:
        """Whether the user caused it: a rerun that neither a timer nor a component by itself requests."""
        return self.is_rerun and not self.message.rerun_script.is_auto_rerun and not self._is_background

    @property
    def _is_background(self) -> bool:
        """Whether a component requests the rerun and reports that the user did nothing."""
        return self.triggers == {BACKGROUND}

    @property
    def is_sign_out(self) -> bool:
        """Whether our front end announces that its page is about to sign out and navigate away."""
        return self.triggers == {SIGNING_OUT}

    @property
    def is_stop(self) -> bool:
        """Whether it requests that the current run stops."""
        return self.message.WhichOneof("type") == "stop_script"

    @property
    def operation_id(self) -> str:
        """The id of the backend operation that it requests, such as a deferred download; "" for none."""
        is_operation = self.message.WhichOneof("type") == "backend_operation_request"
        return self.message.backend_operation_request.request_id if is_operation else ""

    @property
    def upload_request_id(self) -> str:
        """The id of the request for upload addresses that it is; "" for none."""
        return self.message.file_urls_request.request_id

    @property
    def deferred_file_id(self) -> str:
        """The id of the deferred download that it requests; "" for none."""
        return self.message.backend_operation_request.deferred_file.file_id

    @property
    def dataframe_id(self) -> str:
        """The id of the lazy dataframe of which it requests rows; "" for none."""
        return self.message.backend_operation_request.dataframe_chunk.source_id

    @property
    def fragment_id(self) -> str:
        """The id of the fragment of which it requests a run; "" for none."""
        return self.message.rerun_script.fragment_id if self.is_rerun else ""

    @property
    def size(self) -> int:
        """The size in bytes as received."""
        return len(self._raw)

    def strip_to_full_rerun(self) -> None:
        """Make it a full rerun without widget states, so that no callback or fragment runs before the page's guard."""
        self.message.rerun_script.ClearField("widget_states")
        self.message.rerun_script.ClearField("fragment_id")
        self.drop_cached_hashes()  # the browser must not render what it has cached

    def make_full_rerun(self) -> None:
        """Request a run of the whole script in place of a fragment."""
        self.message.rerun_script.ClearField("fragment_id")
        self._is_changed = True

    def keep_widgets(self, rendered: Container[str]) -> None:
        """Remove the states of widgets whose ids are not in ``rendered``, so that their callbacks do not run."""
        widgets = self.message.rerun_script.widget_states.widgets
        kept = [widget for widget in widgets if owner_of(widget.id) in rendered]
        del widgets[:]
        widgets.extend(kept)
        self._is_changed = True

    def drop_cached_hashes(self) -> None:
        """Have Streamlit send every message in full: a cached one would arrive without the media addresses in it."""
        self.message.rerun_script.ClearField("cached_message_hashes")
        self._is_changed = True

    def merge_triggers(self, earlier: BackMessage) -> None:
        """Add the triggers of an earlier run that this one replaces.

        This is how Streamlit merges two pending runs (``coalesce_widget_states``, Streamlit 1.67).
        """
        rerun, earlier_rerun = self.message.rerun_script, earlier.message.rerun_script
        fired = {widget.id for widget in rerun.widget_states.widgets if widget.WhichOneof("value") in TRIGGER_KINDS}
        added = {
            widget.id: widget
            for widget in earlier_rerun.widget_states.widgets
            if widget.WhichOneof("value") in TRIGGER_KINDS and widget.id not in fired
        }
        self.triggers |= earlier.triggers
        others = [widget for widget in rerun.widget_states.widgets if widget.id not in added]
        del rerun.widget_states.widgets[:]
        rerun.widget_states.widgets.extend([*others, *added.values()])
        if rerun.fragment_id != earlier_rerun.fragment_id:
            rerun.ClearField("fragment_id")
        self._is_changed = True

    def replace_unreadable(self, *, max_cost: int = MAX_VALUES) -> bool:
        """Replace JSON that its parser would reject or take too long for; returns whether there was any.

        Text values may hold JSON too: data editors, selections of charts and tables, and buttons in tables send theirs
        as text (Streamlit 1.67), and a text area sends whatever the user typed. Streamlit passes a value of any kind
        to the widget's deserializer. So the cost of texts is estimated, and texts are never replaced.

        Args:
            max_cost: The limit for all JSON of the message together.

        Raises:
            TooCostly: The texts that start like JSON exceed the limit.
        """
        spent, is_replaced = 0, False
        for widget in self.message.rerun_script.widget_states.widgets:
            kind = widget.WhichOneof("value")
            spent += _text_cost(text_that_may_be_json(widget), max_cost - spent, cost_if_refused=self.cost + max_cost)
            if kind not in {"json_value", "json_trigger_value"}:
                continue
            try:
                spent += json_cost.check(getattr(widget, kind), max_cost=max_cost - spent)
            except json_cost.UnreadableJson as error:
                spent += error.cost
                setattr(widget, kind, UNREADABLE)
                self._is_changed = is_replaced = True
        self.cost += max_cost if is_replaced else spent
        return is_replaced

    def serialize(self) -> bytes:
        """The message for Streamlit: the bytes as received, unless something was changed."""
        return self.message.SerializeToString() if self._is_changed else self._raw


def parse(data: bytes | None, *, max_bytes: int = MAX_MESSAGE_BYTES) -> BackMessage:
    """Parse a message of a browser.

    Args:
        data: The binary frame; None for a text frame.
        max_bytes: The limit of its size.

    Raises:
        Malformed: It is not one of the allowed messages, or too long, or has too many parts.
    """
    if data is None or len(data) > max_bytes:
        raise Malformed("text" if data is None else "too long")
    message = BackMsg()
    try:
        cost = FIELD_COST * count_fields(data, BackMsg.DESCRIPTOR, max_fields=MAX_FIELDS)
        message.ParseFromString(data)
    except (DecodeError, TooManyFields):
        raise Malformed("not a message, or one of very many parts", MAX_VALUES) from None
    kind = message.WhichOneof("type")
    if kind == "backend_operation_request":
        operation = message.backend_operation_request
        if operation.WhichOneof("payload") not in ALLOWED_OPERATIONS or not operation.request_id:
            raise Malformed("an operation that is not allowed", cost)
    elif kind not in ALLOWED:
        raise Malformed("a kind of message that is not allowed", cost)
    widgets = message.rerun_script.widget_states.widgets
    if (
        len(widgets) > MAX_WIDGETS
        or sum(widget.WhichOneof("value") in TRIGGER_KINDS for widget in widgets) > MAX_TRIGGERS
    ):
        raise Malformed("too many widgets", cost)
    parsed = BackMessage(message, data)
    parsed.cost = cost
    parsed.triggers = component_triggers(widgets)
    if parsed.fragment_id == REQUESTED_RERUN:
        parsed.is_requested_rerun = True
        parsed.make_full_rerun()
    return parsed


def repeated_fragment(data: bytes) -> str:
    """The id of the fragment of which a browser requests runs repeatedly: for a timer, or as a requested rerun.

    "" for any other message, and for a long one with a timer, which is not parsed for this.
    """
    if is_requested_rerun(data):
        return REQUESTED_RERUN
    message = BackMsg()
    if len(data) > SHORT_BYTES:
        return ""
    try:
        message.ParseFromString(data)
    except DecodeError:
        return ""
    return message.rerun_script.fragment_id if message.rerun_script.is_auto_rerun else ""


def is_requested_rerun(data: bytes) -> bool:
    """Whether it is a requested rerun (``BackMessage.is_requested_rerun``); does not parse it, however long it is."""
    return _REQUESTED_RERUN_FIELD in data


def _text_cost(text: str, max_cost: int, *, cost_if_refused: int) -> int:
    """The cost of a text for a JSON parser. Raises ``TooCostly`` above ``max_cost``."""
    if not json_cost.starts_like_json(text):
        return 0
    try:
        return json_cost.estimate(text, max_cost=max_cost)
    except json_cost.UnreadableJson:
        raise TooCostly(
            "This page sent too many values at once, and they were not accepted. Load the page again, and send less.",
            cost_if_refused,
        ) from None
