"""Two app processes behind the nginx configuration that is shipped, as it is but for addresses and TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.nginx import Nginx
from tests.security.live import Live, Someone, Tab, live


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("behind-nginx"), processes=2) as made:
        yield made


@pytest.fixture(scope="module")
def proxy(here: Live) -> Iterator[Nginx]:
    with Nginx(here.folder / "nginx", apps=here.ports) as made:
        yield made


def ask(
    proxy: Nginx, path: str, who: Someone, method: str = "GET", *, token: str = "", file: bytes | None = None
) -> requests.Response:
    cookies = who.cookies | ({"_streamlit_xsrf": token} if token else {})
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "X-Xsrftoken": token}
    files = {"file": ("x.csv", file)} if file is not None else None
    return requests.request(
        method, f"{proxy.url}{path}", headers=headers, files=files, timeout=15, allow_redirects=False
    )


@pytest.mark.parametrize("process", [0, 1])
def test_files_of_a_tab_are_found_in_whichever_process_it_is(here: Live, proxy: Nginx, process: int) -> None:
    """As after a replica came back: the tab is served by one process, and its browser's cookie leads to another."""
    ann = here.sign_in("ann")
    with here.tab(ann, process) as tab:
        tab.open()
        answer = ask(proxy, tab.files["media"], ann)
        assert (answer.status_code, answer.content) == (200, b'secret of ["https://tests.example/", "test|ann"]')
        token = ask(proxy, "/_stcore/health", ann).cookies["_streamlit_xsrf"]
        upload = f"/_stcore/upload_file/{tab.session_id}/a-file"
        assert ask(proxy, upload, ann, "PUT", token=token, file=b"a,b\n" * 500_000).status_code == 204
        assert ask(proxy, upload, ann, "DELETE", token=token).status_code == 204


def test_files_of_others_are_found_nowhere(here: Live, proxy: Nginx) -> None:
    ann, bob = here.sign_in("ann"), here.sign_in("bob")
    with here.tab(ann) as tab:
        tab.open()
        assert ask(proxy, tab.files["media"], bob).status_code == 404
        token = ask(proxy, "/_stcore/health", bob).cookies["_streamlit_xsrf"]
        upload = f"/_stcore/upload_file/{tab.session_id}/a-file"
        assert ask(proxy, upload, bob, "PUT", token=token, file=b"a,b").status_code == 404


def test_a_tab_is_served_through_it(here: Live, proxy: Nginx) -> None:

    ann = here.sign_in("ann")
    with Tab(proxy.url, cookies=ann.cookies) as tab:
        tab.open()
        assert ask(proxy, tab.files["media"], ann).status_code == 200
