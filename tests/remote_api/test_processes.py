"""The API as a process: the development server, gunicorn, what each says when it cannot begin, and what it loads."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from db import SchemaState, current_state, migrate
from tests.issuer import Issuer, SigningKey
from tests.ports import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
SECRET = "cK3vX9mQ2pL7rT5wY8zB4nD6fG1hJ0sA-uE_iO"
Start = Callable[..., "subprocess.Popen[str]"]


def environment(issuer: Issuer, database: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "GATEHOUSE_OIDC_ISSUER": issuer.url,
        "AUTH0_AUDIENCE": issuer.audience,
        "GATEHOUSE_DATABASE_URL": f"sqlite:///{database}",
        "GATEHOUSE_SECRET": SECRET,
        **more,
    }


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def run(*arguments: str, env: dict[str, str]) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments], cwd=tmp_path, env=env, text=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
            stack.callback(_end, process)
            return process

        yield run


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=10)


def get(port: int, path: str, token: str | None = None) -> requests.Response:
    """Ask until the process listens."""
    headers = {"Connection": "close"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def responses() -> list[requests.Response]:
        with suppress(requests.ConnectionError):
            return [requests.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=10)]
        return []

    return wait_until(responses, within_seconds=30)[0]


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors


def test_it_accepts_the_tokens_of_the_configured_issuer_and_no_others(start: Start, tmp_path: Path) -> None:
    port, database = free_port(), tmp_path / "fresh" / "gatehouse.sqlite3"
    with Issuer() as issuer, Issuer(keys=[SigningKey("key-0", number=5)]) as other:
        process = start("remote_api", "--port", str(port), env=environment(issuer, database))
        assert get(port, "/healthz").status_code == 200
        assert get(port, "/readyz").status_code == 200
        good = issuer.access_token()
        answer = get(port, "/api/pong", good)
        assert (answer.status_code, answer.headers["Server"]) == (200, "Gatehouse")
        assert get(port, "/api/pong-scoped", good).status_code == 200
        assert get(port, "/api/v1/reports/usage", good).status_code == 403
        for foreign in (
            other.access_token(),
            other.access_token(iss=issuer.url),
            issuer.access_token(aud="https://elsewhere.test/"),
            None,
        ):
            assert get(port, "/api/pong", foreign).status_code == 401
        get(port, f"/api/pong?access_token={good}")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code, errors = ended(process)
        assert code == 0
        assert time.monotonic() - began < 3
        assert good not in errors
        assert "Traceback" not in errors
    assert current_state(f"sqlite:///{database}") is SchemaState.CURRENT


def test_gunicorn_serves_it(start: Start, tmp_path: Path) -> None:
    port, database = free_port(), tmp_path / "gatehouse.sqlite3"
    migrate(f"sqlite:///{database}")
    with Issuer() as issuer:
        process = start(
            "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "2", "remote_api.wsgi:application",
            env=environment(issuer, database),
        )  # fmt: skip
        token = issuer.access_token()
        assert get(port, "/api/pong", token).status_code == 200
        answer = get(port, "/api/pong")
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="gatehouse"')
        assert answer.headers["Server"] == "Gatehouse", "neither the name nor the version of the server software"
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
            twice = f"Authorization: Bearer {token}\r\n" * 2
            raw.sendall(f"GET /api/pong HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{twice}\r\n".encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 400 ")
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0


def test_gunicorn_stops_with_the_reason_when_it_cannot_begin(start: Start, tmp_path: Path) -> None:
    with Issuer() as issuer:
        env = environment(issuer, tmp_path / "none.sqlite3")
        code, errors = ended(
            start("gunicorn", "--bind", f"127.0.0.1:{free_port()}", "remote_api.wsgi:application", env=env)
        )
    assert code != 0
    assert "There is no database yet" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "sentence"),
    [
        (["--host", "0.0.0.0"], {}, 2, "this machine only"),  # noqa: S104 - it is refused
        (["--host", "example.com"], {}, 2, "this machine only"),
        (
            [], {"GATEHOUSE_TOKEN_ALGORITHMS": "none", "GATEHOUSE_REMOTE_API_BASE_URL": "ftp://x"}, 2,
            "GATEHOUSE_TOKEN_ALGORITHMS",
        ),
        ([], {"GATEHOUSE_DATABASE_URL": "mysql://x"}, 2, "GATEHOUSE_DATABASE_URL"),
        (
            [],
            {"GATEHOUSE_ENV": "production", "GATEHOUSE_REMOTE_API_BASE_URL": "https://a.test",
             "GATEHOUSE_APP_BASE_URL": "https://b.test", "GATEHOUSE_OIDC_ISSUER": "https://c.test/"},
            2,
            "gunicorn remote_api.wsgi:application",
        ),
    ],
)  # fmt: skip
def test_a_failed_start_is_explained(
    start: Start, tmp_path: Path, arguments: list[str], changes: dict[str, str], code: int, sentence: str
) -> None:
    env = environment(Issuer(url="http://127.0.0.1:1/"), tmp_path / "x.sqlite3", **changes)
    status, errors = ended(start("remote_api", "--port", "0", *arguments, env=env))
    assert (status, "Traceback" in errors) == (code, False)
    assert sentence in errors
    if "GATEHOUSE_REMOTE_API_BASE_URL" in changes and "GATEHOUSE_ENV" not in changes:
        assert "GATEHOUSE_REMOTE_API_BASE_URL" in errors  # every mistake at once
    assert not (tmp_path / "x.sqlite3").exists()


def test_a_taken_port_is_one_sentence(start: Start, tmp_path: Path) -> None:
    env = environment(Issuer(url="http://127.0.0.1:1/"), tmp_path / "x.sqlite3")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, errors = ended(start("remote_api", "--port", str(port), env=env))
    assert (code, errors.count("\n")) == (1, 1)
    assert f"Port {port} on 127.0.0.1 is taken" in errors


def test_a_database_of_another_version_is_one_sentence(start: Start, tmp_path: Path) -> None:
    import sqlite3

    file = tmp_path / "newer.sqlite3"
    migrate(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    env = environment(Issuer(url="http://127.0.0.1:1/"), file)
    code, errors = ended(start("remote_api", "--port", "0", env=env))
    assert (code, errors.count("\n")) == (1, 1)
    assert "newer version" in errors
    empty = tmp_path / "empty.sqlite3"
    empty.touch()  # it exists, so the process does not migrate it
    code, errors = ended(start("remote_api", "--port", "0", env=environment(Issuer(url="http://127.0.0.1:1/"), empty)))
    assert (code, errors.count("\n")) == (1, 1)
    assert "migrate" in errors


def test_it_loads_neither_streamlit_nor_starlette() -> None:
    script = (
        "import sys, remote_api.wsgi\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'streamlit', 'starlette', 'pandas'}))"
    )
    env: dict[str, Any] = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True, cwd="/"
    )
    assert process.stdout.strip() == "[]"
