"""``app.access``: names that it keeps for the version before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app import access
from app.services import Services
from app.testing import gatehouse


@pytest.fixture
def services() -> Iterator[Services]:
    with gatehouse() as services:
        yield services


@pytest.mark.usefixtures("services")
def test_the_old_name_of_bind_session_still_binds_and_warns() -> None:
    with pytest.warns(DeprecationWarning, match=r"access\.carried is now access\.bind_session") as warned:
        bound = access.carried(access.principal)
    assert warned[0].filename == __file__
    assert bound().anonymous
