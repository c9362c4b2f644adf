# ruff: noqa: INP001 - a script of the image, no part of a package
"""Ask this machine's app or API whether it lives: ``python healthcheck.py app|api``; exit status 0 when it does.

Both answer only for the host name they are configured with (421 otherwise), so the question carries that name.
"""

from __future__ import annotations

import http.client
import os
import sys
from typing import Final
from urllib.parse import urlsplit

CHECKS: Final = {
    "app": ("GATEHOUSE_APP_BASE_URL", 8501, "/_stcore/health"),
    "api": ("GATEHOUSE_REMOTE_API_BASE_URL", 8888, "/healthz"),
}


def main() -> int:
    """Return 0 when the process answers 200, else 1."""
    variable, port, path = CHECKS[sys.argv[1]]
    host = urlsplit(os.environ.get(variable, "")).netloc or f"localhost:{port}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", path, headers={"Host": host})
        return 0 if connection.getresponse().status == http.client.OK else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    raise SystemExit(main())
