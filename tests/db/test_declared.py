"""Declarations of a hosted app are seeded into the database, and an administrator's changes of them stay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.clock import utc_now
from app.core.permissions import ROLES, declare
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant
from db import Database, seed

ANN = Subject("https://tests.example/", "ann")
ORDERS = {"read:orders": ("See the orders.", None), "refund:orders": ("Pay an order back.", None)}


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    yield
    declare({}, {})


def granted(database: Database) -> set[str]:
    return set(database.read.grants(ANN, utc_now()).permissions)


def grant_role(database: Database, role: str) -> None:
    with database.unit_of_work() as unit:
        unit.add_grant(NewGrant(subject=ANN, source=Source.ADMIN, author="test", role=role), utc_now())
        unit.commit()


def test_declared_roles_can_be_granted_with_their_permissions(database: Database) -> None:
    declare(ORDERS, {"clerk": ("Works at the counter.", frozenset({"read:orders"}))})
    assert seed(database).changed
    grant_role(database, "clerk")
    assert granted(database) == {"read:orders"}
    assert database.read.role_descriptions()["clerk"] == "Works at the counter."
    assert not seed(database).changed
    declare(ORDERS, {"clerk": ("Works at the counter.", frozenset({"read:orders", "refund:orders"}))})
    assert seed(database).changed
    assert granted(database) == {"read:orders", "refund:orders"}


def test_a_built_in_role_gets_what_the_app_adds(database: Database) -> None:
    seed(database)
    grant_role(database, "viewer")
    before = ROLES["viewer"][1]
    assert granted(database) == before
    declare(ORDERS, {"viewer": ("", frozenset({"read:orders"}))})
    seed(database)
    assert granted(database) == before | {"read:orders"}


def test_a_role_that_the_app_no_longer_declares_keeps_nothing_alive(database: Database) -> None:
    declare(ORDERS, {"clerk": ("Works at the counter.", frozenset({"read:orders"}))})
    seed(database)
    grant_role(database, "clerk")
    declare({}, {})
    assert not seed(database).conflicting_roles
    assert granted(database) == {"read:orders"}  # the row stays; nothing in this process asks for it
