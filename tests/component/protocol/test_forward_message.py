"""Messages to the browser, as they are parsed."""

from __future__ import annotations

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.protocol import forward_message


def test_only_an_encoded_message_is_parsed() -> None:
    message = ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
    assert forward_message.parse(message.SerializeToString()) == message
    assert forward_message.parse(b"\xff\xff") is None
