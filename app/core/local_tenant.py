"""The client that the local tenant registered for a development installation, from its file in the state folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.core.errors import ConfigurationError
from app.core.processes import ProcessKind


def local_client(path: Path, process: ProcessKind) -> dict[str, Any]:
    """The issuer, audience and (for the app) the client that the local tenant registered for this installation.

    Raises:
        ConfigurationError: if the local tenant was never started, or its file is damaged.
    """
    try:
        client = json.loads(path.read_text(encoding="utf-8"))
        provider = {"oidc_issuer": str(client["issuer"]), "auth0_audience": str(client["audience"])}
        if process is not ProcessKind.APP:
            return provider
        return provider | {
            "auth0_client_id": str(client["client_id"]),
            "auth0_client_secret": SecretStr(str(client["client_secret"])),
        }
    except FileNotFoundError:
        raise ConfigurationError(
            ["No tenant is configured and the local one was never started; start it: python -m component.dev_tenant"]
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            [f"The local tenant's file {path} is damaged; delete it and start the tenant again."]
        ) from None
