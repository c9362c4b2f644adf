"""Liveness and readiness of the process: for supervisors, proxies and `make run`.

The response names the part that does not answer in plain words; addresses, versions and causes are in the log.
"""

from __future__ import annotations

from typing import Final

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core.contract.base import construct
from app.core.contract.health import Health
from app.core.errors import GatehouseError, ProviderUnavailable, SchemaMismatch, ServiceUnavailable, StorageUnavailable
from remote_api.access import public
from remote_api.services import services

_SCHEMA: Final = "The database is of another version of Gatehouse."
_STORAGE: Final = "The database does not answer."
_KEYS: Final = "The keys of the sign-in provider are not known and cannot be fetched."

api = APIBlueprint("health", __name__, abp_tags=[Tag(name="health", description="For operators.")])


@api.get("/healthz", responses={200: Health})
@public
def healthz() -> Health:
    """Report that the process runs."""
    return construct(Health, status="ok")


@api.get("/readyz", responses={200: Health})
@public
def readyz() -> Health:
    """Report whether the database and the provider's keys are available.

    Raises:
        ServiceUnavailable: with what is not available.
    """
    failed: list[str] = []
    cause: GatehouseError | None = None
    try:
        services().storage.check()
    except StorageUnavailable as error:
        failed.append(_SCHEMA if isinstance(error, SchemaMismatch) else _STORAGE)
        cause = error
    try:
        services().check_keys()
    except ProviderUnavailable as error:
        failed.append(_KEYS)
        cause = cause or error
    if failed:
        raise ServiceUnavailable(" ".join(failed)) from cause
    return construct(Health, status="ready")
