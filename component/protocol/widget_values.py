"""The values of widgets in a browser's message: triggers of components, and text that may be JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from streamlit.proto.WidgetStates_pb2 import WidgetState

from component.protocol.json_cost import is_readable

TRIGGER_KINDS: Final = frozenset({"trigger_value", "string_trigger_value", "chat_input_value", "json_trigger_value"})
"""Kinds of values that hold for one run only, such as a pressed button."""
MAX_TRIGGER_CHARACTERS: Final = 65_536
_TRIGGER_PREFIX: Final = "$$STREAMLIT_INTERNAL_KEY_"
_TRIGGER_SUFFIX: Final = "__events"


def owner_of(widget_id: str) -> str:
    """The widget that an id in a browser's message belongs to: ids of a component's triggers derive from its own."""
    if not widget_id.startswith(_TRIGGER_PREFIX):
        return widget_id
    return widget_id.removeprefix(_TRIGGER_PREFIX).partition("__")[0]


def text_that_may_be_json(widget: WidgetState) -> str:
    """The text or decoded bytes that a widget's deserializer may take for JSON; "" for any other kind of value."""
    match widget.WhichOneof("value"):
        case "string_value":
            return widget.string_value
        case "string_trigger_value":
            return widget.string_trigger_value.data
        case "bytes_value":
            data = widget.bytes_value  # decoded as `json.loads` decodes it
            return data.decode(json.detect_encoding(data), "replace")
    return ""


def component_triggers(widgets: Iterable[WidgetState]) -> frozenset[str]:
    """The names of all triggers that components fire; only "" when they are longer together than ours ever are.

    Determined once, when the message is parsed; for a long message that is off the event loop.
    """
    texts = [
        widget.json_trigger_value
        for widget in widgets
        if widget.id.startswith(_TRIGGER_PREFIX) and widget.id.endswith(_TRIGGER_SUFFIX)
    ]
    texts = [text for text in texts if text and text != "null"]
    if sum(map(len, texts)) > MAX_TRIGGER_CHARACTERS:
        return frozenset({""})
    return frozenset(name for text in texts for name in _names(text))


def _names(text: str) -> set[str]:
    """The names of the triggers in this JSON; "" for what is not a name."""
    if not is_readable(text):
        return {""}
    payload = json.loads(text)
    entries = payload if isinstance(payload, list) else [payload]
    names = [entry.get("event") if isinstance(entry, dict) else None for entry in entries]
    return {name if isinstance(name, str) else "" for name in names or [None]}
