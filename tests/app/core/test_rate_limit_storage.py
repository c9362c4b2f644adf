"""The store in which the remote API counts calls, by its address."""

from __future__ import annotations

import pytest
from limits.storage import MemoryStorage

from app.core.errors import ConfigurationError
from app.core.rate_limit_storage import IN_MEMORY, open_rate_limit_storage


class SharedStorage(MemoryStorage):
    """A store that the library knows by its scheme."""

    STORAGE_SCHEME = ["gatehouse-test"]  # noqa: RUF012 - as the library declares it


def test_a_store_of_the_library_is_opened_and_its_errors_are_those_of_limits() -> None:
    store = open_rate_limit_storage("gatehouse-test://counts.example")
    assert isinstance(store, SharedStorage)
    assert store.wrap_exceptions


def test_the_memory_of_each_process_is_no_store() -> None:
    assert open_rate_limit_storage(IN_MEMORY) is None


def test_an_unusable_address_is_not_repeated_with_its_password() -> None:
    with pytest.raises(ConfigurationError, match="GATEHOUSE_RATE_LIMIT_STORAGE is no store") as caught:
        open_rate_limit_storage("nothing://user:" + "hidden@counts.example")
    assert "hidden" not in str(caught.value.mistakes)
