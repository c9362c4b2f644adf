"""The upload limits of one Streamlit session, by number and by size, with failures on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from component.socket.upload_limits import (
    MAX_TOTAL_UPLOAD_BYTES,
    MAX_UPLOAD_BYTES,
    MAX_UPLOADS,
    Uploads,
    forward_upload,
)
from component.socket.upload_totals import UploadTotals

PATH = "/_stcore/upload_file/session/file"


def ask(
    uploads: Uploads,
    method: str,
    path: str = PATH,
    *,
    size: object = 10,
    status: int = 204,
    more_headers: Sequence[tuple[bytes, bytes]] = (),
) -> int:
    """The response of the middleware when the app answers ``status``; 0 stands for an app that fails."""
    answers: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if not status:
            raise RuntimeError
        await PlainTextResponse("", status)(scope, receive, send)

    async def send(message: Message) -> None:
        answers.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [] if size is None else [(b"content-length", str(size).encode())]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": [*headers, *more_headers]}
    try:
        asyncio.run(forward_upload(app, scope, receive, send, uploads))
    except RuntimeError:
        return 0
    return int(answers[0]["status"])


def test_the_number_of_files_is_limited_until_one_is_removed() -> None:
    uploads = Uploads()
    assert {ask(uploads, "PUT", f"{PATH}-{number}") for number in range(MAX_UPLOADS)} == {204}
    assert ask(uploads, "PUT", f"{PATH}-one-more") == 413
    assert ask(uploads, "PUT", f"{PATH}-0") == 204, "in place of the one that is there"
    assert ask(uploads, "DELETE", f"{PATH}-0") == 204
    assert ask(uploads, "PUT", f"{PATH}-one-more") == 204


def test_the_size_of_all_files_is_limited() -> None:
    uploads = Uploads()
    assert ask(uploads, "PUT", f"{PATH}-1", size=MAX_UPLOAD_BYTES - 5) == 204
    assert ask(uploads, "PUT", f"{PATH}-2", size=6) == 413
    assert ask(uploads, "PUT", f"{PATH}-2", size=5) == 204


@pytest.mark.parametrize("size", [None, "", "-1", "1e3", "many"])
def test_an_upload_without_a_size_is_refused(size: object) -> None:
    uploads = Uploads()
    assert ask(uploads, "PUT", size=size) == 411
    assert not uploads.sizes


@pytest.mark.parametrize("other", [(b"Content-Length", b"10"), (b"transfer-encoding", b"chunked")])
def test_an_upload_of_ambiguous_length_is_refused(other: tuple[bytes, bytes]) -> None:
    """Two servers may read different bodies (RFC 9112 §6.3)."""
    uploads = Uploads()
    assert ask(uploads, "PUT", more_headers=[other]) == 400
    assert not uploads.sizes


@pytest.mark.parametrize("status", [400, 413, 0])
def test_refused_uploads_do_not_count(status: int) -> None:
    uploads = Uploads()
    ask(uploads, "PUT", status=status)
    assert not uploads.sizes
    ask(uploads, "PUT", size=7)
    ask(uploads, "PUT", size=9, status=status)
    assert uploads.sizes == {PATH: 7}


def test_a_file_that_is_not_removed_still_counts() -> None:
    uploads = Uploads()
    ask(uploads, "PUT")
    assert ask(uploads, "DELETE", status=403) == 403
    assert ask(uploads, "OPTIONS") == 204
    assert uploads.sizes == {PATH: 10}


@pytest.mark.parametrize("status", [204, 500])
def test_no_more_is_accepted_than_was_declared(status: int) -> None:
    """For example by a server that follows ``Transfer-Encoding`` beside a Content-Length."""
    uploads, answers = Uploads(), list[Message]()
    taken = arrived = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal taken
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            taken += len(message["body"])
        if status == 500:
            raise RuntimeError
        await PlainTextResponse("", status)(scope, receive, send)

    async def send(message: Message) -> None:
        answers.append(message)

    async def receive() -> Message:
        nonlocal arrived
        arrived += 5
        return {"type": "http.request", "body": b"x" * 5, "more_body": arrived < 100}

    scope: dict[str, Any] = {"type": "http", "method": "PUT", "path": PATH, "headers": [(b"content-length", b"12")]}
    asyncio.run(forward_upload(app, scope, receive, send, uploads))
    assert taken == 10
    assert answers[0]["status"] == 400
    assert not uploads.sizes


def test_all_sessions_of_a_process_share_a_limit() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("", 204)(scope, receive, send)

    def request(kept: int) -> int:
        totals = UploadTotals()
        totals.add("another", Uploads({"/_stcore/upload_file/another/file": kept}))
        answers: list[Message] = []

        async def send(message: Message) -> None:
            answers.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope: dict[str, Any] = {"type": "http", "method": "PUT", "path": PATH, "headers": [(b"content-length", b"5")]}
        asyncio.run(forward_upload(app, scope, receive, send, Uploads(), make_room=totals.make_room))
        return int(answers[0]["status"])

    assert request(MAX_TOTAL_UPLOAD_BYTES - 5) == 204
    assert request(MAX_TOTAL_UPLOAD_BYTES - 4) == 503
