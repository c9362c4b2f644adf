"""Checks command lines of the documentation without running them: each program, file, target, option and address."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Final

import click

from app.__main__ import gatehouse
from app.core.settings import Settings
from app.core.variables import known_variables
from tests.app.cli.command_line import loaded
from tests.docs.project_files import ROOT

FOREIGN: Final = {"chmod", "cp", "echo", "eval", "install", "mail", "podman", "python3", "systemctl", "useradd"}
"""Programs of others, of which only the files are checked."""
MADE_BY_THE_READER: Final = {"deploy/gatehouse.env"}
COMPLETION: Final = "_GATEHOUSE_COMPLETE"
"""With it, ``gatehouse`` prints a script for the shell; ``tests/app/cli`` runs that."""
ASSIGNMENT: Final = re.compile(r"(\w+)=(.*)", re.DOTALL)
_OPERATORS: Final = re.compile(r"[|&;()]+")
_REDIRECTIONS: Final = re.compile(r"(?:[0-9&]*>{1,2}|<{1,2})&?")


def shell_faults(script: str) -> Iterator[str]:
    """What is wrong with a script: its syntax, and each of its commands."""
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield done.stderr.strip()
        return
    for line in script.replace("\\\n", " ").splitlines():
        for words in commands_of(line):
            yield from command_faults(words)


def commands_of(line: str) -> Iterator[list[str]]:
    """The commands of a line, without redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    tokens = iter(lexer)
    for token in tokens:
        if _OPERATORS.fullmatch(token):
            yield words
            words = []
        elif _REDIRECTIONS.fullmatch(token):
            next(tokens, "")
        else:
            words.append(token)
    yield words


def command_faults(words: list[str]) -> Iterator[str]:
    """What is wrong with one command."""
    assigned = [match for word in takewhile(ASSIGNMENT.fullmatch, words) if (match := ASSIGNMENT.fullmatch(word))]
    rest = words[len(assigned) :]
    if not rest:
        known = set(known_variables(Settings))
        yield from (f"{match[1]} is no setting" for match in assigned if match[1] not in known)
        return
    program, arguments = Path(rest[0]).name, rest[1:]
    checker = CHECKERS.get(program)
    if COMPLETION in {match[1] for match in assigned}:
        return
    if checker is not None:
        yield from checker(arguments)
    elif program not in FOREIGN:
        yield f"{program}: there is no check for this program"
    yield from (
        f"{word} does not exist"
        for word in arguments
        if re.match(r"(?:app|deploy|docs|pages|tests|\.streamlit)/|requirements", word)
        and not (ROOT / word).exists()
        and word not in MADE_BY_THE_READER
    )


def _make(arguments: list[str]) -> Iterator[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in arguments:
        if match := ASSIGNMENT.fullmatch(word):
            if not re.search(rf"\$\(?\$?{match[1]}\b|^{match[1]} \?=", makefile, re.MULTILINE):
                yield f"make: the Makefile does not read {match[1]}"
        elif not re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE):
            yield f"make: there is no target {word}"


def _gatehouse(arguments: list[str]) -> Iterator[str]:
    """Let click parse the arguments, down to the last command; none runs."""
    command: click.Command = gatehouse
    context: click.Context | None = None
    name = "gatehouse"
    try:
        while True:
            context = command.make_context(name, list(arguments), parent=context)
            if not isinstance(command, click.Group) or not (rest := [*context._protected_args, *context.args]):
                return
            name, arguments = rest[0], rest[1:]
            command = loaded(command.commands[name])
    except KeyError:
        yield f"gatehouse: there is no command {name}"
    except click.exceptions.Exit:
        return  # --help and --version
    except click.ClickException as error:
        if not re.search(r"does not exist|No such file", error.format_message()):
            yield f"gatehouse: {error.format_message()}"


def _python(arguments: list[str]) -> Iterator[str]:
    if arguments[:1] == ["-c"]:
        compile(arguments[1], "-c", "exec")
    elif arguments[:1] == ["-m"] and len(arguments) > 1:
        if arguments[1] == "app":
            yield from _gatehouse(arguments[2:])
            return
        path = ROOT.joinpath(*arguments[1].split("."))
        file = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        if not file.is_file() or '__name__ == "__main__"' not in file.read_text(encoding="utf-8"):
            yield f"python -m {arguments[1]} does not run"


def _curl(arguments: list[str]) -> Iterator[str]:
    """The address and method are those of an endpoint of the API, or an address of the app."""
    method = arguments[arguments.index("-X") + 1].lower() if "-X" in arguments else "get"
    for address in [word for word in arguments if re.match(r"https?:|\$\w+/", word)]:
        path = re.sub(r"\$\w+", "{}", re.sub(r"^(?:https?://[^/]+|\$\w+)", "", address).partition("?")[0])
        if path.startswith("/api/") and (path, method) not in endpoints():
            yield f"curl: the API has no {method.upper()} {path}"


@cache
def endpoints() -> frozenset[tuple[str, str]]:
    """Address, with ``{}`` for each parameter, and method of every documented call."""
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    return frozenset((re.sub(r"{[^}]*}", "{}", path), method) for path, methods in paths.items() for method in methods)


def _pip(arguments: list[str]) -> Iterator[str]:
    for option, value in pairwise(arguments):
        if option == "-r" and not (ROOT / value).is_file():
            yield f"pip: {value} does not exist"


def _ssh(arguments: list[str]) -> Iterator[str]:
    """The last argument is a command line of its own."""
    yield from shell_faults(arguments[-1])


CHECKERS: Final[dict[str, Callable[[list[str]], Iterator[str]]]] = {
    "curl": _curl,
    "gatehouse": _gatehouse,
    "make": _make,
    "pip": _pip,
    "python": _python,
    "ssh": _ssh,
}
"""Program → what is wrong with its arguments."""
