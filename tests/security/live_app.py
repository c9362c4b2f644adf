"""Any script behind the whole guard, as a process.

``python -m tests.security.live_app PORT BASE_URL DATABASE_URL SCRIPT``: what ``gatehouse serve`` does for
``app/main.py``, for a script that a test wrote. With ``HOSTED`` set, what it does for an app that is not ours.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app import hosted, testing
from app import services as composition
from app.asgi import create_app, streamlit_options
from app.core import logs
from app.core.declarations import declare_beside


def main(port: int, base_url: str, database_url: str, script: Path) -> None:
    """Serve until stopped."""
    logs.configure(process="app", json_lines=False)
    idle = int(os.environ.get("SESSION_IDLE_SECONDS", "3600"))
    settings = testing.settings(app_base_url=base_url, database_url=database_url, session_idle_seconds=idle)
    built = composition.build(settings)
    composition.install(built)
    declared = declare_beside(script) if os.environ.get("HOSTED") else None
    if declared is not None:
        hosted.install(hosted.Hosted(script, declared))
    app = create_app(built, script=script, hosted=declared)
    app.run(config=streamlit_options(built, address="127.0.0.1", port=port))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
