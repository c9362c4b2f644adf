"""Bodies of requests within a limit, whatever length they declare."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from component.http.request_bodies import MAX_BODY_BYTES, BoundedBody, ambiguous, declared_bytes, refusal

LENGTH, TRANSFER = b"Content-Length", b"transfer-encoding"


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        ([(LENGTH, b"12")], 12),
        ([(b"content-length", b" 12 ")], 12),
        ([(LENGTH, b"9" * 20)], 99_999_999_999_999_999_999),
        ([(LENGTH, b"9" * 21)], None),
        ([(LENGTH, b"-1")], None),
        ([(LENGTH, b"")], None),
        ([(LENGTH, b"12"), (LENGTH, b"12")], None),
        ([(b"other", b"12")], None),
        ([], None),
    ],
)
def test_the_declared_length(headers: list[tuple[bytes, bytes]], size: int | None) -> None:
    assert declared_bytes(headers) == size


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], None),
        ([(LENGTH, b"12")], None),
        ([(TRANSFER, b"chunked")], None),
        ([(LENGTH, b"12"), (LENGTH, b"12")], 400),
        ([(LENGTH, b"12"), (TRANSFER, b"chunked")], 400),
        ([(LENGTH, str(MAX_BODY_BYTES).encode())], None),
        ([(LENGTH, str(MAX_BODY_BYTES + 1).encode())], 413),
        ([(LENGTH, b"many")], 413),
    ],
)
def test_which_body_is_refused(headers: list[tuple[bytes, bytes]], status: int | None) -> None:
    response = refusal(headers)
    assert (None if response is None else response.status_code) == status
    assert (ambiguous(headers) is not None) == (status == 400)
    if response is not None:
        sentence = b"The length of the body is ambiguous.\n" if status == 400 else b"The body is too large.\n"
        assert (response.body, response.headers["connection"]) == (sentence, "close")


def test_the_limit_can_be_another() -> None:
    assert MAX_BODY_BYTES == 65_536
    assert refusal([(LENGTH, b"10")], max_bytes=10) is None
    assert refusal([(LENGTH, b"11")], max_bytes=10) is not None


def received(body: list[bytes], max_bytes: int) -> tuple[list[Any], BoundedBody]:
    """The messages that the app gets, one more than there are parts."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    messages.append({"type": "http.disconnect"})
    waiting = iter(messages)

    async def receive() -> Any:
        return next(waiting)

    bounded = BoundedBody(receive, max_bytes)

    async def run() -> list[Any]:
        return [await bounded.receive() for _ in messages]

    return asyncio.run(run()), bounded


def test_a_body_within_the_limit_arrives() -> None:
    messages, bounded = received([b"abc", b"de"], 5)
    assert [message.get("body") for message in messages] == [b"abc", b"de", None]
    assert not bounded.exceeded


def test_beyond_the_limit_the_client_is_gone() -> None:
    messages, bounded = received([b"abc", b"def", b"g"], 5)
    assert messages[0]["body"] == b"abc"
    assert messages[1:] == [{"type": "http.disconnect"}] * 3
    assert bounded.exceeded
