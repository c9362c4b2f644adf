"""The memory of tabs and of what they rendered is bounded."""

from __future__ import annotations

from pathlib import Path

import streamlit
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.protocol import back_message
from component.socket.rendered import (
    MAX_DEFERRED,
    MAX_FRAGMENTS,
    MAX_MEDIA,
    MAX_OPERATIONS,
    MAX_SOURCES,
    MAX_WIDGETS,
    Rendered,
    RenderedSinceRevocation,
)
from component.socket.tab_state import MAX_OWNERS, MAX_SESSIONS_PER_OWNER, OwnerTabs, TabOwners, TabState

PACKAGE = Path(streamlit.__file__).parent


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
    kept = rendered.since_revocation
    assert kept is not None
    assert len(shown.sessions) == MAX_SESSIONS_PER_OWNER
    assert (len(rendered.media), len(rendered.deferred)) == (MAX_MEDIA, MAX_DEFERRED)
    assert (len(rendered.operations), len(kept.sources)) == (MAX_OPERATIONS, MAX_SOURCES)
    assert (len(kept.widgets), len(kept.fragments)) == (MAX_WIDGETS, MAX_FRAGMENTS)
    assert f"{MAX_WIDGETS:032x}" in rendered.media
    rendered.revoke()
    assert rendered == Rendered(since_revocation=RenderedSinceRevocation())


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
