"""The command line itself: help, completion, version, usage errors, and how little it imports."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from app.__main__ import gatehouse, main
from app.cli.command import CommandGroup, InstallationCommand
from app.cli.lazy import LazyCommand
from tests.app.cli.command_line import commands, invoke, loaded
from tests.stack import ROOT

GROUPS = {name: loaded(command) for name, command in gatehouse.commands.items()}
COMMANDS = dict(commands())
WITHOUT_INSTALLATION = {"completion"}
"""Commands that need no settings and no database."""
HEAVY = {"streamlit", "flask", "sqlalchemy", "pydantic", "requests", "app.services"}


def test_each_command_is_listed_with_a_line_of_help() -> None:
    text = invoke("--help").stdout
    for name, command in gatehouse.commands.items():
        assert isinstance(command, LazyCommand)
        assert f"\n  {name} " in text
        assert command.short_help


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() | GROUPS.keys()))
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_each_command_has_help(name: str, option: str) -> None:
    result = invoke(*name.split(), option)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: gatehouse {name} ")
    command = COMMANDS.get(name) or GROUPS[name]
    assert command.help
    assert command.help.partition("\n")[0] in result.stdout
    for shared in ("--app SCRIPT", "--state FOLDER"):
        assert (shared in result.stdout) is (name not in WITHOUT_INSTALLATION) or name == "people list"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_option_and_command_is_described(name: str) -> None:
    command = COMMANDS[name]
    assert isinstance(command, InstallationCommand) is (name not in WITHOUT_INSTALLATION)
    assert all(param.help for param in command.params if isinstance(param, click.Option))
    summary = (command.help or "").partition("\n")[0].rstrip(".")
    group = GROUPS[name.partition(" ")[0]]
    if isinstance(group, CommandGroup):
        assert command.get_short_help_str(59).rstrip(".") == summary, "it is complete in the list, on 80 columns"


def test_the_list_has_every_command_once_under_a_heading_and_examples_that_are_commands() -> None:
    text = invoke("--help").stdout
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert headings == ["Options", *gatehouse.sections, "Examples"]
    assert sorted(name for names in gatehouse.sections.values() for name in names) == sorted(gatehouse.commands)
    for heading, names in gatehouse.sections.items():
        section = text.partition(f"{heading}:\n")[2].partition("\n\n")[0]
        assert re.findall(r"^  ([\w-]+) ", section, re.MULTILINE) == names, "a line a command, also on 80 columns"
    examples = re.findall(r"^  gatehouse ([\w-]+)", text.partition("Examples:\n")[2], re.MULTILINE)
    assert len(examples) >= 3
    assert set(examples) <= gatehouse.commands.keys()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["completion", "zsh"]])
def test_help_imports_no_command(arguments: list[str]) -> None:
    code = (
        "import sys; from app.__main__ import main; status = main(sys.argv[1:])\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr); raise SystemExit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert set(done.stderr.splitlines()) & HEAVY == set()


def completions(words: str, tmp_path: Path) -> list[str]:
    """What a shell is offered at the end of ``words``."""
    done = subprocess.run(
        [sys.executable, "-m", "app"],
        env={
            "PYTHONPATH": str(ROOT),
            "_GATEHOUSE_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert list(tmp_path.iterdir()) == []
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_shells_complete_commands_options_and_values(tmp_path: Path) -> None:
    assert completions("gatehouse ", tmp_path) == sorted(gatehouse.commands)
    assert completions("gatehouse pe", tmp_path) == ["people"]
    assert completions("gatehouse people s", tmp_path) == ["show", "sign-out"]
    assert completions("gatehouse --app x people sh", tmp_path) == ["show"]
    assert completions("gatehouse grants add 1 --r", tmp_path) == ["--role", "--reason"]
    assert completions("gatehouse people list --state b", tmp_path) == ["blocked"]


def test_the_version_is_that_of_the_distribution() -> None:
    result = invoke("--version")
    assert (result.exit_code, result.stdout) == (0, f"gatehouse, version {version('streamlit-gatehouse')}\n")


USAGE_ERRORS = [
    ([], "COMMAND"),
    (["nonsense"], "No such command 'nonsense'"),
    (["people"], "COMMAND"),
    (["people", "nonsense"], "No such command 'nonsense'"),
    (["people", "list", "--nonsense"], "No such option"),
    (["people", "list", "--state", "nonsense"], "'nonsense' is not one of"),
    (["people", "list", "--limit", "many"], "'many' is not a valid integer"),
    (["people", "show"], "Missing argument 'PERSON'"),
    (["people", "show", "1", "2"], "unexpected extra argument"),
    (["people", "block", "1"], "Missing option '--reason'"),
    (["people", "block", "1", "--reason"], "Option '--reason' requires an argument"),
    (["people", "erase", "1", "--reason", "--yes"], "Option '--reason' requires an argument"),
    (["grants", "add", "1", "--role", "--reason", "x"], "Option '--role' requires an argument"),
    (["grants", "add", "1", "--reason", "x"], "Pass --role or --permission, and only one of them"),
    (["grants", "revoke", "1", "--role", "a", "--permission", "b", "--reason", "x"], "only one of them"),
    (["bootstrap-admin"], "Pass --subject or --email, and only one of them"),
    (["bootstrap-admin", "--subject", "a", "--email", "b"], "Pass --subject or --email, and only one of them"),
]


@pytest.mark.parametrize(
    ("arguments", "sentence"), USAGE_ERRORS, ids=[" ".join(arguments) for arguments, _ in USAGE_ERRORS]
)
def test_a_usage_error_is_status_2_and_runs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    monkeypatch.setattr(InstallationCommand, "invoke", lambda *_: pytest.fail("it ran"))
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert (printed.out, sentence in printed.err) == ("", True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["people", "block", "1", "--reason=--yes"],
        ["people", "show", "--", "--json"],
        ["audit", "verify", "--since", "-"],
        ["dev", "--tenant-port", "-1"],
        ["mappings", "set", "sales", "--reason", "x", "viewer", "analyst"],
    ],
    ids=" ".join,
)
def test_values_that_begin_with_a_dash_are_accepted(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    ran = list[click.Context]()
    monkeypatch.setattr(InstallationCommand, "invoke", lambda _, ctx: ran.append(ctx))
    result = invoke(*arguments)
    assert (result.exit_code, len(ran)) == (0, 1), result.output


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, EOFError])
def test_an_interrupted_command_is_status_2(monkeypatch: pytest.MonkeyPatch, interrupt: type[BaseException]) -> None:
    def interrupted(*_: object) -> None:
        raise interrupt

    monkeypatch.setattr(InstallationCommand, "invoke", interrupted)
    assert main(["purge"]) == 2


def test_the_status_of_a_command_is_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InstallationCommand, "_run", lambda *_: 1)
    assert main(["purge"]) == 1
    assert invoke("purge").exit_code == 1
