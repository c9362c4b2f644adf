"""The handshakes of sockets: which are refused, how, and what Streamlit learns of those that are accepted."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from starlette.types import Message

from component.limits.admission import SocketLimits
from component.server.http_protocol import TOO_MANY_CONNECTIONS
from component.server.websocket_protocol import SOCKET_READER
from component.session.credentials import session_secret_hash
from component.socket.tab_state import TabState
from tests.component.socket.middleware_harness import middleware_over
from tests.signin import SignInWorld


def status(sent: list[Message]) -> int:
    """The status of the HTTP response that refuses a handshake; 101 for an accepted one."""
    return 101 if sent[0]["type"] == "websocket.accept" else int(sent[0]["status"])


def closed(code: int) -> list[Message]:
    """What the client receives where the server can only close a refused handshake."""
    return [{"type": "websocket.close", "code": code}]


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "localhost.evil.example:8501"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://localhost:9000"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_a_handshake_for_another_site_or_from_one_is_refused(
    installation: SignInWorld, headers: dict[str, str], refused: int
) -> None:
    harness = middleware_over(installation)
    client = harness.signed_in()
    assert status(harness.handshake(client, headers)) == refused
    assert harness.handshake(client, headers, can_refuse=False) == closed(1008)
    assert (harness.scopes, harness.admission.sockets) == ([], 0)
    assert status(harness.handshake(client)) == 101


def test_more_sockets_than_the_limit_are_refused_until_one_closes(installation: SignInWorld) -> None:
    harness = middleware_over(installation, limits=SocketLimits(sockets=1))
    client = harness.signed_in()
    slot = harness.admission.enter("198.51.100.1")
    sent = harness.handshake(client)
    assert status(sent) == 503
    assert (b"retry-after", b"5") in sent[0]["headers"]
    assert sent[1]["body"].decode() == TOO_MANY_CONNECTIONS
    assert harness.handshake(client, can_refuse=False) == closed(1013)
    slot.release()
    assert status(harness.handshake(client)) == 101
    assert harness.admission.sockets == 0


def test_more_sockets_of_a_person_than_the_limit_are_refused_from_any_address(installation: SignInWorld) -> None:
    harness = middleware_over(installation, limits=SocketLimits(per_person=1))
    ann, bob = harness.signed_in(), harness.signed_in("auth0|bob")
    slot = harness.admission.enter("198.51.100.1")
    slot.take(json.dumps(list(installation.subject())))
    assert status(harness.handshake(ann)) == 503
    assert harness.handshake(ann, can_refuse=False) == closed(1013)
    assert harness.admission.sockets == 1  # the refused ones count no longer
    assert status(harness.handshake(bob)) == 101
    slot.release()
    assert status(harness.handshake(ann)) == 101


def test_a_browser_with_a_secret_that_was_just_replaced_is_asked_to_try_again(installation: SignInWorld) -> None:
    """As an anonymous one it would lose its page. The response with the new cookie is on its way to it."""
    now = [100.0]
    harness = middleware_over(installation, monotonic=lambda: now[0])
    client = harness.anonymous()
    client.cookies[installation.cookies.session] = "x" * 43
    assert status(harness.handshake(client)) == 101  # a secret that was never one
    harness.tabs.record_new_secret(session_secret_hash("x" * 43))
    sent = harness.handshake(client)
    assert (status(sent), len(harness.scopes)) == (503, 2)
    assert (b"retry-after", b"5") in sent[0]["headers"]
    assert harness.handshake(client, can_refuse=False) == closed(1013)
    now[0] += 10.0
    assert status(harness.handshake(client)) == 101


def test_only_the_owner_of_a_streamlit_session_is_reattached_to_it(installation: SignInWorld) -> None:
    harness = middleware_over(installation)
    ann, bob = harness.signed_in(), harness.signed_in("auth0|bob")
    harness.tabs.owners.open_tab(harness.owner(ann)).record_session("page", TabState())
    protocols = []
    for client in (ann, bob):
        assert status(harness.handshake(client, {"sec-websocket-protocol": "streamlit, xsrf, page"})) == 101
        protocols.append(dict(harness.scopes[-1]["headers"])[b"sec-websocket-protocol"])
    assert protocols == [b"streamlit, xsrf, page", b"streamlit, xsrf"]


class FakeReader:
    """The receiving end of a socket, as the server provides it."""

    def __init__(self) -> None:
        self.gone = anyio.Event()
        self.allowed: list[dict[str, Any]] = []

    def allow(self, **limits: Any) -> None:
        self.allowed.append(limits)


def test_the_server_reads_longer_messages_of_signed_in_users_and_counts_them_for_their_person(
    installation: SignInWorld,
) -> None:
    harness = middleware_over(installation, limits=SocketLimits(message_bytes=2000, anonymous_message_bytes=1000))
    allowed = []
    for client in (harness.signed_in(), harness.anonymous()):
        reader = FakeReader()
        assert status(harness.handshake(client, extensions={SOCKET_READER: reader})) == 101
        allowed += reader.allowed
    assert allowed == [
        {"max_bytes": 2000, "client": f"person {json.dumps(list(installation.subject()))}"},
        {"max_bytes": 1000, "client": "address 203.0.113.7"},
    ]
