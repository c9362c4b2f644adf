"""Where tests keep their files: in memory, where the machine has a folder for that with enough room.

A run creates and removes a hundred thousand files, most of them PostgreSQL's. On a disk that takes a minute and more of
processor time. A ``TMPDIR`` that is set is left as it is.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - Linux's own; files are created below it by tempfile
MIN_FREE_BYTES: Final = 4 * 1024**3
"""Several times what a run keeps at once."""
_MEMORY: Final = Path("/proc/meminfo")


def keep_files_in_memory(folder: Path = IN_MEMORY, memory: Path = _MEMORY) -> bool:
    """Let this process and those it starts create temporary files below ``folder``; whether they do."""
    if "TMPDIR" in os.environ or min(_free_bytes(folder), _available_bytes(memory)) < MIN_FREE_BYTES:
        return False
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # found again at the next use
    return True


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free if os.access(folder, os.W_OK) else 0


def _available_bytes(memory: Path) -> int:
    """The memory that processes can still get, as the kernel estimates it."""
    try:
        lines = memory.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    kibibytes = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), "0")
    return int(kibibytes) * 1024
