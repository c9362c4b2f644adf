"""One issuer for all tests of the API; a fresh database and app for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.issuer import Issuer
from tests.remote_api.administration import number_of
from tests.remote_api.world import ApiWorld, Caller, administrator, api_world


@pytest.fixture
def make_world(shared_issuer: Issuer) -> Iterator[Callable[..., ApiWorld]]:
    made: list[ApiWorld] = []

    def make(issuer: Issuer = shared_issuer, **settings: Any) -> ApiWorld:
        made.append(api_world(issuer, **settings))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., ApiWorld]) -> ApiWorld:
    return make_world()


@pytest.fixture
def admin(world: ApiWorld) -> Caller:
    return administrator(world)


@pytest.fixture
def bob(world: ApiWorld, admin: Caller) -> int:
    """The id of a person without grants."""
    world.person("auth0|bob")
    return number_of(admin, "auth0|bob")
