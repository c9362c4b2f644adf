"""`make run`: all processes start, a banner is printed, and all stop; each fault is one plain sentence."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from tests.ports import free_port
from tests.stack import ROOT


def environment(folder: Path, **settings: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "GATEHOUSE_APP_BASE_URL": f"http://localhost:{free_port()}",
        "GATEHOUSE_REMOTE_API_BASE_URL": f"http://localhost:{free_port()}",
        **settings,
    }


@contextmanager
def running(folder: Path, env: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "app", "dev", *arguments],
        cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def read_until(process: subprocess.Popen[str], text: str, seconds: float = 90) -> str:
    output, deadline = "", time.monotonic() + seconds
    assert process.stdout is not None
    while text not in output:
        line = process.stdout.readline()
        assert line, output
        assert time.monotonic() < deadline, output
        output += line
    return output


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_everything_starts_and_stops_with_nothing_left_behind(tmp_path: Path, number: signal.Signals) -> None:
    tenant_port, env = free_port(), environment(tmp_path)
    ports = [
        tenant_port,
        *(int(env[name].rpartition(":")[2]) for name in ("GATEHOUSE_APP_BASE_URL", "GATEHOUSE_REMOTE_API_BASE_URL")),
    ]
    with running(tmp_path, env, "--tenant-port", str(tenant_port), "--no-sample-data") as process:
        output = read_until(process, "Ctrl-C stops everything.")
        assert "sample data" not in output
        assert env["GATEHOUSE_APP_BASE_URL"] in output
        assert "Ada Okafor" in output
        assert "AUTH0_DOMAIN" in output
        assert all(map(listens, ports))
        assert requests.get(f"{env['GATEHOUSE_REMOTE_API_BASE_URL']}/readyz", timeout=10).status_code == 200
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
        ).stdout.split()
        assert len([child for child in children if alive(child)]) >= 3
        process.send_signal(number)
        process.wait(timeout=20)
        assert process.returncode == 0
    assert not any(map(listens, ports))
    assert not any(map(alive, children))
    with closing(sqlite3.connect(tmp_path / "var" / "gatehouse.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (0,)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "var").rglob("*") if path.is_file()}
    assert {name: mode for name, mode in modes.items() if mode != "0o600"} == {}


def test_a_second_start_finds_everything_as_it_was(tmp_path: Path) -> None:
    tenant_port, env = free_port(), environment(tmp_path)
    for added in (True, False):
        with running(tmp_path, env, "--tenant-port", str(tenant_port)) as process:
            output = read_until(process, "Ctrl-C stops everything.")
            assert ("sample data: the database was empty, so the 7 people" in output) is added
            assert "starting local tenant" in output
            assert "Ada Okafor" in output
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


def test_a_real_tenant_half_configured_is_one_list_before_anything_starts(tmp_path: Path) -> None:
    env = environment(tmp_path, AUTH0_DOMAIN="acme.eu.auth0.com")
    with running(tmp_path, env) as process:
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    for name in ("AUTH0_AUDIENCE", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"):
        assert f"{name} is required" in output
    assert "starting" not in output


def test_a_taken_port_is_one_plain_sentence(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env["GATEHOUSE_APP_BASE_URL"] = f"http://localhost:{port}"
        with running(tmp_path, env, "--tenant-port", str(free_port())) as process:
            output = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    assert f"Port {port} is taken, and the app needs it" in output
    assert "Traceback" not in output


def test_a_database_from_a_newer_version_is_one_plain_sentence(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with running(tmp_path, env, "--tenant-port", str(free_port())) as process:
        read_until(process, "starting")
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    file = tmp_path / "var" / "gatehouse.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with running(tmp_path, env, "--tenant-port", str(free_port())) as process:
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    assert "newer version of Gatehouse" in output
    assert "Traceback" not in output


def test_a_child_process_that_ends_stops_all_others(tmp_path: Path) -> None:
    env = environment(tmp_path, GATEHOUSE_TOKEN_LEEWAY_SECONDS="30")
    tenant_port = free_port()
    with running(tmp_path, env, "--tenant-port", str(tenant_port)) as process:
        read_until(process, "Ctrl-C stops everything.")
        listed = subprocess.run(
            ["pgrep", "-P", str(process.pid), "-f", "remote_api"], capture_output=True, text=True, check=True
        ).stdout.split()
        os.kill(int(listed[0]), signal.SIGKILL)
        output = process.communicate(timeout=30)[0]
    assert process.returncode == 2
    assert "remote API stopped by itself" in output
    assert not listens(tenant_port)


def make(folder: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "Makefile", folder)
    env = {"PATH": path or os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_make_without_a_supported_python_is_one_plain_sentence(tmp_path: Path) -> None:
    done = make(tmp_path, "run", "PYTHON=")
    assert done.returncode == 2
    assert "Gatehouse needs Python 3.11, 3.12 or 3.13" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_make_lists_its_targets(tmp_path: Path) -> None:
    output = re.sub(r"\x1b\[\d+m", "", make(tmp_path).stdout)
    assert "make run " in output
    assert "make test " in output


def test_a_broken_environment_is_made_again(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").write_text("garbage")
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text("")
    done = make(tmp_path, ".venv/.made")
    assert done.returncode == 0, done.stdout + done.stderr
    python = tmp_path / ".venv" / "bin" / "python"
    assert subprocess.run([python, "-c", "print(1)"], capture_output=True, text=True, check=True).stdout == "1\n"
