"""The requests of a tab for upload addresses, until Streamlit answers them.

When a run starts, Streamlit (1.67) drops most messages that it has not sent yet (``ForwardMsgQueue.clear``), and with
them its answer to a request for upload addresses. The browser would wait for it forever: the user picks a file and
nothing happens. Runs that Gatehouse starts, because a right has changed, may begin at any time, so such a request is
repeated after the start of a run. A second answer to the same request is ignored by the browser.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from starlette.types import Message
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.protocol.back_message import SHORT_BYTES, BackMessage
from component.socket.incoming import Incoming, to_streamlit

MAX_PENDING: Final = 16
"""How many requests of one tab are remembered, of up to ``SHORT_BYTES`` each; the oldest is dropped."""


class UploadRequests:
    """The requests for upload addresses of one tab that Streamlit has not answered. Lives on the event loop."""

    def __init__(self, incoming: Incoming) -> None:
        """Repeat requests through ``incoming``."""
        self._in = incoming
        self._pending: OrderedDict[str, Message] = OrderedDict()

    def record_request(self, message: BackMessage) -> None:
        """Remember a request that Streamlit is about to receive."""
        if not message.upload_request_id or message.size > SHORT_BYTES:
            return
        self._pending[message.upload_request_id] = to_streamlit(message.serialize())
        if len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)

    def record_output(self, message: ForwardMsg) -> None:
        """Remove the request that Streamlit answers; repeat those that the start of a run may have dropped."""
        if message.WhichOneof("type") == "file_urls_response":
            self._pending.pop(message.file_urls_response.response_id, None)
        elif message.WhichOneof("type") == "new_session":
            for request in self._pending.values():
                self._in.inject(request)
