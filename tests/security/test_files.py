"""Files, uploads and exports are their owner's: given out only where they were shown, whoever knows an id."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import streamlit
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.memory_media_file_storage import _calculate_file_id

from component.protocol import back_message, rendered_ids
from component.socket import media_files
from component.socket.media_files import MAX_FILES, MAX_FILES_IN_ALL, MAX_SESSIONS, MediaFiles
from component.socket.rendered import (
    MAX_DEFERRED,
    MAX_FRAGMENTS,
    MAX_MEDIA,
    MAX_OPERATIONS,
    MAX_SOURCES,
    MAX_WIDGETS,
    Rendered,
    SinceLoss,
)
from component.socket.tab_state import MAX_OWNERS, MAX_SESSIONS_PER_OWNER, OwnerTabs, TabOwners, TabState
from component.socket.upload_limits import MAX_UPLOADS
from tests.security.live import LiveApp, SignedInUser, Tab, live

PACKAGE = Path(streamlit.__file__).parent


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApp]:
    with live(tmp_path_factory.mktemp("files"), processes=1) as made:
        yield made


def test_a_known_or_guessed_id_returns_nothing_even_when_the_page_shows_it(app: LiveApp) -> None:
    """The id is a hash of the content, and pages show what is typed: neither the id nor its echo is a key."""
    ann, bob = app.sign_in("ann"), app.sign_in("bob")
    with app.tab(ann) as tab, app.tab(bob) as other:
        tab.open()
        media = tab.files["media"]
        content = app.request(media, ann).content
        assert _calculate_file_id(content, "application/octet-stream") in media  # who knows the content knows the id
        assert media in other.open(f"text={media}")  # the page shows the address, as text
        assert app.request(media, bob).status_code == 404
        assert app.request(media).status_code == 404
        assert app.request(media, ann).status_code == 200


def test_two_tabs_of_a_session_and_a_tab_that_came_back_have_their_files(app: LiveApp) -> None:
    ann = app.sign_in("ann")
    with app.tab(ann) as tab:
        tab.open()
        with app.tab(ann) as second:
            second.open()
            assert app.request(second.files["media"], ann).status_code == 200
        media = tab.files["media"]
        assert app.request(media, ann).status_code == 200
    with app.tab(ann, reattach_to=tab.session_id) as again:
        assert app.request(media, ann).status_code == 200  # at once, before anything is drawn again
        rerun = BackMsg()
        rerun.rerun_script.cached_message_hashes.extend(message.hash for message in tab.messages if message.hash)
        again.send(rerun)
        again.widgets, again.files, again.messages = {}, {}, []
        again.read_run()
        assert not [message for message in again.messages if message.WhichOneof("type") == "ref_hash"]
        assert app.request(media, ann).status_code == 200


def test_a_new_session_has_none_of_the_files_of_an_earlier_one(app: LiveApp) -> None:
    ann = app.sign_in("ann")
    with app.tab(ann) as tab:
        tab.open()
        media = tab.files["media"]
        anew = app.sign_in("ann")
        assert app.request(media, replace(anew, cookies=anew.cookies | _browser(app, ann))).status_code == 404
        app.end(ann)
        assert app.request(media, ann).status_code == 404


def test_files_of_an_anonymous_browser_are_not_those_of_its_later_session(app: LiveApp) -> None:
    """A file shown before the sign-in is given to the anonymous browser only: after it the page is drawn anew."""
    ann = app.sign_in("ann")
    anonymous = replace(ann, cookies=_browser(app, ann))
    with app.tab(anonymous) as tab:
        tab.open()
        media = tab.files["media"]
        assert app.request(media, anonymous).status_code == 200
        assert app.request(media, ann).status_code == 404
        assert app.request(media).status_code == 404
        upload = f"/_stcore/upload_file/{tab.session_id}/file"
        assert app.request(upload, anonymous, method="OPTIONS").status_code == 404  # nobody uploads anything


def test_a_deferred_export_of_another_session_is_refused(app: LiveApp) -> None:
    """Streamlit (1.67) runs it for whoever names its id, as the one who was offered it."""
    ann, bob = app.sign_in("ann", "analyst"), app.sign_in("bob", "analyst")
    with app.tab(ann) as tab, app.tab(bob) as other:
        tab.open()
        other.open()
        before = app.traces
        for label in ("export", "forgetful"):
            assert other.download(tab.files[label]) == ""
        assert app.traces == before
        assert tab.download(tab.files["export"])


def test_an_operation_in_the_name_of_another_streamlit_session_is_refused(app: LiveApp) -> None:
    ann, bob = app.sign_in("ann", "analyst"), app.sign_in("bob", "analyst")
    with app.tab(ann) as tab, app.tab(bob) as other:
        tab.open()
        other.open()
        before = app.traces
        other.session_id = tab.session_id
        assert other.download(other.files["export"]) == ""
        assert app.traces == before


def _browser(app: LiveApp, user: SignedInUser) -> dict[str, str]:
    return {app.cookies.browser: user.cookies[app.cookies.browser]}


# What is shown: what a run of this very session gave to Streamlit

VARIANTS = """
import io
import wave

