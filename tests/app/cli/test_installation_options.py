"""Every command names the hosted app as ``gatehouse serve`` does, and then works on the same database."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from app.__main__ import main
from app.cli import dev
from app.cli.command import InstallationCommand
from app.core import settings_loading
from app.core.command_text import command_text
from app.core.permissions import declare
from app.core.settings import ProcessKind, Settings
from app.core.state import default_folder
from app.core.variables import RETIRED, known_variables
from tests.app.cli.command_line import commands
from tests.ports import free_port

MORE = {
    "audit prune": ["--before", "2026-01-31"],
    "bootstrap-admin": ["--email", "ada@tests.example"],
    "grants add": ["--role", "viewer"],
    "grants release": ["--role", "viewer"],
    "grants revoke": ["--role", "viewer"],
    "people erase": ["--yes"],
    "roles delete": ["--yes"],
}
"""Arguments that a command needs beside its required ones."""


COMMANDS = {name: command for name, command in commands() if isinstance(command, InstallationCommand)}
OPENING = sorted(COMMANDS.keys() - {"dev", "serve", "migrate"})
"""The commands that need a database that is there."""


def words(command: str) -> list[str]:
    """``command`` with its required arguments."""
    arguments = command.split()
    for param in COMMANDS[command].params:
        if param.required and param.name != "before":
            arguments += ["x"] if isinstance(param, click.Argument) else [param.opts[0], "x"]
    return arguments + MORE.get(command, [])


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The script of a hosted app with permissions of its own; the working directory is another one."""
    for name in (*known_variables(Settings), *RETIRED):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "GATEHOUSE_OIDC_ISSUER": "http://127.0.0.1:9/",
        "AUTH0_AUDIENCE": "a",
        "AUTH0_CLIENT_ID": "c",
        "AUTH0_CLIENT_SECRET": "s",
        "GATEHOUSE_APP_BASE_URL": f"http://localhost:{free_port()}",
        "GATEHOUSE_REMOTE_API_BASE_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "shop").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    file = tmp_path / "shop" / "app.py"
    file.write_text("import streamlit as st\nst.title('Shop')\n")
    (tmp_path / "shop" / "gatehouse.toml").write_text('[roles]\nclerk = "Works at the counter."\n')
    yield file
    declare({}, {})


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out + captured.err


@pytest.mark.parametrize("command", OPENING)
def test_without_a_database_each_command_names_the_one_that_makes_it(
    script: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    status, output = printed(capsys, *words(command), "--app", str(script))
    assert status != 0
    assert f"There is no database yet; run: gatehouse migrate --app {script}" in output


@pytest.mark.parametrize("options_first", [True, False])
def test_the_command_of_the_message_makes_the_database_that_serve_and_all_others_use(
    script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options_first: bool
) -> None:
    status, output = printed(capsys, "serve", "../shop/app.py")
    assert status == 2
    named = re.search(r"There is no database yet; run: gatehouse (.*)$", output, re.MULTILINE)
    assert named is not None
    assert main(shlex.split(named[1])) == 0
    assert (default_folder(script) / "gatehouse.sqlite3").is_file()
    assert list((tmp_path / "work").iterdir()) == []  # nothing of another installation
    option = ["--app", "../shop/app.py"]
    arguments = [*option, "roles", "list"] if options_first else ["roles", "list", *option]
    status, output = printed(capsys, *arguments)
    assert (status, "clerk" in output) == (0, True)
    assert "ok    database" in printed(capsys, "doctor", "../shop/app.py")[1]
    assert "GATEHOUSE_APP" not in os.environ


def test_a_state_folder_is_named_the_same_way(script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "a state"
    status, output = printed(capsys, "people", "show", "x", "--app", str(script), "--state", str(state))
    assert f"run: gatehouse migrate --app {script} --state '{state}'\n" in output
    assert main(["migrate", str(script), "--state", str(state)]) == 0
    assert (state / "gatehouse.sqlite3").is_file()
    status, output = printed(
        capsys, "--app", str(script), "--state", str(state), "people", "list", "--state", "blocked"
    )
    assert (status, "0 in all" in output) == (0, True)
    assert "GATEHOUSE_STATE" not in os.environ


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"dev"}))
def test_another_script_than_that_of_the_other_processes_is_refused(
    script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    known = script.with_name("known.py")
    known.touch()
    monkeypatch.setenv("GATEHOUSE_APP", str(known))
    status, output = printed(capsys, *words(command), "--app", str(script))
    assert (status, f"GATEHOUSE_APP names {known}, and the command line {script}." in output) == (2, True)
    assert os.environ["GATEHOUSE_APP"] == str(known)
    assert not (script.parents[1] / "data").exists()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_path_that_is_not_a_script_and_two_scripts_are_refused(
    script: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert printed(capsys, *words(command), "--app", "none.py")[0] == 2
    if command in {"dev", "doctor", "migrate", "serve"}:
        status, output = printed(capsys, command, str(script), "--app", "none.py")
        assert (status, "The command line names two scripts" in output) == (2, True)
    assert not (script.parents[1] / "data").exists()


def test_the_banner_of_dev_names_the_options_for_other_commands(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_loading.read(ProcessKind.CLI, app=script)
    assert "Commands" not in dev.banner(settings, settings.issuer, settings.state_folder)
    monkeypatch.setenv("GATEHOUSE_APP", str(script))
    output = dev.banner(settings, settings.issuer, settings.state_folder)
    assert f"    Commands     gatehouse doctor --app {script}   (others with the same options)\n" in output


def test_the_options_are_in_a_message_where_the_environment_names_the_installation() -> None:
    assert command_text("migrate", {}) == "gatehouse migrate"
    environment = {"GATEHOUSE_APP": "/srv/shop/app.py", "GATEHOUSE_STATE": ""}
    assert command_text("migrate", environment) == "gatehouse migrate --app /srv/shop/app.py"
    environment["GATEHOUSE_STATE"] = "/var/lib/gate house"
    assert command_text("doctor", environment) == (
        "gatehouse doctor --app /srv/shop/app.py --state '/var/lib/gate house'"
    )
