"""Files, uploads and exports are their owner's: given out only where they were shown, whoever knows an id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import streamlit
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.memory_media_file_storage import _calculate_file_id

from component import wire
from component.rendered import (
    MAX_DEFERRED,
    MAX_FRAGMENTS,
    MAX_MEDIA,
    MAX_OPERATIONS,
    MAX_SOURCES,
    MAX_WIDGETS,
    Rendered,
    SinceLoss,
)
from component.shown import KEPT_OWNERS, KEPT_SESSIONS, Owners, Seen, Shown
from component.uploads import MOST_FILES
from tests.security.live import Live, Someone, live

PACKAGE = Path(streamlit.__file__).parent


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("files"), processes=1) as made:
        yield made


def test_an_id_that_is_known_or_guessed_gives_nothing_even_when_the_page_repeats_it(here: Live) -> None:
    """The id is a hash of the content, and pages show what is typed: neither the id nor its echo is a key."""
    ann, bob = here.sign_in("ann"), here.sign_in("bob")
    with here.tab(ann) as tab, here.tab(bob) as other:
        tab.open()
        media = tab.files["media"]
        content = here.ask(media, ann).content
        assert _calculate_file_id(content, "application/octet-stream") in media  # who knows the content knows the id
        assert media in other.open(f"say={media}")  # the page shows the address, as text
        assert here.ask(media, bob).status_code == 404
        assert here.ask(media).status_code == 404
        assert here.ask(media, ann).status_code == 200


def test_two_tabs_of_a_session_and_a_tab_that_came_back_have_their_files(here: Live) -> None:
    ann = here.sign_in("ann")
    with here.tab(ann) as tab:
        tab.open()
        with here.tab(ann) as second:
            second.open()
            assert here.ask(second.files["media"], ann).status_code == 200
        media = tab.files["media"]
        assert here.ask(media, ann).status_code == 200
    with here.tab(ann, reattach_to=tab.session_id) as again:
        assert here.ask(media, ann).status_code == 200  # at once, before anything is drawn again
        rerun = BackMsg()
        rerun.rerun_script.cached_message_hashes.extend(message.hash for message in tab.seen if message.hash)
        again.send(rerun)
        again.widgets, again.files, again.seen = {}, {}, []
        again.read_run()
        assert not [message for message in again.seen if message.WhichOneof("type") == "ref_hash"]
        assert here.ask(media, ann).status_code == 200


def test_a_session_that_is_begun_anew_has_none_of_the_old_ones_files(here: Live) -> None:
    ann = here.sign_in("ann")
    with here.tab(ann) as tab:
        tab.open()
        media = tab.files["media"]
        anew = here.sign_in("ann")
        assert here.ask(media, replace(anew, cookies=anew.cookies | _browser(here, ann))).status_code == 404
        here.end(ann)
        assert here.ask(media, ann).status_code == 404


def test_what_nobody_was_shown_is_not_theirs_after_they_sign_in(here: Live) -> None:
    """A file shown before the sign-in is given to the anonymous browser only: after it the page is drawn anew."""
    ann = here.sign_in("ann")
    nobody = replace(ann, cookies=_browser(here, ann))
    with here.tab(nobody) as tab:
        tab.open()
        media = tab.files["media"]
        assert here.ask(media, nobody).status_code == 200
        assert here.ask(media, ann).status_code == 404
        assert here.ask(media).status_code == 404
        upload = f"/_stcore/upload_file/{tab.session_id}/file"
        assert here.ask(upload, nobody, method="OPTIONS").status_code == 404  # nobody uploads anything


def test_a_deferred_export_of_another_session_is_refused(here: Live) -> None:
    """Streamlit (1.67) runs it for whoever names its id, as the one who was offered it."""
    ann, bob = here.sign_in("ann", "analyst"), here.sign_in("bob", "analyst")
    with here.tab(ann) as tab, here.tab(bob) as other:
        tab.open()
        other.open()
        before = here.traces
        for label in ("export", "forgetful"):
            assert other.download(tab.files[label]) == ""
        assert here.traces == before
        assert tab.download(tab.files["export"])


def test_an_operation_in_the_name_of_another_streamlit_session_is_refused(here: Live) -> None:
    ann, bob = here.sign_in("ann", "analyst"), here.sign_in("bob", "analyst")
    with here.tab(ann) as tab, here.tab(bob) as other:
        tab.open()
        other.open()
        before = here.traces
        other.session_id = tab.session_id
        assert other.download(other.files["export"]) == ""
        assert here.traces == before


def _browser(here: Live, who: Someone) -> dict[str, str]:
    return {here.cookies.browser: who.cookies[here.cookies.browser]}


# The table of fields


def test_every_place_where_streamlit_gives_a_file_an_address_is_known() -> None:
    """A Streamlit that puts addresses of files elsewhere must be met by a field in ``wire.FILE_FIELDS``."""
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(r"media_file_mgr\.add\(|[^.\w`]image_to_url\((?!\n    image:)", path.read_text(encoding="utf-8"))
    }
    assert found == {
        "commands/logo.py",
        "commands/page_config.py",
        "elements/iframe.py",
        "elements/lib/agent_data.py",  # for the agent API, which is closed
        "elements/lib/image_utils.py",
        "elements/lib/subtitle_utils.py",
        "elements/media.py",
        "elements/widgets/button.py",
        "elements/widgets/chat.py",
        "runtime/caching/cached_message_replay.py",
    }


MEDIA = "/media/" + "0f" * 16 + ".png"


def _messages() -> dict[str, ForwardMsg]:
    made = {name: ForwardMsg() for name in wire.FILE_FIELDS}
    made["Audio.url"].delta.new_element.audio.url = MEDIA
    made["Block.ChatMessage.avatar"].delta.add_block.chat_message.avatar = MEDIA
    made["DeferredFileResponsePayload.url"].backend_operation_response.deferred_file.url = MEDIA
    made["DownloadButton.url"].delta.new_element.download_button.url = MEDIA
    made["Favicon.url"].delta.new_element.favicon.url = MEDIA
    made["IFrame.src"].delta.new_element.iframe.src = MEDIA
    made["Image.url"].delta.new_element.imgs.imgs.add().url = MEDIA
    made["Logo.icon_image"].logo.icon_image = MEDIA
    made["Logo.image"].logo.image = MEDIA
    made["PageConfig.favicon"].page_config_changed.favicon = MEDIA
    made["SubtitleTrack.url"].delta.new_element.video.subtitles.add().url = MEDIA
    made["Video.url"].delta.new_element.video.url = MEDIA
    return made


@pytest.mark.parametrize("name", sorted(wire.FILE_FIELDS))
def test_an_address_is_found_in_each_field(name: str) -> None:
    assert wire.media_in(_messages()[name]) == ["0f" * 16]


def test_an_address_is_found_nowhere_else() -> None:
    message = ForwardMsg()
    message.delta.new_element.markdown.body = MEDIA
    assert wire.media_in(message) == []
    message.delta.new_element.imgs.imgs.add().caption = MEDIA
    message.delta.new_element.imgs.imgs.add().url = f"https://evil.example{MEDIA}"
    assert wire.media_in(message) == []


def test_widgets_are_found_by_their_ids() -> None:
    message = ForwardMsg()
    message.delta.new_element.button.id = "$$ID-1-a"
    assert list(wire.widgets_in(message)) == ["$$ID-1-a"]
    message.delta.new_element.dataframe.button_click_widgets["column"] = "$$ID-2-b"
    assert list(wire.widgets_in(message)) == ["$$ID-2-b"]
    message.delta.new_element.markdown.body = "$$ID-3-c"
    assert list(wire.widgets_in(message)) == []
    asked = BackMsg()
    for widget in ("$$ID-1-a", "$$ID-2-b", "$$STREAMLIT_INTERNAL_KEY_$$ID-1-a__events"):
        asked.rerun_script.widget_states.widgets.add().id = widget
    sent = wire.parse(asked.SerializeToString())
    sent.keep_widgets({"$$ID-1-a"})
    kept = BackMsg.FromString(sent.bytes()).rerun_script.widget_states.widgets
    assert [widget.id for widget in kept] == ["$$ID-1-a", "$$STREAMLIT_INTERNAL_KEY_$$ID-1-a__events"]


# Memory


def test_what_was_shown_is_bounded() -> None:
    shown, rendered = Shown(), Rendered()
    rendered.forget()
    message, request = ForwardMsg(), BackMsg()
    button = message.delta.new_element.download_button
    table = ForwardMsg()
    for number in range(MAX_WIDGETS + 1):
        message.delta.fragment_id = button.id = button.deferred_file_id = str(number)
        button.url = f"/media/{number:032x}"
        rendered.note(message)
        table.delta.new_element.dataframe.lazy_data.source_id = str(number)
        rendered.note(table)
        request.backend_operation_request.request_id = str(number)
        request.backend_operation_request.deferred_file.file_id = str(number)
        assert rendered.begin(wire.parse(request.SerializeToString()))
        shown.note_session(str(number), Seen())
    kept = rendered.since_loss
    assert kept is not None
    assert len(shown.sessions) == KEPT_SESSIONS
    assert (len(rendered.media), len(rendered.deferred)) == (MAX_MEDIA, MAX_DEFERRED)
    assert (len(rendered.operations), len(kept.sources)) == (MAX_OPERATIONS, MAX_SOURCES)
    assert (len(kept.widgets), len(kept.fragments)) == (MAX_WIDGETS, MAX_FRAGMENTS)
    assert f"{MAX_WIDGETS:032x}" in rendered.media
    rendered.forget()
    assert rendered == Rendered(since_loss=SinceLoss())


def test_owners_are_bounded_and_nobody_with_an_open_tab_is_forgotten() -> None:
    owners = Owners()
    open_ones = [owners.arrive(f"open {number}") for number in range(KEPT_OWNERS + 10)]
    assert all(owners.get(f"open {number}") is shown for number, shown in enumerate(open_ones))
    for number in range(3 * KEPT_OWNERS):
        owners.leave(owners.arrive(f"gone {number}"))
    assert len(owners) <= KEPT_OWNERS + 11
    for shown in open_ones:
        owners.leave(shown)
    for number in range(3 * KEPT_OWNERS):
        owners.leave(owners.arrive(f"later {number}"))
    assert owners.get("open 0") is None
    assert len(owners) <= KEPT_OWNERS + 11


def test_one_streamlit_session_takes_in_a_bounded_number_of_files(here: Live) -> None:
    """Streamlit keeps them in memory for as long as the session lives, and counts nothing."""
    ann = here.sign_in("ann")
    token = here.ask("/_stcore/health").cookies["_streamlit_xsrf"]
    cookies = "".join(f"; {name}={value}" for name, value in ann.cookies.items())
    headers = {"X-Xsrftoken": token, "Cookie": f"_streamlit_xsrf={token}{cookies}"}

    def upload(tab_id: str, number: int, method: str = "PUT") -> requests.Response:
        files = {"file": ("x.csv", b"a,b")} if method == "PUT" else None
        return here.ask(f"/_stcore/upload_file/{tab_id}/f-{number}", method=method, headers=headers, files=files)

    with here.tab(ann) as tab, here.tab(ann) as other:
        tab.open()
        other.open()
        assert {upload(tab.session_id, number).status_code for number in range(MOST_FILES)} == {204}
        refused = upload(tab.session_id, MOST_FILES)
        assert (refused.status_code, "Remove some" in refused.text) == (413, True)
        assert upload(other.session_id, 0).status_code == 204, "another tab has room of its own"
        assert upload(tab.session_id, 0, "DELETE").status_code == 204
        assert upload(tab.session_id, MOST_FILES).status_code == 204