import streamlit as st
from PIL import Image
from streamlit.elements.lib.image_utils import image_to_url
from streamlit.elements.lib.layout_utils import LayoutConfig

from app import access

who = str(st.user.get("iss_sub"))


def picture(of):
    made = io.BytesIO()
    Image.new("RGB", (2, 2), "#" + f"{abs(hash(who + of)) % 0xFFFFFF:06x}").save(made, "PNG")
    return made.getvalue()


def sound():
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(who.encode())
    return made.getvalue()


def address(of):
    return image_to_url(Image.open(io.BytesIO(picture(of))), LayoutConfig(), False, "RGB", "PNG", of)


@st.cache_data
def cached(who):
    st.image(picture("cached"))


said = st.query_params.get("text", "")
if said:
    st.markdown(f"![picture]({said}) {said}")
    st.html(f"<img src='{said}'>")
    st.components.v1.iframe(said)
    st.link_button("link", said)
    st.dataframe({"picture": [said]}, column_config={"picture": st.column_config.ImageColumn()})
    st.json({"picture": said})
else:
    st.set_page_config(page_icon=picture("icon"))
    st.logo(picture("logo"))
    st.image(picture("image"))
    cached(who)
    st.audio(sound())
    st.video(b"film of " + who.encode(), subtitles="WEBVTT\\n\\n00:00.000 --> 00:01.000\\n" + who)
    with st.chat_message("user", avatar=picture("avatar")):
        st.write("text")
    st.download_button("file", data=b"file of " + who.encode(), key="file")
    st.markdown(f"![picture]({address('in markdown')})")
    st.html(f"<img src='{address('in HTML')}'>")
    st.dataframe({"picture": [address("in a table")]})
    st.json({"picture": address("in JSON")})
