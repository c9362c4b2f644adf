"""The address of a page that a tab shows, safe to return to."""

from __future__ import annotations

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.protocol import back_message
from component.protocol.back_message import BackMessage
from component.socket.page_url import page_url


def rerun(*, url: str = "", query: str = "", page: str = "") -> BackMessage:
    message = BackMsg()
    message.rerun_script.context_info.url = url
    message.rerun_script.query_string = query
    message.rerun_script.page_script_hash = page
    return back_message.parse(message.SerializeToString(), max_bytes=10_000)


def navigation() -> ForwardMsg:
    message = ForwardMsg()
    page = message.navigation.app_pages.add()
    page.page_script_hash, page.url_pathname = "hash", "reports"
    return message


def test_before_the_first_run_it_is_the_start_page() -> None:
    assert page_url(None, navigation()) == "/"


@pytest.mark.parametrize(
    ("url", "query", "page", "expected"),
    [
        ("http://localhost:8501/people?old=1", "", "", "/people"),
        ("http://localhost:8501/people", "q=ann&page=2", "", "/people?q=ann&page=2"),
        ("http://localhost:8501/people", "", "hash", "/reports"),
        ("http://localhost:8501/people", "q=1", "hash", "/reports?q=1"),
        ("http://localhost:8501/people", "", "unknown", "/people"),
        ("http://localhost:8501", "", "", "/"),
        ("http://[::1", "", "", "/"),
        ("http://[::1", "q=1", "", "/?q=1"),
        ("https://evil.example//evil.example/x", "", "", "/"),
    ],
)
def test_the_navigation_counts_before_the_address(url: str, query: str, page: str, expected: str) -> None:
    assert page_url(rerun(url=url, query=query, page=page), navigation()) == expected


def test_without_a_navigation_the_address_counts() -> None:
    assert page_url(rerun(url="http://localhost/people", page="hash"), None) == "/people"
