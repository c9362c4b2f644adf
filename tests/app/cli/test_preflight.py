"""``gatehouse dev`` and ``serve`` refuse a start before they write anything or start a process."""

from __future__ import annotations

import re
import socket
import sqlite3
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.__main__ import main
from app.cli import preflight
from app.core.permissions import declare
from app.core.settings import Settings
from app.core.variables import RETIRED, known_variables
from tests.ports import free_port
from tests.stack import ROOT

Prepare = Callable[[Path, pytest.MonkeyPatch], str | None]
PROCESS_EVENTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.spawn", "os.system"}
_watching: list[list[str]] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    for events in _watching:
        if event in PROCESS_EVENTS:
            events.append(event)
        if event in {"os.mkdir", "sqlite3.connect"} and "mode=ro" not in str(arguments[0]):
            events.append(f"{event} {arguments[0]}")


sys.addaudithook(_audit)  # it cannot be removed, and does nothing outside of a test of this module


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder, with ports that are free and no setting from outside."""
    for name in (*known_variables(Settings), *RETIRED):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("GATEHOUSE_APP_BASE_URL", f"http://localhost:{free_port()}")
    monkeypatch.setenv("GATEHOUSE_REMOTE_API_BASE_URL", f"http://localhost:{free_port()}")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    yield work
    declare({}, {})


def files_below(folder: Path) -> dict[str, bytes]:
    """Every path below ``folder``, with the content of a file and the mode of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else str(path.stat().st_mode).encode()
        for path in sorted(folder.rglob("*"))
    }


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Standard error of a command that refuses; nothing was written, and no process was started."""
    before = files_below(folder.parent)
    events: list[str] = []
    _watching.append(events)
    try:
        status = main(arguments)
    finally:
        _watching.remove(events)
    printed = capsys.readouterr()
    assert (status, events, printed.out) == (2, [], "")
    assert files_below(folder.parent) == before
    assert "Traceback" not in printed.err
    return printed.err


# --- What both commands refuse. Each function prepares it, and returns the script to serve, if any. ---
def missing_script(_: Path, __: pytest.MonkeyPatch) -> str:
    return "missing.py"


def script_that_is_none(folder: Path, _: pytest.MonkeyPatch) -> str:
    (folder / "app.txt").write_text("x")
    return "app.txt"


def pages_folder(folder: Path, _: pytest.MonkeyPatch) -> str:
    (folder / "pages").mkdir()
    return good_script(folder)


def bad_hosted_app_config(folder: Path, _: pytest.MonkeyPatch) -> str:
    (folder / "gatehouse.toml").write_text("[permissions\n")
    return good_script(folder)


def rows_without_navigation(folder: Path, _: pytest.MonkeyPatch) -> str:
    (folder / "gatehouse.toml").write_text('[pages]\n"/" = "signed-in"\n')
    return good_script(folder)


def wrong_setting(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_SESSION_IDLE_SECONDS", "soon")


def retired_setting(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("SESSION_IDLE_SECONDS=60\n")


def half_a_tenant(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH0_DOMAIN", "acme.eu.auth0.com")


def unsupported_streamlit(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "version", {"streamlit": "1.99.0"}.__getitem__)


def damaged_secret(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "var").mkdir()
    (folder / "var" / "secret").write_text("x")


def state_in_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("GATEHOUSE_STATE", str(folder / "file" / "state"))


def not_a_database_address(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", "mysql://x")


def damaged_database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "x.sqlite3").write_text("no database at all, " * 100)
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", f"sqlite:///{folder}/x.sqlite3")


def database_that_does_not_answer(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", f"postgresql://x:y@127.0.0.1:{free_port()}/x")


def newer_database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(folder / "x.sqlite3")) as connection:
        connection.executescript(
            "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('9999');"
            "CREATE TABLE people (id INTEGER)"
        )
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", f"sqlite:///{folder}/x.sqlite3")


def good_script(folder: Path) -> str:
    (folder / "main.py").write_text("import streamlit as st\nst.title('Shop')\n")
    return "main.py"


BOTH: list[tuple[Prepare, str]] = [
    (missing_script, r"missing\.py is not a Python file"),
    (script_that_is_none, r"app\.txt is not a Python file"),
    (pages_folder, r"/pages: Streamlit would serve this folder's scripts without any check"),
    (bad_hosted_app_config, r"gatehouse\.toml is not TOML"),
    (rows_without_navigation, r"nothing here calls st\.navigation"),
    (wrong_setting, r"GATEHOUSE_SESSION_IDLE_SECONDS: "),
    (retired_setting, r"SESSION_IDLE_SECONDS in \.env is not read: .* GATEHOUSE_SESSION_IDLE_SECONDS"),
    (half_a_tenant, r"AUTH0_CLIENT_ID is required"),
    (unsupported_streamlit, r"Streamlit 1\.99\.0 is installed, and this version of Gatehouse guards 1\.67 only"),
    (damaged_secret, r"GATEHOUSE_SECRET: the file var/secret is damaged"),
    (state_in_a_file, r"/file/state cannot be made or written"),
    (not_a_database_address, r"GATEHOUSE_DATABASE_URL must be SQLite or PostgreSQL"),
    (damaged_database, r"The database file is damaged"),
    (database_that_does_not_answer, r"database"),
    (newer_database, r"newer version of Gatehouse"),
]


@pytest.mark.parametrize("command", ["dev", "serve"])
@pytest.mark.parametrize(("prepare", "sentence"), BOTH, ids=[prepare.__name__ for prepare, _ in BOTH])
def test_a_refusal_comes_before_anything_is_written_or_started(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    prepare: Prepare,
    sentence: str,
    command: str,
) -> None:
    script = prepare(folder, monkeypatch)
    arguments = [command, *([script] if script is not None else [])]
    if command == "dev":
        arguments += ["--tenant-port", str(free_port())]
    assert re.search(sentence, refused(folder, capsys, *arguments))


@pytest.mark.parametrize("command", ["dev", "serve"])
def test_a_taken_port_is_refused_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("GATEHOUSE_APP_BASE_URL", f"http://localhost:{port}")
        more = ["--tenant-port", str(free_port())] if command == "dev" else []
        assert f"Port {port} is taken, and the app needs it" in refused(folder, capsys, command, *more)


def test_dev_refuses_tables_of_another_program(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "shop.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", f"sqlite:///{file}")
    for arguments in (["dev", "--tenant-port", str(free_port())], ["migrate"]):
        output = refused(folder, capsys, *arguments)
        assert "The database has the table orders of another program" in output


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("GATEHOUSE_ENV", "production", "is for development only"),
        ("GATEHOUSE_APP_BASE_URL", "https://localhost:8501", "GATEHOUSE_APP_BASE_URL must be plain http on localhost"),
        ("GATEHOUSE_APP_BASE_URL", "http://localhost", "GATEHOUSE_APP_BASE_URL must be plain http on localhost with a"),
        ("GATEHOUSE_REMOTE_API_BASE_URL", "http://[::1]:8888", "GATEHOUSE_REMOTE_API_BASE_URL must be plain http on"),
        ("GATEHOUSE_RATE_LIMIT_STORAGE", "nowhere://", "GATEHOUSE_RATE_LIMIT_STORAGE is no store"),
    ],
)
def test_dev_refuses_what_one_of_its_processes_would_refuse(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    sentence: str,
) -> None:
    monkeypatch.setenv(name, value)
    if value == "production":
        monkeypatch.setenv("GATEHOUSE_SECRET", "kJ8dW2mQ9xZ4vB7nR1tY6uH3pL5sG0aF-cE_iO")
        monkeypatch.setenv("GATEHOUSE_OIDC_ISSUER", "https://id.example/")
        for field in ("AUTH0_AUDIENCE", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"):
            monkeypatch.setenv(field, "x")
        for field in ("APP", "REMOTE_API"):
            monkeypatch.setenv(f"GATEHOUSE_{field}_BASE_URL", f"https://{field.lower()[-3:]}.example")
    assert sentence in refused(folder, capsys, "dev", "--tenant-port", str(free_port()))


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999999999"])
def test_dev_refuses_a_tenant_port_that_does_not_exist(
    folder: Path, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    output = refused(folder, capsys, "dev", "--tenant-port", port)
    assert f"The port of the local tenant must be between 1 and 65535, not {port}." in output


def test_dev_refuses_one_port_for_two(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    monkeypatch.setenv("GATEHOUSE_REMOTE_API_BASE_URL", f"http://localhost:{port}")
    output = refused(folder, capsys, "dev", "--tenant-port", str(port))
    assert f"Port {port} is meant for the local tenant and the remote API" in output


def test_dev_refuses_a_damaged_file_of_the_local_tenant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "var" / "tenant").mkdir(parents=True)
    (folder / "var" / "tenant" / "keys.json").write_text("{")
    output = refused(folder, capsys, "dev", "--tenant-port", str(free_port()))
    assert "The local tenant's file var/tenant/keys.json is damaged" in output


def test_serve_refuses_without_a_database_and_before_the_local_tenant_was_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "There is no database yet; run: gatehouse migrate" in refused(folder, capsys, "serve")
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", "sqlite://")
    assert "the local one was never started" in refused(folder, capsys, "serve")


def test_every_mistake_is_reported_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pages").mkdir()
    unsupported_streamlit(folder, monkeypatch)
    output = refused(folder, capsys, "dev", good_script(folder), "--tenant-port", "0")
    assert len(re.findall(r"^- ", output, re.MULTILINE)) == 3


def test_the_supported_streamlit_is_the_one_that_is_pinned() -> None:
    (pin,) = [
        line
        for line in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
        if re.match(r"streamlit\b(?!-)", line)
    ]
    assert pin == f"streamlit=={preflight.SUPPORTED_STREAMLIT}.*"
    assert preflight.streamlit_mistakes("1.67.3") == preflight.streamlit_mistakes("1.67") == []
    assert len(preflight.streamlit_mistakes("1.670.0")) == 1
