"""What a Streamlit session offers its browser: ids of whatever Streamlit keeps beyond the run that rendered it.

Streamlit (1.67) keeps, as long as its session lives: the callback of a widget, the closure of a fragment (of dialogs
and ``run_every`` timers too), the callable of a deferred download, and the source of a lazy dataframe. A run drops
what it did not render only when its script reaches its end, which ``stop_script``, ``st.stop()`` and an exception
prevent. So once the caller has lost a right, an id is valid only if a run that began afterwards rendered it. Bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.limits.bounded_dict import put_newest
from component.protocol import back_message, rendered_ids
from component.socket.media_files import SessionFiles

MAX_MEDIA: Final = 2048
MAX_DEFERRED: Final = 512
MAX_WIDGETS: Final = 4096
MAX_FRAGMENTS: Final = 4096
MAX_SOURCES: Final = 512
MAX_OPERATIONS: Final = 512


@dataclass(slots=True)
class SinceLoss:
    """Ids rendered since the caller last lost a right."""

    widgets: dict[str, None] = field(default_factory=dict)
    fragments: dict[str, None] = field(default_factory=dict)
    sources: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Rendered:
    """The ids that one Streamlit session's browser may use. The oldest of each kind are forgotten."""

    media: dict[str, None] = field(default_factory=dict)
    deferred: dict[str, None] = field(default_factory=dict)
    operations: dict[str, None] = field(default_factory=dict)
    """Ids of the backend operations that are under way."""
    since_loss: SinceLoss | None = None
    """None when nothing was ever lost: then Streamlit alone knows what there is."""
    files: SessionFiles = field(default_factory=SessionFiles, compare=False)
    """What runs of this session have registered with Streamlit; none before the first run."""

    def forget(self) -> None:
        """The caller has lost a right: nothing rendered so far is valid."""
        self.files.clear()
        self.media.clear()
        self.deferred.clear()
        self.operations.clear()
        self.since_loss = SinceLoss()

    def restrict(self, sent: back_message.BackMessage) -> None:
        """Take out of a message that reruns whatever this session no longer offers."""
        if self.since_loss is None:
            return
        if sent.fragment_id and sent.fragment_id not in self.since_loss.fragments:
            sent.make_gate_only()
            return
        sent.drop_cached_hashes()
        sent.keep_widgets(self.since_loss.widgets)

    def begin(self, sent: back_message.BackMessage) -> bool:
        """Begin the backend operation that a message asks for; False when it is about nothing that is offered."""
        if sent.deferred_file_id and sent.deferred_file_id not in self.deferred:
            return False
        if self.since_loss is not None and sent.dataframe_id and sent.dataframe_id not in self.since_loss.sources:
            return False
        put_newest(self.operations, sent.operation_id, None, MAX_OPERATIONS)
        return True

    def end(self, operation: str) -> bool:
        """End a backend operation; False when it began before a right was lost, so that nobody may have its result."""
        known = operation in self.operations
        self.operations.pop(operation, None)
        return known

    def record(self, message: ForwardMsg) -> None:
        """Remember what a message to the browser renders."""
        if self.since_loss is not None:
            for widget in rendered_ids.widget_ids(message):
                put_newest(self.since_loss.widgets, widget, None, MAX_WIDGETS)
            for fragment in rendered_ids.fragment_ids(message):
                put_newest(self.since_loss.fragments, fragment, None, MAX_FRAGMENTS)
            for source in rendered_ids.dataframe_ids(message):
                put_newest(self.since_loss.sources, source, None, MAX_SOURCES)
        if deferred := rendered_ids.deferred_file_id(message):
            put_newest(self.deferred, deferred, None, MAX_DEFERRED)
        if file := rendered_ids.delivered_media_id(message):
            put_newest(self.media, file, None, MAX_MEDIA)

    def record_media(self, data: bytes) -> None:
        """Remember the files that a message to the browser shows: those that a run of this session registered."""
        for file in rendered_ids.media_ids(data):
            if file in self.files:
                put_newest(self.media, file, None, MAX_MEDIA)
