"""Files, uploads and exports belong to their owner: a client that knows an id, but never had the page, gets none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import streamlit
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.memory_media_file_storage import _calculate_file_id

from component.socket.upload_limits import MAX_UPLOADS
from tests.security.app_processes import AppProcesses, SignedInUser, app_processes
from tests.security.socket_tab import SocketTab
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("files")  # its processes start once, not once per worker
PACKAGE = Path(streamlit.__file__).parent


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("files"), processes=1) as started:
        yield started


def test_a_known_or_guessed_id_returns_nothing_even_when_the_page_shows_it(app: AppProcesses) -> None:
    """The id is a hash of the content, and pages show what is typed: neither grants access."""
    ann, bob = app.sign_in("ann"), app.sign_in("bob")
    with app.tab(ann) as tab, app.tab(bob) as other:
        tab.open()
        media = tab.files["media"]
        content = app.request(media, ann).content
        assert _calculate_file_id(content, "application/octet-stream") in media  # the id follows from the content
        assert media in other.open(f"text={media}")  # the page shows the address, as text
        assert app.request(media, bob).status_code == 404
        assert app.request(media).status_code == 404
        assert app.request(media, ann).status_code == 200


def test_two_tabs_of_a_session_and_a_tab_that_came_back_have_their_files(app: AppProcesses) -> None:
    ann = app.sign_in("ann")
    with app.tab(ann) as tab:
        tab.open()
        with app.tab(ann) as second:
            second.open()
            assert app.request(second.files["media"], ann).status_code == 200
        media = tab.files["media"]
        assert app.request(media, ann).status_code == 200
    with app.tab(ann, reattach_to=tab.session_id) as again:
        assert app.request(media, ann).status_code == 200  # at once, before the page is rendered again
        rerun = BackMsg()
        rerun.rerun_script.cached_message_hashes.extend(message.hash for message in tab.messages if message.hash)
        again.send(rerun)
        again.widgets, again.files, again.messages = {}, {}, []
        again.read_run()
        assert not [message for message in again.messages if message.WhichOneof("type") == "ref_hash"]
        assert app.request(media, ann).status_code == 200


def test_a_new_session_has_none_of_the_files_of_an_earlier_one(app: AppProcesses) -> None:
    ann = app.sign_in("ann")
    with app.tab(ann) as tab:
        tab.open()
        media = tab.files["media"]
        later = app.sign_in("ann")
        assert app.request(media, replace(later, cookies=later.cookies | _browser(app, ann))).status_code == 404
        app.end(ann)
        assert app.request(media, ann).status_code == 404


def test_files_of_an_anonymous_browser_are_not_those_of_its_later_session(app: AppProcesses) -> None:
    """A file of the page before the sign-in is served to the anonymous browser only; the sign-in renders a new page."""
    ann = app.sign_in("ann")
    anonymous = replace(ann, cookies=_browser(app, ann))
    with app.tab(anonymous) as tab:
        tab.open()
        media = tab.files["media"]
        assert app.request(media, anonymous).status_code == 200
        assert app.request(media, ann).status_code == 404
        assert app.request(media).status_code == 404
        upload = f"/_stcore/upload_file/{tab.session_id}/file"
        assert app.request(upload, anonymous, method="OPTIONS").status_code == 404  # anonymous users cannot upload


def test_a_deferred_export_of_another_session_is_refused(app: AppProcesses) -> None:
    """Streamlit (1.67) runs it for any client that sends its id, as the user to whom it was offered."""
    ann, bob = app.sign_in("ann", "analyst"), app.sign_in("bob", "analyst")
    with app.tab(ann) as tab, app.tab(bob) as other:
        tab.open()
        other.open()
        before = app.traces
        for label in ("export", "forgetful"):
            assert other.download(tab.files[label]) == ""
        assert app.traces == before
        assert tab.download(tab.files["export"])


def test_an_operation_in_the_name_of_another_streamlit_session_is_refused(app: AppProcesses) -> None:
    ann, bob = app.sign_in("ann", "analyst"), app.sign_in("bob", "analyst")
    with app.tab(ann) as tab, app.tab(bob) as other:
        tab.open()
        other.open()
        before = app.traces
        other.session_id = tab.session_id
        assert other.download(other.files["export"]) == ""
        assert app.traces == before


def _browser(app: AppProcesses, user: SignedInUser) -> dict[str, str]:
    return {app.cookies.browser: user.cookies[app.cookies.browser]}


# A file counts as shown if a run of this Streamlit session registered it

VARIANTS = """
import io
import wave

import streamlit as st
from PIL import Image
from streamlit.elements.lib.image_utils import image_to_url
from streamlit.elements.lib.layout_utils import LayoutConfig

from app import access

subject = str(st.user.get("iss_sub"))


def picture(name):
    file = io.BytesIO()
    Image.new("RGB", (2, 2), "#" + f"{abs(hash(subject + name)) % 0xFFFFFF:06x}").save(file, "PNG")
    return file.getvalue()


def sound():
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setparams((1, 1, 8000, 0, "NONE", ""))
        audio.writeframes(subject.encode())
    return file.getvalue()


def address(name):
    return image_to_url(Image.open(io.BytesIO(picture(name))), LayoutConfig(), False, "RGB", "PNG", name)


@st.cache_data
def cached(subject):
    st.image(picture("cached"))


text = st.query_params.get("text", "")
if text:
    st.markdown(f"![picture]({text}) {text}")
    st.html(f"<img src='{text}'>")
    st.components.v1.iframe(text)
    st.link_button("link", text)
    st.dataframe({"picture": [text]}, column_config={"picture": st.column_config.ImageColumn()})
    st.json({"picture": text})
