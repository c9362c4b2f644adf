"""Messages that the identity middleware sends to Streamlit in the place of a browser."""

from __future__ import annotations

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.protocol.back_message import BackMessage


def rerun_like(last: BackMessage) -> BackMessage:
    """A rerun of the page that a tab shows, without changed widgets or a fragment, rendered from scratch."""
    rerun, message = last.message.rerun_script, BackMsg()
    message.rerun_script.query_string = rerun.query_string
    message.rerun_script.page_script_hash = rerun.page_script_hash
    message.rerun_script.page_name = rerun.page_name
    if rerun.HasField("context_info"):
        message.rerun_script.context_info.CopyFrom(rerun.context_info)
    return BackMessage(message, message.SerializeToString())


def follow(last: BackMessage, message: ForwardMsg) -> BackMessage:
    """A rerun of the page that a browser shows once it has received ``message``; ``last`` is one of the page before.

    A rerun must name the page that the browser shows. If it names none, as the first one of a page that was opened by
    its URL, or another one, the browser takes it for a change of the page: it draws every widget again, and what the
    user types or uploads is gone.
    """
    kind = message.WhichOneof("type")
    if kind not in {"navigation", "page_info_changed"}:
        return last
    followed = rerun_like(last)
    rerun = followed.message.rerun_script
    if kind == "navigation":
        rerun.page_script_hash = message.navigation.page_script_hash
        rerun.page_name = ""  # counts only without a hash
    else:
        rerun.query_string = message.page_info_changed.query_string
    return rerun_like(followed)


def stop() -> bytes:
    """The message with which a browser stops the current run."""
    return BackMsg(stop_script=True).SerializeToString()


def barrier(*, run_on_save: bool) -> tuple[bytes, bytes]:
    """Two messages whose responses form a barrier in Streamlit's output: nothing of an earlier run comes after them.

    They change the option ``run_on_save`` and change it back. Streamlit (1.67) answers each at once with a
    ``session_status_changed``, one of the few messages that the start of a run leaves in its queue. A browser may send
    neither.

    Args:
        run_on_save: The option's present value.
    """
    return (
        BackMsg(set_run_on_save=not run_on_save).SerializeToString(),
        BackMsg(set_run_on_save=run_on_save).SerializeToString(),
    )
