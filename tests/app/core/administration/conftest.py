"""The installation that the tests of administration start from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.permissions import ADMINISTRATOR
from tests.app.core.administration.support import ADA, BOB, Installation, opened


@pytest.fixture
def here() -> Iterator[Installation]:
    """Ada is the administrator; Bob may manage grants, roles, mappings, people and sessions, and reads reports."""
    database = opened()
    made = Installation(database)
    made.store_grants(ADA, ADMINISTRATOR)
    made.store_grants(
        BOB,
        "viewer",
        permissions=(
            "manage:grants", "manage:roles", "manage:mappings", "block:people", "erase:people", "end:sessions",
        ),
    )  # fmt: skip
    yield made
    database.close()
