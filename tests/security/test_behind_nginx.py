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
        method, f"{proxy.url}{path}", headers=headers, files=files, timeout=60, allow_redirects=False
    )


@pytest.mark.parametrize("kind", ["media", "uploads"])
def test_files_of_a_tab_are_found_in_whichever_process_it_is(here: Live, proxy: Nginx, kind: str) -> None:
    """As after a replica came back: the tab is served by one process, and its browser's cookie leads to another.

    One browser with a tab in each process: its cookie leads to one of the two, whichever that is, so that the files of
    the other tab are always asked for at the wrong process first. Each tab is of another user, because the same file of
    the same user has the same address in both processes.
    """
    users = [here.sign_in(f"{kind}-{process}") for process in (0, 1)]
    for process, user in enumerate(users):
        user.cookies[here.cookies.browser] = users[0].cookies[here.cookies.browser]
        with here.tab(user, process) as tab:
            tab.open()
            if kind == "media":
                answer = ask(proxy, tab.files["media"], user)
                secret = f'secret of ["https://tests.example/", "test|media-{process}"]'
                assert (answer.status_code, answer.text) == (200, secret), process
            else:
                token = ask(proxy, "/_stcore/health", user).cookies["_streamlit_xsrf"]
                upload = f"/_stcore/upload_file/{tab.session_id}/a-file"
                answer = ask(proxy, upload, user, "PUT", token=token, file=b"a,b\n" * 500_000)
                assert answer.status_code == 204, process
                assert ask(proxy, upload, user, "DELETE", token=token).status_code == 204, process


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
