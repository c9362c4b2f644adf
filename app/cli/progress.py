"""A line about what a command waits for, on a terminal only, and gone when the wait is over."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

_DELAY_SECONDS: Final = 1.0
_EVERY_SECONDS: Final = 1.0
_ERASE_LINE: Final = "\r\x1b[2K"


@contextmanager
def progress(action: str, *, stream: TextIO | None = None, delay_seconds: float = _DELAY_SECONDS) -> Iterator[None]:
    """Show ``action`` with the seconds it has taken so far, while the block runs.

    Nothing is shown of a block that is faster than ``delay_seconds``, or where the stream is no terminal. The block
    itself prints nothing.

    Args:
        action: Such as ``verifying the audit``.
        stream: Standard error by default.
        delay_seconds: After how long the line appears.
    """
    output = stream or sys.stderr
    if not output.isatty():
        yield
        return
    finished = threading.Event()
    thread = threading.Thread(target=_show, args=(action, output, delay_seconds, finished), name="progress")
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _show(action: str, output: TextIO, delay_seconds: float, finished: threading.Event) -> None:
    started_at = time.monotonic()
    wait_seconds, is_shown = delay_seconds, False
    while not finished.wait(wait_seconds):
        output.write(f"{_ERASE_LINE}{action} … {time.monotonic() - started_at:.0f} s")
        output.flush()
        wait_seconds, is_shown = _EVERY_SECONDS, True
    if is_shown:
        output.write(_ERASE_LINE)
        output.flush()
