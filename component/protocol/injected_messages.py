"""Messages that the identity middleware sends to Streamlit in the place of a browser."""

from __future__ import annotations

from streamlit.proto.BackMsg_pb2 import BackMsg

from component.protocol.back_message import BackMessage


def rerun_like(
    last: BackMessage, *, page_script_hash: str | None = None, query_string: str | None = None
) -> BackMessage:
    """A rerun of the page that a tab shows, without changed widgets or a fragment, rendered from scratch.

    Args:
        last: The rerun before.
        page_script_hash: The page, if it is another one or was known by its name only, which counts without a hash.
        query_string: The query, if it is another one.
    """
    rerun, message = last.message.rerun_script, BackMsg()
    message.rerun_script.query_string = rerun.query_string if query_string is None else query_string
    message.rerun_script.page_script_hash = rerun.page_script_hash if page_script_hash is None else page_script_hash
    message.rerun_script.page_name = rerun.page_name if page_script_hash is None else ""
    if rerun.HasField("context_info"):
        message.rerun_script.context_info.CopyFrom(rerun.context_info)
    return BackMessage(message, message.SerializeToString())


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
