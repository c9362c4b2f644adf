"""The ids of widgets, fragments and lazy dataframes in the messages of a page."""

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


def test_fragments_are_found_by_their_output_and_by_their_timer() -> None:
    message = ForwardMsg()
    message.delta.new_element.markdown.body = "no fragment"
    assert list(rendered_ids.fragment_ids(message)) == []
    message.delta.fragment_id = "clock"
    assert list(rendered_ids.fragment_ids(message)) == ["clock"]
    message.auto_rerun.fragment_id = "timer"
    assert list(rendered_ids.fragment_ids(message)) == ["timer"]
    assert list(rendered_ids.fragment_ids(ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY))) == []


def test_fields_that_are_no_texts_are_skipped() -> None:
    message = ForwardMsg()
    slider = message.delta.new_element.slider
    slider.id = "$$ID-slider"
    slider.min, slider.max, slider.disabled = 1.0, 2.0, True
    slider.default.extend([1.5])
    slider.options.extend(["$$ID-of-no-widget"])
    assert list(rendered_ids.widget_ids(message)) == ["$$ID-slider"]
    message.delta.new_element.dataframe.lazy_data.source_id = "table"
    message.delta.new_element.dataframe.row_height = 20
    assert list(rendered_ids.dataframe_ids(message)) == ["table"]
