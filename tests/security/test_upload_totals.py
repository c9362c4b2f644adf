"""On a real server: the uploads of Streamlit sessions without a socket count, and are released for new ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.app_processes import AppProcesses, SignedInUser, app_processes
from tests.waiting import wait_until

SCRIPT = """
import streamlit as st
from streamlit import runtime

files = runtime.get_instance().uploaded_file_mgr.file_storage
st.markdown(f"bytes={sum(len(file.data) for kept in files.values() for file in kept.values())}")
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(
        tmp_path_factory.mktemp("uploads"), script=SCRIPT, processes=1, UPLOADED_BYTES="1000000"
    ) as made:
        yield made


def upload(app: AppProcesses, user: SignedInUser, session_id: str) -> int:
    """Upload 600 KB; → the status."""
    token = app.request("/_stcore/health").cookies["_streamlit_xsrf"]
    cookies = "".join(f"; {name}={value}" for name, value in user.cookies.items())
    headers = {"X-Xsrftoken": token, "Cookie": f"_streamlit_xsrf={token}{cookies}"}
    files = {"file": ("x.csv", b"x" * 600_000)}
    return app.request(f"/_stcore/upload_file/{session_id}/f", method="PUT", headers=headers, files=files).status_code


def test_closing_and_opening_tabs_accepts_no_more_than_the_limit(app: AppProcesses) -> None:
    ann = app.sign_in("ann")
    for _ in range(4):
        with app.tab(ann) as tab:
            tab.open()

            def response(session_id: str = tab.session_id) -> int:
                status = upload(app, ann, session_id)
                return 0 if status == 503 else status  # the tab before still has its socket for Streamlit

            assert wait_until(response, within_seconds=20) == 204
            assert tab.open() == ["bytes=600000"]
