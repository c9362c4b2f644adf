"""The relative URL of the page that a tab shows."""

from __future__ import annotations

from urllib.parse import urlsplit

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.http.return_to import safe_return_to
from component.protocol.back_message import BackMessage
from component.protocol.forward_message import page_paths


def page_url(last_rerun: BackMessage | None, navigation: ForwardMsg | None) -> str:
    """The path and query of a page, safe to return to.

    Args:
        last_rerun: A rerun of the page; None before the first.
        navigation: The pages, as the browser received them.
    """
    if last_rerun is None:
        return "/"
    rerun = last_rerun.message.rerun_script
    try:
        # After a click in the navigation the browser still sends the URL of the page before.
        pages = page_paths(navigation) if navigation is not None else {}
        path = pages.get(rerun.page_script_hash) or urlsplit(rerun.context_info.url).path
    except ValueError:
        path = "/"
    return safe_return_to(f"{path}?{rerun.query_string}" if rerun.query_string else path)
