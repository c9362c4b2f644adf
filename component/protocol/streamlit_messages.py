"""Streamlit's wire messages, as far as the socket guard must read or make them. Knows the protocol, not the runtime.

What a browser sends is a ``BackMsg``, what it gets a ``ForwardMsg`` (protobuf). Written for Streamlit 1.67; tests drive
each of them through the real server and compare the lists here with the installed source, so that an upgrade which
changes one turns red.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError, Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.RootContainer_pb2 import RootContainer
from streamlit.proto.WidgetStates_pb2 import WidgetState

from component.http.cookies import HeaderList, RawHeaders
from component.protocol import json_cost
from component.protocol.protobuf_fields import TooManyFields, count_fields

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
"""How long a message may be where nothing else is said: values of widgets, never files."""
MAX_VALUES: Final = 400_000
"""How much JSON a message may hold where nothing else is said, as ``json_cost`` counts it."""
MAX_FIELDS: Final = 20_000
"""How many fields a message may have. A parser makes an object of each, and holds up everybody meanwhile."""
MAX_WIDGETS: Final = 4096
MAX_PRESSED: Final = 32
"""How much can be pressed at once. Streamlit (1.67) adds what is pressed to a run that has not begun yet."""
SHORT_BYTES: Final = 16 * 1024
"""Messages no longer than this, as almost all are, never wait for longer ones of anonymous clients."""
ON_LOOP_BYTES: Final = 4 * 1024
"""Messages no longer than this are read on the event loop: it takes 8 ms at most."""
FIELD_COST: Final = 120
"""What reading one field costs, in values of ``component.protocol.json_cost``: 3 µs here, and as much by Streamlit."""

ALLOWED: Final = frozenset({"rerun_script", "stop_script", "file_urls_request", "app_heartbeat"})
"""What browsers send in use. The others steer the server for everybody (cache, shutdown) or tell of it (git)."""
ALLOWED_OPERATIONS: Final = frozenset({"deferred_file", "dataframe_chunk"})
"""Of ``backend_operation_request``, which is the one other kind allowed."""
# A media address ends in a hash of its content, 32 hexadecimal digits, and a suffix that stands for nothing.
_MEDIA: Final = re.compile(r"/media/([0-9a-f]{32})(?:\.[A-Za-z0-9]{1,16})?")
_MEDIA_PREFIX: Final = b"/media/"
_MEDIA_BYTES: Final = re.compile(rb"/media/([0-9a-f]{32})")
_UPLOAD: Final = re.compile(r"/_stcore/upload_file/([0-9a-fA-F-]{1,64})/[^/]{1,64}")
_TRIGGER: Final = "$$STREAMLIT_INTERNAL_KEY_"
_TRIGGERS: Final = "__events"
QUIET: Final = "quiet"
"""The trigger by which our front end asks for a run that nobody asked for, as a clock or another tab does."""
LEAVING: Final = "leaving"
"""The trigger by which our front end says that its page signs out, before it asks for it."""
MAX_TRIGGER_CHARACTERS: Final = 65_536
UNREADABLE: Final = '{"events": "unreadable"}'
"""What stands in for JSON that would make its reader fail: a breach of our component's contract, nothing to others."""
_JSON_BEGINS: Final = re.compile(r"\s*[\[{\"]")
_FIRES: Final = frozenset({"trigger_value", "string_trigger_value", "chat_input_value", "json_trigger_value"})
"""Values that stand for something pressed, in one run only."""
COMPONENT: Final = "streamlit-gatehouse.auth0"
COMPONENT_SOURCE: Final = "auth0.js"
"""Our component's name and module, as Streamlit's browser side asks for them."""
CATCH_UP: Final = "gatehouse-catch-up"
"""The fragment of which a browser is told that it has a timer, so that it asks for a run: ``ask_for_run``."""
_CATCH_UP_FIELD: Final = ClientState(fragment_id=CATCH_UP).SerializeToString()
"""With a control character, which nobody types."""
_CATCH_UP_SECONDS: Final = 0.25
_PROTOCOLS: Final = b"sec-websocket-protocol"


class Malformed(Exception):
    """Not a message that a browser of ours sends; its text says why.

    ``cost``: what looking at it has cost all the same, as ``BackMessage.cost``.
    """

    def __init__(self, message: str, cost: int = 0) -> None:
        super().__init__(message)
        self.cost = cost


