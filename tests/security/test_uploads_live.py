"""On a real server: the uploads of Streamlit sessions without a socket count, and make room."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.security.live import LiveApp, SignedInUser, live

SCRIPT = """
import streamlit as st
from streamlit import runtime

files = runtime.get_instance().uploaded_file_mgr.file_storage
st.markdown(f"bytes={sum(len(file.data) for kept in files.values() for file in kept.values())}")
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApp]:
    with live(tmp_path_factory.mktemp("uploads"), script=SCRIPT, processes=1, UPLOADED_BYTES="1000000") as made:
        yield made


def upload(app: LiveApp, user: SignedInUser, session_id: str) -> int:
    """Upload 600 KB; → the status."""
    token = app.request("/_stcore/health").cookies["_streamlit_xsrf"]
    cookies = "".join(f"; {name}={value}" for name, value in user.cookies.items())
    headers = {"X-Xsrftoken": token, "Cookie": f"_streamlit_xsrf={token}{cookies}"}
    files = {"file": ("x.csv", b"x" * 600_000)}
    return app.request(f"/_stcore/upload_file/{session_id}/f", method="PUT", headers=headers, files=files).status_code


def test_closing_and_opening_tabs_accepts_no_more_than_the_limit(app: LiveApp) -> None:
    ann = app.sign_in("ann")
    for _ in range(4):
        with app.tab(ann) as tab:
            tab.open()
            deadline = time.monotonic() + 60
            while (status := upload(app, ann, tab.session_id)) == 503 and time.monotonic() < deadline:
                time.sleep(0.05)  # until the tab before has lost its socket for Streamlit too
            assert status == 204
            assert tab.open() == ["bytes=600000"]
