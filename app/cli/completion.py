"""``gatehouse completion``: the script by which a shell completes commands, options and values."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Final

import click
from click.shell_completion import get_completion_class

SHELLS: Final = ("bash", "zsh", "fish")
_VARIABLE: Final = "_GATEHOUSE_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS), required=False, metavar=f"[{'|'.join(SHELLS)}]")
def completion(*, shell: str | None) -> int:
    """Print the script that makes a shell complete `gatehouse`.

    Without an argument the script is that of the shell in $SHELL. For bash: eval "$(gatehouse completion bash)"
    """
    print(completion_script(shell or _current_shell()))
    return 0


def completion_script(shell: str) -> str:
    """The script for one of ``SHELLS``.

    Raises:
        click.UsageError: if there is none for this shell.
    """
    shell_class = get_completion_class(shell) if shell in SHELLS else None
    if shell_class is None:
        raise click.UsageError(f"Name the shell: gatehouse completion {'|'.join(SHELLS)}.")
    # Click's source() asks bash for its version by starting it; the template itself needs nothing of that.
    script = shell_class(click.Command("gatehouse"), {}, "gatehouse", _VARIABLE)
    return shell_class.source_template % script.source_vars()


def _current_shell() -> str:
    return PurePath(os.environ.get("SHELL", "")).name