class TooCostly(Malformed):
    """A message that a browser may send, with more JSON in its texts than is read; its text says it to the user."""


@dataclass(slots=True)
class BackMessage:
    """One message of a browser, parsed."""

    message: BackMsg
    _raw: bytes
    _changed: bool = field(default=False, init=False)
    is_catch_up: bool = field(default=False, init=False)
    """Whether it is the browser's answer to ``ask_for_run``, which the front end repeats until a run begins."""
    fired: frozenset[str] = field(default=frozenset(), init=False)
    """The triggers that components fire, by name; "" stands for what is not one of ours."""
    cost: int = field(default=0, init=False)
    """What reading it costs, as ``json_cost`` counts it; that of its JSON from ``replace_unreadable`` on."""

    @property
    def reruns(self) -> bool:
        """Whether it asks for a run of the script, or of a part of it."""
        return self.message.WhichOneof("type") == "rerun_script"

    @property
    def draws_all(self) -> bool:
        """Whether it asks for a run of the whole script."""
        return self.reruns and not self.message.rerun_script.fragment_id

    @property
    def by_person(self) -> bool:
        """Whether somebody did something: a run that neither a timer nor a component by itself asked for."""
        return self.reruns and not self.message.rerun_script.is_auto_rerun and not self._is_quiet

    @property
    def _is_quiet(self) -> bool:
        """Whether a component asks for the run, and says itself that nobody did anything."""
        return self.fired == {QUIET}

    @property
    def leaves(self) -> bool:
        """Whether our front end says that its page is about to sign out and go where that leads."""
        return self.fired == {LEAVING}

    @property
    def operation(self) -> str:
        """The id of the operation beside the script that it asks for, such as a deferred download; "" for none."""
        asked = self.message.WhichOneof("type") == "backend_operation_request"
        return self.message.backend_operation_request.request_id if asked else ""

    @property
    def deferred_file(self) -> str:
        """The id of the deferred download that it asks for; "" for none."""
        return self.message.backend_operation_request.deferred_file.file_id

    @property
    def dataframe(self) -> str:
        """The id of the lazy dataframe of which it asks for rows; "" for none."""
        return self.message.backend_operation_request.dataframe_chunk.source_id

    @property
    def fragment(self) -> str:
        """The id of the fragment that it asks for a run of; "" for none."""
        return self.message.rerun_script.fragment_id if self.reruns else ""

    @property
    def stops(self) -> bool:
        """Whether it asks for the run under way to be stopped."""
        return self.message.WhichOneof("type") == "stop_script"

    def gate_only(self) -> None:
        """Take out what would run before or beside the page's gate: widgets (callbacks) and the fragment."""
        self.message.rerun_script.ClearField("widget_states")
        self.message.rerun_script.ClearField("fragment_id")
        self.drop_cached_hashes()  # what was shown before is forgotten too

    def run_all(self) -> None:
        """Have the whole script run, in place of a fragment."""
        asked = self.message.rerun_script
        asked.ClearField("fragment_id")
        self._changed = True

    def keep_widgets(self, shown: Container[str]) -> None:
        """Take out the widgets that are not among those shown, so that their callbacks do not run."""
        widgets = self.message.rerun_script.widget_states.widgets
        kept = [widget for widget in widgets if _widget_of(widget.id) in shown]
        del widgets[:]
        widgets.extend(kept)
        self._changed = True

    def replace_unreadable(self, *, most: int = MAX_VALUES) -> bool:
        """Take out JSON that its reader would fail on, or take too long for; returns whether there was any.

        A text may hold JSON too: editors of data, selections in charts and tables, and buttons in tables send theirs so
        (Streamlit 1.67), and a text area whatever was typed. Streamlit hands whatever kind of value comes to the reader
        of the widget. So a text is only costed, and never replaced.

        Args:
            most: What all of it together may cost.

        Raises:
            TooCostly: The texts that begin as JSON does hold more than that.
        """
        spent, found = 0, False
        for widget in self.message.rerun_script.widget_states.widgets:
            kind = widget.WhichOneof("value")
            spent += _cost_of_text(_text_of(widget), most - spent, refused=self.cost + most)
            if kind not in {"json_value", "json_trigger_value"}:
                continue
            try:
                spent += json_cost.check(getattr(widget, kind), most=most - spent)
            except json_cost.Unreadable as error:
                spent += error.cost
                setattr(widget, kind, UNREADABLE)
                self._changed = found = True
        self.cost += most if found else spent
        return found

    @property
    def size(self) -> int:
        """How long it came, in bytes."""
        return len(self._raw)

    def merge_triggers(self, before: BackMessage) -> None:
        """Let this run also do what an earlier one, which it stands for, was to do: what was pressed there.

        As Streamlit puts two runs together that come at once (``coalesce_widget_states``, Streamlit 1.67).
        """
        asked, earlier = self.message.rerun_script, before.message.rerun_script
        fired = {widget.id for widget in asked.widget_states.widgets if widget.WhichOneof("value") in _FIRES}
        too = {
            widget.id: widget
            for widget in earlier.widget_states.widgets
            if widget.WhichOneof("value") in _FIRES and widget.id not in fired
        }
        self.fired |= before.fired
        others = [own for own in asked.widget_states.widgets if own.id not in too]
        del asked.widget_states.widgets[:]
        asked.widget_states.widgets.extend([*others, *too.values()])
        if asked.fragment_id != earlier.fragment_id:
            asked.ClearField("fragment_id")
        self._changed = True

    def drop_cached_hashes(self) -> None:
        """Have everything sent whole: a message the browser has cached would come without the addresses in it."""
        self.message.rerun_script.ClearField("cached_message_hashes")
        self._changed = True

    def bytes(self) -> bytes:
        """As it goes on to Streamlit: the very bytes that came, unless something was taken out."""
        return self.message.SerializeToString() if self._changed else self._raw


