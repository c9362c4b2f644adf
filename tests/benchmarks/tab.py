"""A browser tab as a server sees it: one socket that requests reruns by Streamlit's protocol."""

from __future__ import annotations

from typing import Final, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState, ContextInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

_SECONDS: Final = 20.0


class Tab:
    """A tab that stays on one page. A context manager."""

    def __init__(self, port: int, path: str, *, origin: str, cookie: str = "") -> None:
        """``origin``: the address of the page that it opens from, as the app knows itself."""
        self._origin = origin
        self._path = path
        self._page_hash = ""
        self._socket = connect(
            f"ws://localhost:{port}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            origin=Origin(origin),
            additional_headers={"Cookie": cookie} if cookie else None,
            max_size=None,
            proxy=None,
            open_timeout=_SECONDS,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def rerun(self) -> list[ForwardMsg]:
        """Request a rerun; → all messages until the run has finished."""
        state = ClientState(
            page_script_hash=self._page_hash,
            page_name="" if self._page_hash else self._path,
            context_info=ContextInfo(url=f"{self._origin}/{self._path}", timezone="UTC", locale="en"),
        )
        self._socket.send(BackMsg(rerun_script=state).SerializeToString())
        messages: list[ForwardMsg] = []
        while True:
            frame = self._socket.recv(_SECONDS)
            message = ForwardMsg()
            message.ParseFromString(frame if isinstance(frame, bytes) else frame.encode())
            messages.append(message)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._page_hash = message.new_session.page_script_hash
            elif kind == "navigation":
                self._page_hash = message.navigation.page_script_hash
            elif kind == "script_finished":
                return messages
