"""What a command waits for is shown on a terminal, and only there, and only if it takes a while."""

from __future__ import annotations

import io
import threading

import pytest

from app.cli.progress import progress


class Terminal(io.StringIO):
    """A terminal that reports when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self.written.set()


def test_a_wait_is_shown_and_its_line_is_erased_afterwards() -> None:
    terminal = Terminal()
    with progress("verifying the audit", stream=terminal, delay_seconds=0):
        assert terminal.written.wait(30)
        assert terminal.getvalue().endswith("verifying the audit … 0 s")
    assert terminal.getvalue().endswith("\r\x1b[2K")
    assert not [thread for thread in threading.enumerate() if thread.name == "progress"]


def test_a_fast_block_shows_nothing() -> None:
    terminal = Terminal()
    with progress("verifying the audit", stream=terminal, delay_seconds=600):
        pass
    assert terminal.getvalue() == ""


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with progress("verifying the audit", stream=stream, delay_seconds=0):
        assert not [thread for thread in threading.enumerate() if thread.name == "progress"]
    assert stream.getvalue() == ""


def test_an_error_ends_the_line_and_is_raised() -> None:
    terminal = Terminal()

    def fail() -> None:
        with progress("verifying the audit", stream=terminal, delay_seconds=0):
            assert terminal.written.wait(30)
            raise ValueError("the block failed")

    with pytest.raises(ValueError, match="the block failed"):
        fail()
    assert terminal.getvalue().endswith("\r\x1b[2K")