def parse(data: bytes | None, *, max_bytes: int = MAX_MESSAGE_BYTES) -> BackMessage:
    """Read a browser's message (None: it was text); raises ``Malformed`` for anything but those allowed."""
    if data is None or len(data) > max_bytes:
        raise Malformed("text" if data is None else "too long")
    message = BackMsg()
    try:
        cost = FIELD_COST * count_fields(data, BackMsg.DESCRIPTOR, most=MAX_FIELDS)
        message.ParseFromString(data)
    except (DecodeError, TooManyFields):
        raise Malformed("not a message, or one of very many parts", MAX_VALUES) from None
    kind = message.WhichOneof("type")
    if kind == "backend_operation_request":
        asked = message.backend_operation_request
        if asked.WhichOneof("payload") not in ALLOWED_OPERATIONS or not asked.request_id:
            raise Malformed("an operation that is not allowed", cost)
    elif kind not in ALLOWED:
        raise Malformed("a kind of message that is not allowed", cost)
    widgets = message.rerun_script.widget_states.widgets
    if len(widgets) > MAX_WIDGETS or sum(widget.WhichOneof("value") in _FIRES for widget in widgets) > MAX_PRESSED:
        raise Malformed("too many widgets", cost)
    sent = BackMessage(message, data)
    sent.cost = cost
    sent.fired = _fired(widgets)
    if sent.fragment == CATCH_UP:
        sent.is_catch_up = True
        sent.run_all()
    return sent


def timed_fragment(data: bytes) -> str:
    """The id of the fragment that a browser asks a run of by itself: because of a timer, or as ``ask_for_run`` has it.

    "" for any other message, and for a long one with a timer, which is not read for this.
    """
    if is_catch_up(data):
        return CATCH_UP
    message = BackMsg()
    if len(data) > SHORT_BYTES:
        return ""
    try:
        message.ParseFromString(data)
    except DecodeError:
        return ""
    return message.rerun_script.fragment_id if message.rerun_script.is_auto_rerun else ""


def is_catch_up(data: bytes) -> bool:
    """Whether it is the browser's answer to ``ask_for_run``, found without reading it, however long it is."""
    return _CATCH_UP_FIELD in data


def _text_of(widget: WidgetState) -> str:
    """What a widget's reader may take for JSON without being known to hold any: text, or bytes. "" for none."""
    match widget.WhichOneof("value"):
        case "string_value":
            return widget.string_value
        case "string_trigger_value":
            return widget.string_trigger_value.data
        case "bytes_value":
            data = widget.bytes_value  # decoded as `json.loads` decodes it
            return data.decode(json.detect_encoding(data), "replace")
    return ""


def _cost_of_text(text: str, most: int, *, refused: int) -> int:
    """What a text would cost a reader of JSON. Raises ``TooCostly`` above ``most``, of the cost ``refused``."""
    if not _JSON_BEGINS.match(text):
        return 0
    try:
        return json_cost.estimate(text, most=most)
    except json_cost.Unreadable:
        raise TooCostly(
            "This page sent too many values at once, and they were not accepted. Load the page again, and send less.",
            refused,
        ) from None


