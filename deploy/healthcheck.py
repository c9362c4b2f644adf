# ruff: noqa: INP001 - a script of the image, not part of a package
"""Check the health of the app or API on this machine: ``python healthcheck.py app|api``; exit status 0 when healthy.

Both answer only for their configured host name (421 otherwise), so the request contains that name.
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
