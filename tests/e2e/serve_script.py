"""Serve any script behind the whole product, in place of ``app/main.py``.

Run as ``python -m tests.e2e.serve_script PORT SCRIPT``; settings come from the environment, as for ``gatehouse serve``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from app import services as composition
from app.asgi import create_app, streamlit_options
from app.core import logs, settings_loading
from app.core.settings import ProcessKind


def main(port: int, script: Path) -> None:
    """Serve until stopped."""
    logs.configure(process="app", json_lines=False)
    built = composition.build(settings_loading.load(ProcessKind.APP))
    composition.install(built)
    create_app(built, script=script).run(config=streamlit_options(built, address="127.0.0.1", port=port))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