def is_readable(text: str, *, most: int = MAX_VALUES) -> bool:
    """Whether a reader of JSON comes to an end with ``text``, soon: see ``component.protocol.json_cost``.

    Streamlit (1.67) reads it before any script runs, and shows an error page where its reader raises.
    """
    try:
        json_cost.check(text, most=most)
    except json_cost.Unreadable:
        return False
    return True


def _fired(widgets: Iterable[WidgetState]) -> frozenset[str]:
    """The names of all triggers that components fire; one "" where they are longer in all than ours ever are.

    Read once, with the message: a long one off the event loop.
    """
    ours = [w.json_trigger_value for w in widgets if w.id.startswith(_TRIGGER) and w.id.endswith(_TRIGGERS)]
    texts = [text for text in ours if text and text != "null"]
    if sum(map(len, texts)) > MAX_TRIGGER_CHARACTERS:
        return frozenset({""})
    return frozenset(name for text in texts for name in _names(text))


def _names(text: str) -> set[str]:
    """The names of the triggers in this JSON."""
    if not is_readable(text):
        return {""}
    fired = json.loads(text)
    listed = fired if isinstance(fired, list) else [fired]
    events = [one.get("event") if isinstance(one, dict) else None for one in listed]
    return {event if isinstance(event, str) else "" for event in events or [None]}


def rerun_like(last: BackMessage) -> BackMessage:
    """A run of the page a tab is on, as its browser would ask for it: no widget changes, no fragment, all anew."""
    asked, message = last.message.rerun_script, BackMsg()
    message.rerun_script.query_string = asked.query_string
    message.rerun_script.page_script_hash = asked.page_script_hash
    message.rerun_script.page_name = asked.page_name
    if asked.HasField("context_info"):
        message.rerun_script.context_info.CopyFrom(asked.context_info)
    return BackMessage(message, message.SerializeToString())


def go_to(address: str) -> bytes:
    """Send the browser to another address of this app."""
    message = ForwardMsg()
    message.auth_redirect.url = address
    return message.SerializeToString()


def ask_for_run() -> bytes:
    """Have the browser itself ask for a run of its page, with what its user has typed there.

    Nothing asks for that directly. A front end (Streamlit 1.67) that is told of a fragment with a timer asks for its
    runs, until a run of the whole page begins, which is what ``parse`` makes of it.
    """
    message = ForwardMsg()
    message.auto_rerun.interval, message.auto_rerun.fragment_id = _CATCH_UP_SECONDS, CATCH_UP
    return message.SerializeToString()


def stop() -> bytes:
    """As if the browser had asked for its run to be stopped."""
    message = BackMsg()
    message.stop_script = True
    return message.SerializeToString()


def mark(*, run_on_save: bool) -> tuple[bytes, bytes]:
    """Two messages that make Streamlit set a mark in what it sends; ``run_on_save``: its option as it is.

    The option is changed and changed back. Streamlit (1.67) answers each at once, with a ``session_status_changed``, of
    the few messages that the beginning of a run leaves in its queue. A browser may send neither.
    """
    return (
        BackMsg(set_run_on_save=not run_on_save).SerializeToString(),
        BackMsg(set_run_on_save=run_on_save).SerializeToString(),
    )


def covering(*, covered: bool, channel: str) -> bytes:
    """Cover the page, or uncover it: our component (``component.auth0``), drawn where Streamlit shows its messages.

    A run that draws the whole page takes it away again. ``channel``: as ``Cookies.tabs``.
    """
    message = ForwardMsg()
    message.metadata.delta_path.extend((RootContainer.EVENT, 0))
    drawn = message.delta.new_element.bidi_component
    drawn.id = "gatehouse-cover"
    drawn.component_name, drawn.js_source_path, drawn.isolate_styles = COMPONENT, COMPONENT_SOURCE, True
    drawn.json = json.dumps({"returnTo": "/", "account": None, "tabs": channel, "covered": covered})
    return message.SerializeToString()


def refusal(operation: str) -> bytes:
    """The answer to an operation that is not done."""
    message = ForwardMsg()
    message.backend_operation_response.request_id = operation
    message.backend_operation_response.error_msg = "This is no longer offered to you. Reload the page."
    return message.SerializeToString()


