"""The ids that a Streamlit session offers its browser: whatever Streamlit keeps beyond the run that rendered it.

Streamlit (1.67) keeps, as long as its session lives: the callback of a widget, the closure of a fragment (of dialogs
and ``run_every`` timers too), the callable of a deferred download, and the source of a lazy dataframe. A run drops
what it did not render only when its script reaches its end, which ``stop_script``, ``st.stop()`` and an exception
prevent. So once the user has lost a right, an id is valid only if a run that started afterwards rendered it. Bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.limits.bounded_dict import put_newest
from component.protocol import rendered_ids
from component.protocol.back_message import BackMessage
from component.socket.media_files import SessionFiles

MAX_MEDIA: Final = 2048
MAX_DEFERRED: Final = 512
MAX_WIDGETS: Final = 4096
MAX_FRAGMENTS: Final = 4096
MAX_SOURCES: Final = 512
MAX_OPERATIONS: Final = 512


@dataclass(slots=True)
class RenderedSinceRevocation:
    """The ids rendered since a right of the user was last revoked."""

    widgets: dict[str, None] = field(default_factory=dict)
    fragments: dict[str, None] = field(default_factory=dict)
    sources: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Rendered:
    """The ids that one Streamlit session's browser may use. The oldest of each kind are dropped."""

    media: dict[str, None] = field(default_factory=dict)
    deferred: dict[str, None] = field(default_factory=dict)
    operations: dict[str, None] = field(default_factory=dict)
    """Ids of the backend operations in progress."""
    since_revocation: RenderedSinceRevocation | None = None
    """None until a right is revoked: then only Streamlit knows what it offers."""
    files: SessionFiles = field(default_factory=SessionFiles, compare=False)
    """The files that runs of this session have registered with Streamlit; none before the first run."""

    def revoke(self) -> None:
        """The user has lost a right: no id rendered so far is valid."""
        self.files.clear()
        self.media.clear()
        self.deferred.clear()
        self.operations.clear()
        self.since_revocation = RenderedSinceRevocation()

    def restrict(self, rerun: BackMessage) -> None:
        """Remove from a rerun whatever this session no longer offers."""
        if self.since_revocation is None:
            return
        if rerun.fragment_id and rerun.fragment_id not in self.since_revocation.fragments:
            rerun.strip_to_full_rerun()
            return
        rerun.drop_cached_hashes()
        rerun.keep_widgets(self.since_revocation.widgets)

    def begin(self, request: BackMessage) -> bool:
        """Begin the backend operation that a message requests; returns whether this session offers it."""
        if request.deferred_file_id and request.deferred_file_id not in self.deferred:
            return False
        if (
            self.since_revocation is not None
            and request.dataframe_id
            and request.dataframe_id not in self.since_revocation.sources
        ):
            return False
        put_newest(self.operations, request.operation_id, None, MAX_OPERATIONS)
        return True

    def end(self, operation_id: str) -> bool:
        """End a backend operation; returns whether the browser may have its result.

        Not if it began before a right was lost.
        """
        is_valid = operation_id in self.operations
        self.operations.pop(operation_id, None)
        return is_valid

    def record(self, message: ForwardMsg) -> None:
        """Record the ids that a message to the browser renders."""
        if self.since_revocation is not None:
            for widget_id in rendered_ids.widget_ids(message):
                put_newest(self.since_revocation.widgets, widget_id, None, MAX_WIDGETS)
            for fragment_id in rendered_ids.fragment_ids(message):
                put_newest(self.since_revocation.fragments, fragment_id, None, MAX_FRAGMENTS)
            for source_id in rendered_ids.dataframe_ids(message):
                put_newest(self.since_revocation.sources, source_id, None, MAX_SOURCES)
        if deferred := rendered_ids.deferred_file_id(message):
            put_newest(self.deferred, deferred, None, MAX_DEFERRED)
        if media_id := rendered_ids.delivered_media_id(message):
            put_newest(self.media, media_id, None, MAX_MEDIA)

    def record_media(self, data: bytes) -> None:
        """Record the files that an encoded message to the browser shows, if a run of this session registered them."""
        for media_id in rendered_ids.media_ids(data):
            if media_id in self.files:
                put_newest(self.media, media_id, None, MAX_MEDIA)
