"""One issuer for all tests of the API; a fresh database and app for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.issuer import Issuer
from tests.remote_api.world import Caller, World, administrator, settings_for


@pytest.fixture(scope="session")
def shared_issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def make_world(shared_issuer: Issuer) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(issuer: Issuer = shared_issuer, **settings: Any) -> World:
        made.append(World(issuer, settings_for(issuer, **settings)))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
def admin(world: World) -> Caller:
    return administrator(world)
