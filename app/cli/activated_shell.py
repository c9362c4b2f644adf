"""``make shell``: an interactive shell that finds ``gatehouse`` and completes it.

A development tool of the source tree; it is no command of ``gatehouse``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Final

from app.cli.completion import completion_script

ENVIRONMENT: Final = Path(sys.prefix)
"""The virtual environment, whose ``bin`` folder has ``gatehouse``."""

_BASH: Final = """[ -r ~/.bashrc ] && . ~/.bashrc
. {activate}
{completion}
"""
_ZSH: Final = """ZDOTDIR={home}
[ -r "$ZDOTDIR/.zshrc" ] && . "$ZDOTDIR/.zshrc"
. {activate}
autoload -Uz compinit && compinit
{completion}
"""


@dataclass(frozen=True, slots=True)
class ShellStart:
    """How a shell is started.

    Args:
        arguments: The command line. ``{folder}`` stands for the folder of ``files``.
        files: Name → content of files that the shell reads at its start.
        environment: Variables that are set, with ``{folder}`` too.
    """

    arguments: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def shell_start(shell: str, *, home: str, environment: Path = ENVIRONMENT) -> ShellStart | None:
    """Return how to start ``shell`` with the environment activated; None for a shell other than bash, zsh and fish.

    Args:
        shell: The path of the shell.
        home: The folder with the user's own ``.zshrc``.
        environment: The virtual environment.
    """
    name, activate = PurePath(shell).name, environment / "bin" / "activate"
    if name == "bash":
        text = _BASH.format(activate=activate, completion=completion_script(name))
        return ShellStart((shell, "--rcfile", "{folder}/bashrc", "-i"), {"bashrc": text})
    if name == "zsh":
        text = _ZSH.format(activate=activate, home=home, completion=completion_script(name))
        return ShellStart((shell, "-i"), {".zshrc": text}, {"ZDOTDIR": "{folder}"})
    if name == "fish":
        commands = f"source {activate}.fish; gatehouse completion fish | source"
        return ShellStart((shell, "--init-command", commands))
    return None


def instructions(environment: Path = ENVIRONMENT) -> str:
    """What to type where no shell can be started."""
    relative = os.path.relpath(environment)
    return f"Type  . {relative}/bin/activate  and then  gatehouse --help.  Without it: {relative}/bin/gatehouse --help"


def main() -> int:
    """Start the user's shell; prints what to type where that is not possible. Returns the exit status."""
    shell = os.environ.get("SHELL", "")
    start = shell_start(shell, home=os.environ.get("ZDOTDIR") or str(Path.home()))
    if start is None or not sys.stdin.isatty():
        print(instructions())
        return 0
    print("`gatehouse` is on the path here, and Tab completes it. Type exit to leave.", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for file_name, text in start.files.items():
            Path(folder, file_name).write_text(text, encoding="utf-8")
        values = {name: text.format(folder=folder) for name, text in start.environment.items()}
        arguments = [argument.format(folder=folder) for argument in start.arguments]
        return subprocess.run(arguments, env={**os.environ, **values}, check=False).returncode  # noqa: S603 - $SHELL


if __name__ == "__main__":
    raise SystemExit(main())