else:
    st.set_page_config(page_icon=picture("icon"))
    st.logo(picture("logo"))
    st.image(picture("image"))
    cached(subject)
    st.audio(sound())
    st.video(b"film of " + subject.encode(), subtitles="WEBVTT\\n\\n00:00.000 --> 00:01.000\\n" + subject)
    with st.chat_message("user", avatar=picture("avatar")):
        st.write("text")
    st.download_button("file", data=b"file of " + subject.encode(), key="file")
    st.markdown(f"![picture]({address('in markdown')})")
    st.html(f"<img src='{address('in HTML')}'>")
    st.dataframe({"picture": [address("in a table")]})
    st.json({"picture": address("in JSON")})
"""


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(
        tmp_path_factory.mktemp("variants"), script=VARIANTS, processes=1, PYTHONHASHSEED="0"
    ) as started:
        yield started


def addresses(tab: SocketTab) -> list[str]:
    """The path of every file in the messages that the tab received."""
    result = [re.findall(rb"/media/[0-9a-f]{32}\.[a-z0-9]{3}", message.SerializeToString()) for message in tab.messages]
    return sorted({address.decode() for item in result for address in item})


def test_files_that_a_run_registers_belong_to_its_user_however_their_path_is_shown(variants: AppProcesses) -> None:
    ann, bob = variants.sign_in("ann"), variants.sign_in("bob")
    with variants.tab(ann) as tab, variants.tab(bob) as other:
        tab.open()
        other.open()
        shown = addresses(tab)
        assert len(shown) == 13
        assert {variants.request(address, ann).status_code for address in shown} == {200}
        assert not set(shown) & set(addresses(other))
        assert {variants.request(address, bob).status_code for address in shown} == {404}
        # A path that an app shows at its user's request is no file of that user, wherever the app shows it.
        for address in shown:
            other.open(f"text={address}")
            assert address in str(other.messages)
            assert variants.request(address, bob).status_code == 404, address
            assert variants.request(address, ann).status_code == 200


def test_a_file_of_the_previous_page_can_still_be_loaded(variants: AppProcesses) -> None:
    """A click that began before the run: Streamlit keeps a download for one run more."""
    ann = variants.sign_in("ann")
    with variants.tab(ann) as tab:
        tab.open()
        file = tab.files["file"]
        tab.open("text=nothing")
        assert variants.request(file, ann).status_code == 200


LATE = """
import os
import pathlib
import time

import streamlit as st
from streamlit import runtime

from app import access
from app.core.permissions import Permission

FOLDER = pathlib.Path(os.environ["TRACES"]).parent


def trace(name):
    with (FOLDER / "traces").open("a") as file:
        file.write(name + "\\n")


st.markdown(st.query_params.get("text", ""))
if access.allows(Permission.EXPORT_REPORTS) and st.button("slow", key="slow"):
    trace("waiting")
    while not (FOLDER / "go").exists():
        time.sleep(0.01)
    try:
        # As st.download_button does; Streamlit keeps such a file for one run more.
        files = runtime.get_instance().media_file_mgr
        files.add(b"the report", "text/csv", "late", is_for_static_download=True)
    finally:
        trace("registered")
st.markdown("may=" + str(access.allows(Permission.EXPORT_REPORTS)))
"""


def test_a_run_from_before_a_revocation_registers_no_file_of_its_user(tmp_path: Path) -> None:
    with app_processes(tmp_path, script=LATE, processes=1) as at:
        ann = at.sign_in("ann", "analyst")
        with at.tab(ann) as tab:
            tab.open()
            tab.press("slow")
            wait_for(at, "waiting")
            at.revoke(ann, "analyst")
            while tab.read_run(60)[-1:] != ["may=False"]:
                pass
            (tmp_path / "go").touch()
            wait_for(at, "registered")
            media = f"/media/{_calculate_file_id(b'the report', 'text/csv')}.csv"
            assert tab.open(f"text={media}") == [media, "may=False"]
            assert at.request(media, ann).status_code == 404


def wait_for(at: AppProcesses, case: str) -> None:
    """Wait until the script has written this trace."""
    wait_until(lambda: case in at.traces, within_seconds=60)


def test_one_streamlit_session_accepts_a_bounded_number_of_files(app: AppProcesses) -> None:
    """Streamlit keeps them in memory for as long as the session lives, and counts nothing."""
    ann = app.sign_in("ann")
    token = app.request("/_stcore/health").cookies["_streamlit_xsrf"]
    cookies = "".join(f"; {name}={value}" for name, value in ann.cookies.items())
    headers = {"X-Xsrftoken": token, "Cookie": f"_streamlit_xsrf={token}{cookies}"}

    def upload(tab_id: str, number: int, method: str = "PUT") -> requests.Response:
        files = {"file": ("x.csv", b"a,b")} if method == "PUT" else None
        return app.request(f"/_stcore/upload_file/{tab_id}/f-{number}", method=method, headers=headers, files=files)

    with app.tab(ann) as tab, app.tab(ann) as other:
        tab.open()
        other.open()
        assert {upload(tab.session_id, number).status_code for number in range(MAX_UPLOADS)} == {204}
        refused = upload(tab.session_id, MAX_UPLOADS)
        assert (refused.status_code, "Remove some" in refused.text) == (413, True)
        assert upload(other.session_id, 0).status_code == 204, "another tab has room of its own"
        assert upload(tab.session_id, 0, "DELETE").status_code == 204
        assert upload(tab.session_id, MAX_UPLOADS).status_code == 204
