"""The local tenant for two apps at once: ``python -m tests.benchmarks.sign_in_tenant PORT APP_URL PEER_URL``.

The product's own client, with one more redirect address for an app that signs people in by ``st.login``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from component.dev_tenant.config import TenantConfig
from component.dev_tenant.routes import create_app


def main(port: int, app_url: str, peer_url: str) -> None:
    """Serve until stopped."""
    config = TenantConfig(
        issuer=f"http://localhost:{port}/",
        state_dir=Path("var/tenant"),
        app_url=app_url,
        extra_redirect_uris=(f"{peer_url}/oauth2callback",),
        sign_ins_per_minute=100_000,
    )
    uvicorn.run(create_app(config), host="localhost", port=port, log_level="warning", access_log=False, ws="none")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
