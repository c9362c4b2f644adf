"""An app of ten pages as a process of its own: ``guarded`` is the product's, any other side is plain Streamlit.

``python -m tests.benchmarks.rerun_server SIDE PORT``, in the folder that ``tests.benchmarks.rerun`` has filled.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import streamlit as st

from app import navigation
from app.core.permissions import Permission

PAGES: Final = 10
SECTIONS: Final = ("Work", "Build", "You")
ICON: Final = ":material/monitoring:"


def page_file(number: int) -> str:
    """The script of a page."""
    return f"bench_page_{number}.py"


def page_title(number: int) -> str:
    """The title of a page."""
    return f"Page number {number}"


def unguarded(script: str, port: int) -> None:
    """Serve a script that only uses ``st.navigation``, with the garbage collector set as in the product."""

    @asynccontextmanager
    async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
        gc.collect()
        gc.freeze()
        yield {}

    st.App(Path(script).resolve(), lifespan=lifespan).run(
        config={
            "server.address": "127.0.0.1",
            "server.port": port,
            "server.headless": True,
            "server.fileWatcherType": "none",
            "client.showErrorDetails": "none",
            "runner.postScriptGC": False,
            "browser.gatherUsageStats": False,
        }
    )


def guarded(port: int) -> None:
    """Serve the pages by the product itself, with ten rows in place of its own."""
    rows = tuple(
        navigation.PageRow(
            file=page_file(number),
            path="" if number == 0 else f"page-{number}",
            title=page_title(number),
            icon=ICON,
            section=SECTIONS[number % len(SECTIONS)],
            permission=Permission.READ_REPORTS if number else None,
        )
        for number in range(PAGES)
    )
    vars(navigation).update(
        PAGES=rows,
        PAGES_FOLDER=Path("guarded").resolve(),
        BY_PATH={row.path: row for row in rows},
        BY_FILE={row.file: row for row in rows},
    )
    from app.cli.serve import run_app

    run_app("127.0.0.1", port)


if __name__ == "__main__":
    side, port = sys.argv[1], int(sys.argv[2])
    if side == "guarded":
        guarded(port)
    else:
        unguarded(f"{side}.py", port)
