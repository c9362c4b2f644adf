"""The ids of widgets in the messages of a page."""

from __future__ import annotations

from pathlib import Path

import streamlit
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.protocol import back_message, rendered_ids

PACKAGE = Path(streamlit.__file__).parent


def test_widgets_are_found_by_their_ids() -> None:
    message = ForwardMsg()
    message.delta.new_element.button.id = "$$ID-1-a"
    assert list(rendered_ids.widget_ids(message)) == ["$$ID-1-a"]
    message.delta.new_element.dataframe.button_click_widgets["column"] = "$$ID-2-b"
    assert list(rendered_ids.widget_ids(message)) == ["$$ID-2-b"]
    message.delta.new_element.markdown.body = "$$ID-3-c"
    assert list(rendered_ids.widget_ids(message)) == []
    requested = BackMsg()
    for widget in ("$$ID-1-a", "$$ID-2-b", "$$STREAMLIT_INTERNAL_KEY_$$ID-1-a__events"):
        requested.rerun_script.widget_states.widgets.add().id = widget
    sent = back_message.parse(requested.SerializeToString())
    sent.keep_widgets({"$$ID-1-a"})
    kept = BackMsg.FromString(sent.serialize()).rerun_script.widget_states.widgets
    assert [widget.id for widget in kept] == ["$$ID-1-a", "$$STREAMLIT_INTERNAL_KEY_$$ID-1-a__events"]
