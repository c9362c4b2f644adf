"""The examples of ``docs/api.md`` are answered as it says, by the real API over HTTP."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest
import requests
from werkzeug.serving import make_server

from tests.issuer import Issuer
from tests.ports import free_port
from tests.remote_api.world import Caller, administrator, api_world
from tests.stack import ROOT

DOCUMENT: Final = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES: Final = re.findall(r"^```sh\n# (\d{3})\n(curl .*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)


class RunningApi(NamedTuple):
    """An API that listens, and an administrator of it."""

    address: str
    admin: Caller


@pytest.fixture(scope="module")
def running_api() -> Iterator[RunningApi]:
    port = free_port()
    address = f"http://localhost:{port}"
    with Issuer() as issuer:
        world = api_world(issuer, remote_api_base_url=address)
        admin = administrator(world)
        world.person("auth0|bob")
        server = make_server("localhost", port, world.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield RunningApi(address, admin)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            world.close()


def send(command: str, known: dict[str, str]) -> requests.Response:
    """What curl would send for ``command``, of which only the options that the document uses are understood."""
    for name, value in known.items():
        command = command.replace(f"${name}", value)
    words = shlex.split(command.replace("\\\n", " "))
    assert words.pop(0) == "curl"
    method, address, headers, in_query = "GET", "", {}, False
    query: list[tuple[str, str]] = []
    data: bytes | None = None
    rest: Any = iter(words)
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-G":
            in_query = True
        elif word == "--data-urlencode":
            name, _, value = next(rest).partition("=")
            query.append((name, value))
        elif word == "-d":
            data = next(rest).encode()
        else:
            assert word.startswith("http"), f"the test does not know what curl makes of {word}"
            address = word
    assert in_query or not query
    return requests.request(method, address, headers=headers, params=query, data=data, timeout=10)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == DOCUMENT.count("curl ") == 8


@pytest.mark.parametrize(
    ("status", "command"), EXAMPLES, ids=[command.split("/api/v1/")[1][:20] for _, command in EXAMPLES]
)
def test_an_example_is_answered_as_the_document_says(running_api: RunningApi, status: str, command: str) -> None:
    (bob,) = running_api.admin.get("/people", q="auth0|bob").json["people"]
    known = {
        "API": running_api.address,
        "TOKEN": running_api.admin.signed_in.token,
        "PERSON": str(bob["id"]),
        "VERSION": running_api.admin.get(f"/people/{bob['id']}").json["version"],
    }
    answer = send(command, known)
    assert answer.status_code == int(status), answer.text
    assert "RateLimit" in answer.headers
