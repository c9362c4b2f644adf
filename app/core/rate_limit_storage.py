"""Where the remote API counts calls: the store that ``GATEHOUSE_RATE_LIMIT_STORAGE`` names."""

from __future__ import annotations

from typing import Final

from limits.errors import ConfigurationError as UnusableStore
from limits.storage import Storage, storage_from_string

from app.core.errors import ConfigurationError

IN_MEMORY: Final = "memory://"


def open_rate_limit_storage(address: str) -> Storage | None:
    """Return the store at ``address``; None for the memory of each process. It is not connected to yet.

    Raises:
        ConfigurationError: if the library has no such store, or its driver is not installed.
    """
    if address == IN_MEMORY:
        return None
    try:
        store = storage_from_string(address, wrap_exceptions=True)
    except (UnusableStore, ValueError, TypeError):
        store = None  # the library's own text may repeat the address, which may hold a password
    if not isinstance(store, Storage):  # there are asynchronous ones too
        name = "GATEHOUSE_RATE_LIMIT_STORAGE"
        raise ConfigurationError(
            [f"{name} is no store that calls can be counted in, such as {IN_MEMORY} or redis://host:6379."]
        )
    return store
