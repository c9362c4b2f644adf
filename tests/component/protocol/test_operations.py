"""Backend operations that a browser may request: deferred downloads and rows of lazy dataframes, each with an id."""

from __future__ import annotations

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from component.protocol import back_message
from component.protocol.back_message import FIELD_COST, Malformed


def operation(payload: str = "", *, request_id: str = "1") -> bytes:
    message = BackMsg()
    message.backend_operation_request.request_id = request_id
    if payload:
        getattr(message.backend_operation_request, payload).SetInParent()
    message.backend_operation_request.SetInParent()
    return message.SerializeToString()


@pytest.mark.parametrize("payload", ["deferred_file", "dataframe_chunk"])
def test_an_allowed_operation_has_the_id_of_its_request(payload: str) -> None:
    parsed = back_message.parse(operation(payload))
    assert (parsed.operation_id, parsed.is_rerun) == ("1", False)


@pytest.mark.parametrize("payload", ["install_skills", "dismiss_skills_nudge", ""])
def test_other_operations_are_refused_and_cost_their_fields(payload: str) -> None:
    with pytest.raises(Malformed, match="an operation that is not allowed") as caught:
        back_message.parse(operation(payload))
    assert caught.value.cost == FIELD_COST * (3 if payload else 2)


def test_an_operation_without_an_id_is_refused() -> None:
    """The response that refuses it later would be for no request."""
    with pytest.raises(Malformed, match="an operation that is not allowed"):
        back_message.parse(operation("deferred_file", request_id=""))
