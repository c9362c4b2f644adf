"""A development secret that is lost or damaged: no other is made, no process starts, and messages name the fix."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.__main__ import main
from app.cli import dev
from app.core import installation_secret, settings_loading
from app.core.errors import ConfigurationError
from app.core.keyring import Keyring
from app.core.permissions import declare
from app.core.settings import ProcessKind, Settings
from app.core.state import default_folder
from app.core.variables import RETIRED, known_variables
from db import open_database
from tests.ports import free_port
from tests.stack import ROOT

COMMANDS = {
    "dev": ["dev", "--tenant-port", "{port}"],
    "serve": ["serve"],
    "migrate": ["migrate"],
    "people": ["people", "list"],
    "doctor": ["doctor"],
    "audit": ["audit", "verify"],
    "status": ["secret", "status"],
    "purge": ["purge"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    """The state folder of an installation that has written events with its secret; the tests begin beside it."""
    for name in (*known_variables(Settings), *RETIRED):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("GATEHOUSE_APP_BASE_URL", f"http://localhost:{free_port()}")
    monkeypatch.setenv("GATEHOUSE_REMOTE_API_BASE_URL", f"http://localhost:{free_port()}")
    monkeypatch.chdir(tmp_path)
    assert main(["migrate"]) == 0
    (tmp_path / "var" / "tenant").mkdir()
    (tmp_path / "var" / "tenant" / "client.json").write_text(
        '{"issuer": "http://localhost:9/", "audience": "a", "client_id": "c", "client_secret": "s"}'
    )
    settings = settings_loading.load(ProcessKind.CLI)
    database = open_database(settings, Keyring(settings.secrets))
    with database.unit_of_work() as unit:
        unit.switch_write_key(database.keyring.write_key)
        unit.commit()
    database.close()
    capsys.readouterr()
    yield tmp_path / "var"
    declare({}, {})


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main([word.format(port=free_port()) for word in arguments])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_makes_another_secret_for_the_one_that_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    def started(*_: object) -> None:
        pytest.fail("a process was started")

    monkeypatch.setattr(dev, "_start", started)
    (folder / "secret").unlink()
    status, text = printed(capsys, *COMMANDS[command])
    assert status == 2
    assert "The file var/secret with the secret of this installation is missing" in text
    assert "run: gatehouse secret replace --reason …" in text
    assert not (folder / "secret").exists()


@pytest.mark.parametrize("command", ["dev", "serve", "migrate", "people", "purge"])
def test_another_secret_is_refused_before_anything_starts_with_the_command_that_replaces_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    def started(*_: object) -> None:
        pytest.fail("a process was started")

    monkeypatch.setattr(dev, "_start", started)
    (folder / "secret").write_text("kJ8dW2mQ9xZ4vB7nR1tY6uH3pL5sG0aF-cE_iO")
    status, text = printed(capsys, *COMMANDS[command])
    assert status == 2
    assert "state in " not in text, "dev prints this where it starts to write"
    assert "If the secret from before is lost, stop every process and run: gatehouse secret replace --reason …" in text


def test_the_remote_api_makes_no_secret_either(folder: Path) -> None:
    (folder / "secret").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "remote_api", "--port", "0"],
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, "gatehouse secret replace --reason …" in done.stderr) == (1, True)
    assert not (folder / "secret").exists()


def test_the_command_of_the_message_replaces_it_and_everything_works_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "secret").unlink()
    _, text = printed(capsys, "people", "list")
    words = shlex.split(text.rpartition("run: gatehouse ")[2])
    assert words == ["secret", "replace", "--reason", "…"]
    status, text = printed(capsys, "secret", "replace", "--reason", "lost")
    assert (status, "Nothing was changed." in text) == (1, True)
    assert not (folder / "secret").exists(), "not confirmed, so nothing is made"
    assert printed(capsys, *words, "--yes")[0] == 0
    assert printed(capsys, "people", "list")[0] == 0


def test_a_damaged_secret_is_not_to_be_deleted_without_a_word_of_what_follows(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "secret").write_text("")
    status, text = printed(capsys, "people", "list")
    assert status == 2
    assert (
        "GATEHOUSE_SECRET: the file var/secret is damaged: put it back from a backup. If there is none, remove it; a "
        "database that was written with it then needs: gatehouse secret replace --reason …"
    ) in text


def test_a_crash_while_the_secret_is_made_leaves_none_or_a_complete_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException): ...

    def crash(*_: object) -> None:
        raise Crash

    file = tmp_path / "state" / "secret"
    for function in ("secrets.token_urlsafe", "os.fsync", "os.link"):
        with monkeypatch.context() as patched:
            patched.setattr(function, crash)
            with pytest.raises(Crash):
                installation_secret.development_secret(file)
        assert not file.exists()
    made = installation_secret.development_secret(file)
    assert (len(made), file.read_text(), file.stat().st_mode & 0o777) == (64, made, 0o600)
    assert sorted(path.name for path in file.parent.iterdir()) == [".gitignore", "secret"]


def test_of_two_processes_that_make_the_secret_at_once_both_use_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    other = "kJ8dW2mQ9xZ4vB7nR1tY6uH3pL5sG0aF-cE_iO"
    link = os.link

    def after_the_other(source: str, target: Path) -> None:
        file.write_text(other)
        link(source, target)

    monkeypatch.setattr("os.link", after_the_other)
    assert installation_secret.development_secret(file) == other
    assert {path.name for path in tmp_path.iterdir()} == {".gitignore", "secret"}


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_hard_links_keeps_the_secret_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.link", no_links)
    file = tmp_path / "secret"
    made = installation_secret.development_secret(file)
    assert (len(made), file.read_text(), file.stat().st_mode & 0o777) == (64, made, 0o600)
    assert installation_secret.development_secret(file) == made
    assert {path.name for path in tmp_path.iterdir()} == {".gitignore", "secret"}


def test_a_folder_that_takes_no_secret_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"The secret cannot be kept in .*: name another folder by"):
        installation_secret.development_secret(tmp_path / "file" / "secret")


def test_state_of_an_earlier_version_that_is_not_used_is_reported_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.parent / "shop").mkdir()
    script = folder.parent / "shop" / "app.py"
    script.write_text("import streamlit as st\n")
    sentence = (
        f"The folder var here is not used: the state of the hosted app is in {default_folder(script)}. To keep using "
        "the one in var, set GATEHOUSE_STATE=var.\n"
    )
    for arguments in (["serve", str(script)], ["migrate", str(script)]):
        assert printed(capsys, *arguments)[1].count(sentence) == 1
    assert printed(capsys, "migrate", str(script)) == (0, "The database is up to date.\n")
    assert "not used" not in printed(capsys, "people", "list", "--app", str(script))[1]
    other = folder.parent / "shop" / "other.py"
    other.touch()
    monkeypatch.setenv("GATEHOUSE_STATE", "var")
    assert printed(capsys, "migrate", str(other)) == (0, "The database is up to date.\n")
