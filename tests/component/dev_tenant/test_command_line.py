"""``python -m component.dev_tenant`` in this process: refusals, addresses, signals and the end of its listeners."""

from __future__ import annotations

import errno
import os
import runpy
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvicorn

from component.dev_tenant import __main__ as command_line
from component.dev_tenant import tenant_of
from tests.ports import free_port

STARTED: list[tuple[uvicorn.Config, list[socket.socket]]] = []


@pytest.fixture(autouse=True)
def _own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the command changes in its process is as before afterwards; its server returns at once."""
    STARTED.clear()
    for name in ("GATEHOUSE_ENV", "GATEHOUSE_AUTH0_DOMAIN", "AUTH0_DOMAIN", "GATEHOUSE_OIDC_ISSUER", "GATEHOUSE_STATE"):
        monkeypatch.delenv(name, raising=False)

    def run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        STARTED.append((server.config, sockets))
        for listener in sockets:
            with socket.create_connection(listener.getsockname()[:2], timeout=5):
                pass  # it listens

    monkeypatch.setattr(uvicorn.Server, "run", run)
    logging = structlog.get_config()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    structlog.configure(**logging)
    for config, _ in STARTED:
        tenant_of(config.app).close()  # type: ignore[arg-type] # the app itself


def run_main(monkeypatch: pytest.MonkeyPatch, state: Path, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["tenant", "--state-dir", str(state), *arguments])
    return command_line.main()


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (
            ("--host", "192.0.2.1"),
            {},
            "The tenant only runs on this machine: --host must be localhost, 127.0.0.1 or ::1, not 192.0.2.1.",
        ),
        (("--port", "0"), {}, "The port must be between 1 and 65535, not 0."),
        (("--port", "65536"), {}, "The port must be between 1 and 65535, not 65536."),
        (
            ("--app-url", "https://app.example"),
            {},
            "The app's address must be on this machine (localhost, 127.0.0.1 or [::1]), not 'https://app.example'.",
        ),
        (
            (),
            {"GATEHOUSE_ENV": " Production "},
            "The development tenant never runs in production (GATEHOUSE_ENV=production): configure a real tenant.",
        ),
        *(
            (
                (),
                {name: "id.example"},
                f"The development tenant does not run beside a real tenant: {name} is set, so unset it first.",
            )
            for name in ("GATEHOUSE_AUTH0_DOMAIN", "AUTH0_DOMAIN", "GATEHOUSE_OIDC_ISSUER")
        ),
    ],
)
def test_a_refusal_is_one_sentence_and_the_status_2(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    environment: dict[str, str],
    sentence: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run_main(monkeypatch, tmp_path / "state", *arguments) == 2
    assert tuple(capsys.readouterr()) == ("", f"{sentence}\n")
    assert STARTED == []
    assert not (tmp_path / "state").exists()


def test_it_listens_until_its_server_returns(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port, state = free_port(), tmp_path / "state"
    for name in ("AUTH0_DOMAIN", "GATEHOUSE_ENV"):
        monkeypatch.setenv(name, "")  # as if not set
    arguments = ("--port", str(port), "--app-url", "http://localhost:8600/", "--audience", "https://api.example")
    assert run_main(monkeypatch, state, *arguments) == 0
    ((config, listeners),) = STARTED
    assert (config.access_log, config.server_header, config.proxy_headers, config.ws) == (False, False, False, "none")
    tenant = tenant_of(config.app)  # type: ignore[arg-type] # the app itself
    assert tenant.config.issuer == f"http://localhost:{port}/"
    assert (tenant.config.app_url, tenant.config.audience) == ("http://localhost:8600", "https://api.example")
    assert tuple(capsys.readouterr()) == (
        f"The development tenant is at http://localhost:{port}/ for http://localhost:8600 (state in {state}).\n",
        "",
    )
    assert [listener.fileno() for listener in listeners] == [-1] * len(listeners), "all are closed"
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))


def test_a_signal_that_the_server_raises_again_does_not_end_the_process_with_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run_main(monkeypatch, tmp_path / "state", "--port", str(free_port())) == 0
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.raise_signal(number)  # uvicorn does so once its server has stopped


def test_the_listeners_are_closed_when_the_server_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = uvicorn.Server.run

    def fail(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        run(server, sockets)
        raise RuntimeError("the server failed")

    monkeypatch.setattr(uvicorn.Server, "run", fail)
    with pytest.raises(RuntimeError, match="the server failed"):
        run_main(monkeypatch, tmp_path / "state", "--port", str(free_port()))
    ((_, listeners),) = STARTED
    assert {listener.fileno() for listener in listeners} == {-1}


def refuse_address(monkeypatch: pytest.MonkeyPatch, refused: str, number: int) -> list[socket.socket]:
    """Let ``bind`` fail for one address; returns the sockets of which it was called."""
    bind, sockets = socket.socket.bind, list[socket.socket]()

    def bind_others(listener: socket.socket, address: Any) -> None:
        sockets.append(listener)
        if address[0] == refused:
            raise OSError(number, os.strerror(number))
        bind(listener, address)

    monkeypatch.setattr(socket.socket, "bind", bind_others)
    return sockets


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_on_either_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    port = free_port()
    sockets = refuse_address(monkeypatch, address, errno.EADDRINUSE)
    assert run_main(monkeypatch, tmp_path / "state", "--port", str(port)) == 2
    sentence = f"Port {port} is taken: stop what uses it, or choose another with --port.\n"
    assert tuple(capsys.readouterr()) == ("", sentence)
    assert [each.fileno() for each in sockets] == [-1] * (1 if address == "127.0.0.1" else 2), "all are closed"
    assert STARTED == []


def test_a_port_that_another_process_listens_on_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run_main(monkeypatch, tmp_path / "state", "--port", str(port)) == 2
    assert capsys.readouterr().err.startswith(f"Port {port} is taken: ")


def test_a_machine_without_ipv6_is_served_on_ipv4(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuse_address(monkeypatch, "::1", errno.EADDRNOTAVAIL)
    assert run_main(monkeypatch, tmp_path / "state", "--port", str(free_port())) == 0
    ((_, listeners),) = STARTED
    assert [listener.family for listener in listeners] == [socket.AF_INET]


def test_a_kernel_without_ipv6_is_served_on_ipv4(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class WithoutIPv6(socket.socket):
        def __init__(self, family: int = -1, *arguments: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
            super().__init__(family, *arguments)

    monkeypatch.setattr(socket, "socket", WithoutIPv6)
    assert run_main(monkeypatch, tmp_path / "state", "--port", str(free_port())) == 0
    ((_, listeners),) = STARTED
    assert [listener.family for listener in listeners] == [socket.AF_INET]


def test_an_address_that_cannot_be_used_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse_address(monkeypatch, "127.0.0.1", errno.EACCES)
    assert run_main(monkeypatch, tmp_path / "state", "--port", "80") == 2
    assert capsys.readouterr().err == (
        "127.0.0.1:80 cannot be used (Permission denied): stop what uses it, or choose another with --port.\n"
    )


def test_the_module_exits_with_the_status_of_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["tenant", "--state-dir", str(tmp_path / "state"), "--port", "0"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(command_line.__file__), run_name="__main__")
    assert caught.value.code == 2
