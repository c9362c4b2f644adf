"""Any script behind the complete middleware, as a process.

``python -m tests.security.script_server PORT BASE_URL DATABASE SCRIPT``: what ``gatehouse serve`` does for
``app/main.py``, for a script that a test wrote. With ``HOSTED`` set, what it does for a hosted app.
With ``UNWATCHED`` set, a tab is checked at its own messages only. With ``UNEDITED`` set, no process waits for edits of
files, as in production. With ``OPEN_FILES`` set, it may open no more, and half as many at first. With
``FORGETFUL`` set, Streamlit keeps no session that has no socket. With ``UPLOADED_BYTES`` set, all sessions together
keep so many bytes of uploads.
"""

from __future__ import annotations

import functools
import os
import resource
import sys
from pathlib import Path
from unittest import mock

from app import asgi, hosted, server, testing
from app import services as composition
from app.core import logs
from app.core.hosted_app_config import load_hosted_app_config
from component.socket import upload_totals
from component.socket.watcher import Watcher

LIMITS = ("GATEHOUSE_SOCKETS", "GATEHOUSE_ANONYMOUS_", "GATEHOUSE_MESSAGE")


def main(port: int, base_url: str, database_url: str, script: Path) -> None:
    """Serve until stopped."""
    logs.configure(process="app", json_lines=False)
    if os.environ.get("UNWATCHED"):
        mock.patch.object(asgi, "Watcher", functools.partial(Watcher, poll_seconds=3600.0)).start()
    if limit := int(os.environ.get("UPLOADED_BYTES", "0")):
        mock.patch.object(upload_totals, "MAX_TOTAL_UPLOAD_BYTES", limit).start()
    idle = int(os.environ.get("GATEHOUSE_SESSION_IDLE_SECONDS", "3600"))
    limits = {
        name.removeprefix("GATEHOUSE_").lower(): value for name, value in os.environ.items() if name.startswith(LIMITS)
    }
    settings = testing.settings(app_base_url=base_url, database_url=database_url, session_idle_seconds=idle, **limits)
    if few := int(os.environ.get("OPEN_FILES", "0")):
        resource.setrlimit(resource.RLIMIT_NOFILE, (few // 2, few))
    server.raise_open_file_limit()
    built = composition.build(settings)
    composition.install(built)
    declared = load_hosted_app_config(script) if os.environ.get("HOSTED") else None
    if declared is not None:
        hosted.install(hosted.Hosted(script, declared))
    app = asgi.create_app(built, script=script, hosted=declared)
    options = asgi.streamlit_options(built, address="127.0.0.1", port=port, hosted=declared is not None)
    if os.environ.get("UNEDITED"):
        options["server.fileWatcherType"] = "none"
    if os.environ.get("FORGETFUL"):
        options["server.disconnectedSessionTTL"] = 0
    server.install_protocols(built.admission)
    app.run(config=options)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