"""


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApp]:
    with live(tmp_path_factory.mktemp("ways"), script=VARIANTS, processes=1, PYTHONHASHSEED="0") as made:
        yield made


def addresses(tab: Tab) -> list[str]:
    """Every address of a file in what the tab was sent."""
    result = [re.findall(rb"/media/[0-9a-f]{32}\.[a-z0-9]{3}", message.SerializeToString()) for message in tab.messages]
    return sorted({address.decode() for item in result for address in item})


def test_files_that_a_run_registers_are_its_users_however_the_address_is_shown(variants: LiveApp) -> None:
    ann, bob = variants.sign_in("ann"), variants.sign_in("bob")
    with variants.tab(ann) as tab, variants.tab(bob) as other:
        tab.open()
        other.open()
        shown = addresses(tab)
        assert len(shown) == 13
        assert {variants.request(address, ann).status_code for address in shown} == {200}
        assert not set(shown) & set(addresses(other))
        assert {variants.request(address, bob).status_code for address in shown} == {404}
        # An app that shows an address on its user's request makes it no file of theirs, wherever it shows it.
        for address in shown:
            other.open(f"text={address}")
            assert address in str(other.messages)
            assert variants.request(address, bob).status_code == 404, address
            assert variants.request(address, ann).status_code == 200


def test_a_file_of_the_previous_page_can_still_be_loaded(variants: LiveApp) -> None:
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


def test_a_run_that_outlives_a_loss_registers_no_file_of_its_user(tmp_path: Path) -> None:
    with live(tmp_path, script=LATE, processes=1) as at:
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


def wait_for(at: LiveApp, case: str) -> None:
    """Wait until the script has come so far."""
    deadline = time.monotonic() + 60
    while case not in at.traces:
        assert time.monotonic() < deadline, at.log()
        time.sleep(0.02)


def test_streamlit_registers_files_in_one_place() -> None:
    """A Streamlit that keeps files by another way than ``add`` and deferred downloads must be observed there too."""
    source = (PACKAGE / "runtime" / "media_file_manager.py").read_text(encoding="utf-8")
    stored = re.findall(r"def (\w+)\((?:(?!\n    def ).)*?load_and_get_id\(", source, re.DOTALL)
    assert stored == ["add", "execute_deferred"]
    places = [path for path in PACKAGE.rglob("*.py") if "load_and_get_id(" in path.read_text(encoding="utf-8")]
    assert {place.name for place in places} == {
        "media_file_manager.py", "media_file_storage.py", "memory_media_file_storage.py",
    }  # fmt: skip


FILE = "0f" * 16
MEDIA = f"/media/{FILE}.png"


def test_an_address_counts_only_if_a_run_of_the_session_registered_it() -> None:
    files = MediaFiles()
    own, other = Rendered(files=files.of("mine")), Rendered(files=files.of("other"))
    message = ForwardMsg()
    message.delta.new_element.markdown.body = f"text before{MEDIA}text behind"
    data = message.SerializeToString()
    own.record_media(data)
    assert list(own.media) == []
    files.register(files.of("mine").begin_run(), MEDIA)
    files.register(files.of("other").begin_run(), "/media/" + "1a" * 16)
    own.record_media(data)
    other.record_media(data)
    assert (list(own.media), list(other.media)) == ([FILE], [])
    own.revoke()  # a right is lost: shown again, it counts when it is registered again
    own.record_media(data)
    assert list(own.media) == []
    files.register(files.of("mine").begin_run(), MEDIA)
    own.record_media(data)
    assert list(own.media) == [FILE]


def test_files_registered_after_a_loss_by_a_run_from_before_do_not_count() -> None:
    """It may go on to its next call of Streamlit, and registers a file before that call notices."""
    files = MediaFiles()
    rendered = Rendered(files=files.of("mine"))
    before = files.of("mine").begin_run()
    files.register(before, MEDIA)
    rendered.revoke()
    files.register(before, MEDIA)
    rendered.record_media(MEDIA.encode())  # shown by the run that opens the gate, as text that its user typed
    assert list(rendered.media) == []
    files.register(files.of("mine").begin_run(), MEDIA)
    files.register(before, MEDIA)
    rendered.record_media(MEDIA.encode())
    assert list(rendered.media) == [FILE]


def test_the_file_of_a_deferred_download_counts_by_its_answer() -> None:
    message, rendered = ForwardMsg(), Rendered()
    message.backend_operation_response.deferred_file.url = MEDIA
    rendered.record(message)
    assert list(rendered.media) == [FILE]


def test_registered_files_are_bounded() -> None:
    files = MediaFiles()
    run = files.of("one").begin_run()
    for number in range(MAX_FILES + 1):
        files.register(run, f"/media/{number:032x}")
    assert f"{0:032x}" not in files.of("one")
    assert f"{MAX_FILES:032x}" in files.of("one")
    assert len(files) == MAX_FILES
    first = files.of("one")
    for number in range(MAX_SESSIONS):
        files.of(str(number))
    assert files.of("one") is not first
    files.register(run, MEDIA)  # a run of a session that is forgotten
    assert (FILE in first, len(files)) == (False, 0)


def test_the_files_of_all_sessions_are_bounded_and_the_session_with_the_most_drops_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MAX_FILES_IN_ALL == 262_144
    monkeypatch.setattr(media_files, "MAX_FILES_IN_ALL", 100)
    files = MediaFiles()
    files.register(files.of("small").begin_run(), MEDIA)
    for number in range(1000):
        files.register(files.of(f"large {number % 2}").begin_run(), f"/media/{number:032x}")
        assert len(files) <= 100
    assert FILE in files.of("small")
    assert f"{999:032x}" in files.of("large 1")
    assert len(files) == sum(len(files.of(name)) for name in ("small", "large 0", "large 1"))
    for name in ("small", "large 0", "large 1"):
        files.of(name).clear()
    assert len(files) == 0


def test_widgets_are_found_by_their_ids() -> None:
    message = ForwardMsg()
    message.delta.new_element.button.id = "$$ID-1-a"
    assert list(rendered_ids.widget_ids(message)) == ["$$ID-1-a"]
    message.delta.new_element.dataframe.button_click_widgets["column"] = "$$ID-2-b"
    assert list(rendered_ids.widget_ids(message)) == ["$$ID-2-b"]
    message.delta.new_element.markdown.body = "$$ID-3-c"
    assert list(rendered_ids.widget_ids(message)) == []
    requested = BackMsg()
    for widget in ("$$ID-1-a", "$$ID-2-b", "$$STREAMLIT_INTERNAL_KEY_$$ID-1-a__events"):
        requested.rerun_script.widget_states.widgets.add().id = widget
    sent = back_message.parse(requested.SerializeToString())
    sent.keep_widgets({"$$ID-1-a"})
    kept = BackMsg.FromString(sent.serialize()).rerun_script.widget_states.widgets
    assert [widget.id for widget in kept] == ["$$ID-1-a", "$$STREAMLIT_INTERNAL_KEY_$$ID-1-a__events"]


# Memory


def test_the_recorded_ids_are_bounded() -> None:
    shown, rendered = OwnerTabs(), Rendered()
    rendered.revoke()
    message, request = ForwardMsg(), BackMsg()
    button = message.delta.new_element.download_button
    table = ForwardMsg()
    for number in range(MAX_WIDGETS + 1):
        message.delta.fragment_id = button.id = button.deferred_file_id = str(number)
        button.url = f"/media/{number:032x}"
        rendered.record(message)
        rendered.files.add(f"{number:032x}")
        rendered.record_media(message.SerializeToString())
        table.delta.new_element.dataframe.lazy_data.source_id = str(number)
        rendered.record(table)
        request.backend_operation_request.request_id = str(number)
        request.backend_operation_request.deferred_file.file_id = str(number)
        assert rendered.begin(back_message.parse(request.SerializeToString()))
        shown.record_session(str(number), TabState())
    kept = rendered.since_loss
    assert kept is not None
    assert len(shown.sessions) == MAX_SESSIONS_PER_OWNER
    assert (len(rendered.media), len(rendered.deferred)) == (MAX_MEDIA, MAX_DEFERRED)
    assert (len(rendered.operations), len(kept.sources)) == (MAX_OPERATIONS, MAX_SOURCES)
    assert (len(kept.widgets), len(kept.fragments)) == (MAX_WIDGETS, MAX_FRAGMENTS)
    assert f"{MAX_WIDGETS:032x}" in rendered.media
    rendered.revoke()
    assert rendered == Rendered(since_loss=SinceLoss())


def test_owners_are_bounded_and_those_with_an_open_tab_are_kept() -> None:
    owners = TabOwners()
    open_ones = [owners.open_tab(f"open {number}") for number in range(MAX_OWNERS + 10)]
    assert all(owners.get(f"open {number}") is shown for number, shown in enumerate(open_ones))
    for number in range(3 * MAX_OWNERS):
        owners.close_tab(owners.open_tab(f"gone {number}"))
    assert len(owners) <= MAX_OWNERS + 11
    for shown in open_ones:
        owners.close_tab(shown)
    for number in range(3 * MAX_OWNERS):
        owners.close_tab(owners.open_tab(f"later {number}"))
    assert owners.get("open 0") is None
    assert len(owners) <= MAX_OWNERS + 11


def test_anonymous_browsers_replace_only_each_other() -> None:
    owners = TabOwners()
    ann = owners.open_tab("session of ann")
    owners.close_tab(ann)
    for number in range(2 * MAX_OWNERS):
        owners.close_tab(owners.open_tab(f"browser {number}", is_anonymous=True))
    assert owners.get("session of ann") is ann
    assert len(owners) == MAX_OWNERS
    assert owners.get(f"browser {MAX_OWNERS}") is None
    assert owners.get(f"browser {2 * MAX_OWNERS - 1}") is not None


def test_one_streamlit_session_accepts_a_bounded_number_of_files(app: LiveApp) -> None:
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
