"""The ids that a message to the browser renders: media, deferred downloads, widgets, fragments, lazy dataframes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from google.protobuf.message import Message
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.protocol.file_paths import media_id_of

_MEDIA_PREFIX: Final = b"/media/"
_MEDIA: Final = re.compile(rb"/media/([0-9a-f]{32})")


def media_ids(data: bytes) -> set[str]:
    """Ids of the media whose addresses occur anywhere in an encoded message, including in the app's own text.

    Streamlit and its components put addresses into fields of their own, markdown, HTML, arguments and tables.
    """
    return {media_id.decode() for media_id in _MEDIA.findall(data)} if _MEDIA_PREFIX in data else set()


def delivered_media_id(message: ForwardMsg) -> str | None:
    """The id of the media that a deferred download has made; None for any other message."""
    return media_id_of(message.backend_operation_response.deferred_file.url)


def deferred_file_id(message: ForwardMsg) -> str:
    """The id of the deferred download that a message offers; "" for none."""
    is_delta = message.WhichOneof("type") == "delta"
    return message.delta.new_element.download_button.deferred_file_id if is_delta else ""


def widget_ids(message: ForwardMsg) -> Iterator[str]:
    """Ids of the widgets that a message renders."""
    if message.WhichOneof("type") == "delta":
        for name, text in _texts(message.delta):
            if name.endswith(".id") or name == "Dataframe.ButtonClickWidgetsEntry":
                yield text


def fragment_ids(message: ForwardMsg) -> Iterator[str]:
    """Ids of the fragments of which a message renders a part, or that it has the browser rerun by a timer."""
    kind = message.WhichOneof("type")
    if kind == "delta" and message.delta.fragment_id:
        yield message.delta.fragment_id
    elif kind == "auto_rerun":
        yield message.auto_rerun.fragment_id


def dataframe_ids(message: ForwardMsg) -> Iterator[str]:
    """Ids of the lazy dataframes that a message renders."""
    if message.WhichOneof("type") == "delta":
        yield from (text for name, text in _texts(message.delta) if name == "LazyDataframe.source_id")


def _texts(message: Message) -> Iterator[tuple[str, str]]:
    """Every text in a message, with the full name of its field (for a map: of its entry type)."""
    for descriptor, value in message.ListFields():
        if isinstance(value, str):
            yield descriptor.full_name, value
        elif descriptor.message_type is None:
            continue
        elif descriptor.message_type.GetOptions().map_entry:
            yield from ((descriptor.message_type.full_name, text) for text in value.values() if isinstance(text, str))
        else:
            for part in [value] if isinstance(value, Message) else value:
                yield from _texts(part)