def error_dialog(reason: str) -> bytes:
    """Tell the user, in a dialog of Streamlit's own, why what was sent was not taken."""
    message = ForwardMsg()
    message.session_event.script_compilation_exception.type = "Not accepted"
    message.session_event.script_compilation_exception.message = reason
    return message.SerializeToString()


def read(data: bytes) -> ForwardMsg | None:
    """A message to the browser; None for what is none."""
    message = ForwardMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return message


def media_in(data: bytes) -> set[str]:
    """Ids of the media whose addresses stand anywhere in a message to the browser, in text of the app too.

    Streamlit and its components put them into fields of their own, into markdown, HTML, arguments and tables.
    """
    return {found.decode() for found in _MEDIA_BYTES.findall(data)} if _MEDIA_PREFIX in data else set()


def delivered_file(message: ForwardMsg) -> str | None:
    """The id of the media that a deferred download has made; None for any other message."""
    return media_id_of(message.backend_operation_response.deferred_file.url)


def pages_in(message: ForwardMsg) -> dict[str, str]:
    """The pages of a navigation: a page's hash → its path, with the slash."""
    return {page.page_script_hash: f"/{page.url_pathname}" for page in message.navigation.app_pages}


def deferred_in(message: ForwardMsg) -> str:
    """The id of the deferred download that a message offers to the browser; "" for none."""
    offers = message.WhichOneof("type") == "delta"
    return message.delta.new_element.download_button.deferred_file_id if offers else ""


def widgets_in(message: ForwardMsg) -> Iterator[str]:
    """Ids of the widgets that a message shows to the browser."""
    if message.WhichOneof("type") == "delta":
        for name, text in _texts(message.delta):
            if name.endswith(".id") or name == "Dataframe.ButtonClickWidgetsEntry":
                yield text


def fragments_in(message: ForwardMsg) -> Iterator[str]:
    """Ids of the fragments that a message renders a part of, or has the browser run again by itself."""
    kind = message.WhichOneof("type")
    if kind == "delta" and message.delta.fragment_id:
        yield message.delta.fragment_id
    elif kind == "auto_rerun":
        yield message.auto_rerun.fragment_id


def dataframes_in(message: ForwardMsg) -> Iterator[str]:
    """Ids of the lazy dataframes that a message shows to the browser."""
    if message.WhichOneof("type") == "delta":
        yield from (text for name, text in _texts(message.delta) if name == "LazyDataframe.source_id")


def _widget_of(id_told: str) -> str:
    """The widget that an id in a browser's message belongs to: a component's triggers have ids made from its own."""
    return id_told.removeprefix(_TRIGGER).partition("__")[0] if id_told.startswith(_TRIGGER) else id_told


def _texts(message: Message) -> Iterator[tuple[str, str]]:
    """Every text in a message, with the full name of its field (of a map: of its kind of entry)."""
    for at, value in message.ListFields():
        if isinstance(value, str):
            yield at.full_name, value
        elif at.message_type is None:
            continue
        elif at.message_type.GetOptions().map_entry:
            yield from ((at.message_type.full_name, text) for text in value.values() if isinstance(text, str))
        else:
            for part in [value] if isinstance(value, Message) else value:
                yield from _texts(part)


def media_id_of(path: str) -> str | None:
    """The id in a media address; None for any other path."""
    found = _MEDIA.fullmatch(path)
    return found[1] if found else None


def upload_session_of(path: str) -> str | None:
    """The Streamlit session in an upload address; None for any other path."""
    found = _UPLOAD.fullmatch(path)
    return found[1] if found else None


def claimed_session(headers: HeaderList) -> str:
    """The Streamlit session that a handshake asks to come back to; "" for none."""
    return [*_protocols(headers), "", "", ""][2]


def without_claim(headers: HeaderList) -> RawHeaders:
    """The headers of a handshake that comes back to nothing: Streamlit begins a new session for it."""
    kept = [(name, value) for name, value in headers if name.lower() != _PROTOCOLS]
    protocols: Sequence[str] = _protocols(headers)[:2]
    return [*kept, (_PROTOCOLS, ", ".join(protocols).encode("latin-1"))] if protocols else kept


def _protocols(headers: HeaderList) -> list[str]:
    """What stands in the first such header, as Streamlit reads it."""
    for name, value in headers:
        if name.lower() == _PROTOCOLS:
            return [entry.strip() for entry in value.decode("latin-1").split(",")]
    return []
