"""What tests start without importing the libraries again is a process as ``python -m`` would have made it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.preloaded_python import SOCKET_VARIABLE, Completed, PreloadedPython, Process
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def python() -> Iterator[PreloadedPython]:
    with PreloadedPython() as python:
        yield python


Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the module ``thing`` into the folder, which is returned."""

    def write(source: str) -> Path:
        (tmp_path / "thing.py").write_text(source)
        return tmp_path

    return write


def run(python: PreloadedPython, folder: Path, *arguments: str, seconds: float = 30, **env: str) -> Completed:
    return python.run(["thing", *arguments], cwd=folder, env=env, timeout_seconds=seconds)


def start(python: PreloadedPython, folder: Path) -> Process:
    return python.start(["thing"], cwd=folder, env={}, stdout=subprocess.PIPE)


def test_a_module_has_its_own_folder_arguments_environment_and_libraries(python: PreloadedPython, write: Write) -> None:
    folder = write(
        "import os, sys\nassert 'pandas' in sys.modules and 'tests' not in sys.modules\n"
        "print(__name__, os.getcwd(), sys.argv, dict(os.environ), file=sys.stderr)\nprint(sys.stdin.read() == '')\n"
    )
    argv = [str(folder / "thing.py"), "--flag"]
    assert run(python, folder, "--flag", NAME="value").output == (
        f"__main__ {folder} {argv} {{'NAME': 'value'}}\nTrue\n"
    )


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("", 0),
        ("raise SystemExit(3)", 3),
        ("raise SystemExit", 0),
        ("raise SystemExit('a sentence')", 1),
        ("1 / 0", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    ],
)
def test_the_exit_status_is_that_of_the_module(python: PreloadedPython, write: Write, source: str, status: int) -> None:
    assert run(python, write(source)).status == status


def test_an_error_is_printed(python: PreloadedPython, write: Write) -> None:
    assert "ZeroDivisionError" in run(python, write("1 / 0")).output
    assert run(python, write("raise SystemExit('a sentence')")).output == "a sentence\n"


def test_threads_handlers_and_output_are_completed_at_the_end(python: PreloadedPython, write: Write) -> None:
    """A child skips only the destruction of modules, and with it the warnings and flushes of files left open."""
    source = (
        "import atexit, sys, tempfile, threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "go = threading.Event()\n"
        "folder = tempfile.TemporaryDirectory()\n"
        "atexit.register(print, 'handler', end='')\n"
        "ThreadPoolExecutor(1).submit(lambda: (go.wait(), print('pool')))\n"
        "threading.Thread(target=lambda: (go.wait(), print('thread'))).start()\n"
        "print(folder.name)\n"
        "go.set()\n"
    )
    completed = run(python, write(source))
    folder, *lines = completed.output.split("\n")
    assert completed.status == 0
    assert sorted(lines[:-1]) == ["pool", "thread"]
    assert lines[-1] == "handler"
    assert not Path(folder).exists()


def test_output_through_a_pipe_is_read_line_by_line_while_it_runs(python: PreloadedPython, write: Write) -> None:
    process = start(python, write("print('up')\nimport signal\nsignal.pause()"))
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "up\n"
    assert process.poll() is None
    process.terminate()
    assert process.wait(30) == process.poll() == process.returncode == -signal.SIGTERM
    process.kill()  # it has ended: no signal


def test_what_a_module_has_started_ends_with_it(python: PreloadedPython, write: Write) -> None:
    folder = write(
        "import signal, subprocess, sys\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']).pid)\nsignal.pause()\n"
    )
    process = start(python, folder)
    assert process.stdout is not None
    with process.stdout:
        started = int(process.stdout.readline())
    process.kill()
    assert process.wait(30) == -signal.SIGKILL
    wait_until(lambda: not is_running(started), within_seconds=30)


def test_a_module_that_takes_too_long_is_killed_and_has_no_status(python: PreloadedPython, write: Write) -> None:
    assert run(python, write("import signal; signal.pause()"), seconds=0).status is None


def test_what_the_libraries_keep_until_the_end_of_a_process_is_there_for_each(
    python: PreloadedPython, write: Write
) -> None:
    """AppTest has a temporary folder that the first child would remove for all that follow."""
    folder = write("from streamlit.testing.v1 import AppTest\nassert not AppTest.from_string('').run().exception\n")
    assert [run(python, folder).status for _ in range(2)] == [0, 0]


def test_a_module_that_is_given_up_is_killed(python: PreloadedPython, write: Write) -> None:
    process = start(python, write("print('up')\nimport signal\nsignal.pause()"))
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "up\n"
    process.close()
    wait_until(lambda: not is_running(process.pid), within_seconds=30)


def test_the_end_of_the_server_ends_what_it_started(write: Write) -> None:
    with PreloadedPython() as python:
        process = start(python, write("print('up')\nimport signal\nsignal.pause()"))
        assert process.stdout is not None
        with process.stdout:
            assert process.stdout.readline() == "up\n"
    wait_until(lambda: not is_running(process.pid), within_seconds=30)
    with pytest.raises(RuntimeError, match="has ended"):
        process.wait(30)


def test_tests_inside_of_a_test_use_its_server(
    python: PreloadedPython, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SOCKET_VARIABLE, python.path)
    with PreloadedPython() as inner:
        assert inner.path == python.path
        assert run(inner, write("print(1)")).output == "1\n"
    assert run(python, write("print(22)")).output == "22\n"


@pytest.mark.parametrize("safe", [False, True])
def test_modules_come_from_the_folder_unless_the_path_is_safe(
    python: PreloadedPython, write: Write, *, safe: bool
) -> None:
    completed = python.run(["thing"], cwd=write("print(1)"), env={}, timeout_seconds=30, safe_path=safe)
    assert completed.status == (1 if safe else 0), completed.output


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
