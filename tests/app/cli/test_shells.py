"""Real shells complete `gatehouse` by the scripts that it prints, and `make shell` starts them with both."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from app.cli.activated_shell import ShellStart, shell_start
from app.cli.completion import SHELLS
from tests.app.cli.command_line import invoke
from tests.stack import ROOT

BIN: Final = Path(sys.executable).parent
COMPLETES: Final = {
    "bash": 'eval "$(gatehouse completion bash)"; COMP_WORDS=(gatehouse people s); COMP_CWORD=2;'
    ' _gatehouse_completion gatehouse; printf "%s\\n" "${COMPREPLY[@]}"',
    # zsh completes only in its line editor: stand-ins print what it would offer.
    "zsh": 'compdef() { :; }; _describe() { print -l ${(P)3}; }; compadd() { print -l -- "$@"; };'
    ' words=(gatehouse people s); CURRENT=3; eval "$(gatehouse completion zsh)"; _gatehouse_completion',
    "fish": 'gatehouse completion fish | source; complete --do-complete "gatehouse people s"',
}
ASKS: Final = {
    "bash": "type -P gatehouse; complete -p gatehouse; echo $OWN; exit",
    "zsh": "whence -p gatehouse; print ${_comps[gatehouse]}; print $OWN; exit",
    "fish": 'command -v gatehouse; complete --do-complete "gatehouse comp"; echo $OWN; exit',
}
"""What the started shell is asked: where the command is, what completes it, and a variable of the user's own file."""


def path_of(shell: str) -> str:
    path = shutil.which(shell)
    if path is None and os.environ.get("REQUIRE_SHELLS"):
        pytest.fail(f"{shell} is required here")
    if path is None:
        pytest.skip(f"needs {shell}")  # a fresh machine may lack it; CI installs all three and requires them
    return path


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "TERM": "dumb", **more}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_commands_by_its_script(shell: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [path_of(shell), "-c", COMPLETES[shell]],
        env=environment(tmp_path, PATH=f"{BIN}:{os.environ['PATH']}"),
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    offered = re.findall(r"^(show|sign-out|block|people)\b", done.stdout, re.MULTILINE)
    assert offered == ["show", "sign-out"], done.stdout + done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_that_of_the_shell_in_use(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    script = invoke("completion").stdout
    assert script == invoke("completion", shell).stdout
    assert f"_GATEHOUSE_COMPLETE={shell}_complete" in script


def test_another_shell_is_refused_with_the_names_to_choose_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/dash")
    result = invoke("completion")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "gatehouse completion bash|zsh|fish" in result.stderr
    assert invoke("completion", "dash").exit_code == 2


@pytest.mark.parametrize("shell", SHELLS)
def test_make_shell_starts_a_shell_that_finds_and_completes_the_command(shell: str, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "folder"
    for path in (home / ".config" / "fish", folder):
        path.mkdir(parents=True)
    for name in (".bashrc", ".zshrc"):
        (home / name).write_text("OWN=mine\n", encoding="utf-8")
    (home / ".config" / "fish" / "config.fish").write_text("set OWN mine\n", encoding="utf-8")
    start = shell_start(path_of(shell), home=str(home))
    assert start is not None
    for name, text in start.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [argument.format(folder=folder) for argument in start.arguments],
        env=environment(home, **{name: text.format(folder=folder) for name, text in start.environment.items()}),
        cwd=tmp_path, input=f"{ASKS[shell]}\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    paths = [Path(line) for line in lines if line.endswith("/gatehouse") and line.startswith("/")]
    assert [path.resolve() for path in paths] == [(BIN / "gatehouse").resolve()], done.stdout + done.stderr
    assert any("_gatehouse_completion" in line or line.startswith("completion") for line in lines), done.stdout
    assert "mine" in lines, "the user's own file is read"


def test_other_shells_are_not_started() -> None:
    assert shell_start("/bin/dash", home="/") is None
    assert shell_start("", home="/") is None
    assert isinstance(shell_start("/opt/bin/bash", home="/"), ShellStart)


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/dash", ""])
def test_without_a_terminal_it_prints_a_command_that_can_be_typed(shell: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.activated_shell"],
        env=environment(tmp_path, SHELL=shell), cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    activate, program = re.findall(r"\S+/bin/\S+", done.stdout)
    assert (ROOT / activate).is_file()
    assert os.access(ROOT / program, os.X_OK)


def test_in_a_terminal_the_shell_runs_and_its_status_is_returned(tmp_path: Path) -> None:
    main_end, shell_end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "app.cli.activated_shell"],
        env=environment(tmp_path, SHELL=path_of("bash")), cwd=ROOT,
        stdin=shell_end, stdout=shell_end, stderr=shell_end, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(shell_end)
        os.write(main_end, b"exit $((40 + 2))\n")
        printed = b""
        try:
            while chunk := os.read(main_end, 4096):
                printed += chunk
        except OSError:
            pass  # the terminal is gone once the last process has closed it
        assert process.wait(timeout=60) == 42, printed
    os.close(main_end)
    assert b"Tab completes it" in printed
