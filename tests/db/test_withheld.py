"""Withheld grants: no automatic source grants them until they are released."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from app.core.administration_records import PersonCard, WithheldRow
from app.core.policy import Source
from app.core.principal import Subject
from db import Database
from db.database import DatabaseUnitOfWork
from db.models import roles
from tests.db.builders import ANN, BOB, NOW, SECOND, digest, grant, token_rights, written


def card_of(database: Database, subject: Subject = ANN) -> PersonCard:
    person = written(database, lambda unit: unit.person_id(subject))
    card = database.administration.person_card(person, NOW)
    assert card is not None
    return card


def withhold(database: Database, name: str = "viewer", subject: Subject = ANN, *, from_default: bool = False) -> None:
    card = card_of(database, subject)
    granted = next(grant_row for grant_row in card.grants if name in {grant_row.role, grant_row.permission})

    def write(unit: DatabaseUnitOfWork) -> None:
        unit.withhold_grant(card.row.id, granted, by="ada", reason="left", from_default=from_default, now=NOW)

    written(database, write)


def release(database: Database, subject: Subject = ANN, *, is_default: bool = True) -> bool:
    (row,) = card_of(database, subject).withheld
    return bool(written(database, lambda unit: unit.release_withheld(row.id, is_default=is_default, now=NOW)))


def sync_token(
    database: Database, *names: str, permissions: tuple[str, ...] = (), seconds: int = 0, own: bool = True
) -> bool:
    rights = token_rights(*names, permissions=permissions, at=NOW + timedelta(seconds=seconds))
    return bool(
        written(database, lambda unit: unit.sync_token_rights(ANN, rights, implicit_role_mapping=own, now=NOW + SECOND))
    )


def grant_default(database: Database, role: str | None = "viewer") -> bool:
    return bool(written(database, lambda unit: unit.grant_default_role(ANN, role, NOW)))


def role_id(database: Database, name: str) -> int:
    card = database.administration.role_by_name(name, NOW)
    assert card is not None
    return card.row.id


def mapped(database: Database, token_role: str, *names: str) -> int:
    numbers = frozenset(role_id(database, name) for name in names)
    return int(written(database, lambda unit: unit.set_mapping(token_role, numbers, NOW, implicit_role_mapping=False)))


def granted(database: Database, subject: Subject = ANN) -> list[tuple[str | None, Source]]:
    return [
        (grant_row.role or grant_row.permission, grant_row.source) for grant_row in card_of(database, subject).grants
    ]


def test_the_default_role_is_not_given_while_it_is_withheld(database: Database) -> None:
    assert grant_default(database)
    withhold(database)
    assert granted(database) == []
    assert not grant_default(database)
    assert granted(database) == []
    (row,) = card_of(database).withheld
    assert row == WithheldRow(row.id, "ada", NOW, "viewer", None, "left", from_token=False, from_default=True)
    assert release(database)
    assert granted(database) == [("viewer", Source.INSTALLATION)]
    assert card_of(database).grants[0].automatic


def test_a_default_role_that_is_another_by_now_is_not_given_by_a_release(database: Database) -> None:
    grant_default(database)
    withhold(database)
    grant_default(database, "auditor")
    assert not card_of(database).withheld[0].from_default
    release(database)
    assert granted(database) == [("auditor", Source.INSTALLATION)]
    grant_default(database, None)


def test_a_default_role_that_is_set_no_longer_is_not_given_by_a_release(database: Database) -> None:
    sync_token(database, "viewer")
    grant_default(database)
    withhold(database)
    assert card_of(database).withheld[0].from_default, "no sign-in has recorded that it is another by now"
    release(database, is_default=False)
    assert granted(database) == [("viewer", Source.TOKEN)]


def test_a_role_of_the_token_is_not_given_while_it_is_withheld(database: Database) -> None:
    sync_token(database, "viewer", "analyst")
    withhold(database)
    before = database.read.policy_version()
    assert not sync_token(database, "viewer", "analyst", seconds=1)
    assert database.read.policy_version() == before, "without a change of rights the version stays"
    assert granted(database) == [("analyst", Source.TOKEN)]
    assert card_of(database).token_roles == {"analyst": ("analyst",), "viewer": ("viewer",)}
    sync_token(database, "analyst", seconds=2)
    assert not card_of(database).withheld[0].from_token
    sync_token(database, "analyst", "viewer", seconds=3)
    assert card_of(database).withheld[0].from_token
    assert granted(database) == [("analyst", Source.TOKEN)], "not after it was gone from the token for a while either"
    release(database)
    assert granted(database) == [("analyst", Source.TOKEN), ("viewer", Source.TOKEN)]


def test_a_permission_of_the_token_is_not_given_while_it_is_withheld(database: Database) -> None:
    sync_token(database, permissions=("read:reports", "explore:api"))
    withhold(database, "read:reports")
    sync_token(database, permissions=("read:reports", "explore:api"), seconds=1)
    assert granted(database) == [("explore:api", Source.TOKEN)]
    assert database.read.bearer_facts(digest("x"), ANN, "another").withheld == {"read:reports"}
    assert database.read.bearer_facts(digest("x"), BOB, "another").withheld == frozenset()
    release(database)
    assert granted(database) == [("explore:api", Source.TOKEN), ("read:reports", Source.TOKEN)]


def test_every_automatic_source_is_withheld_at_once_and_comes_back_as_it_was(database: Database) -> None:
    sync_token(database, "viewer")
    grant_default(database)
    written(database, lambda unit: unit.add_grant(grant("viewer"), NOW))
    withhold(database)
    assert granted(database) == [("viewer", Source.ADMIN)], "what an administrator gave is no automatic grant"
    release(database)
    assert sorted(source for _, source in granted(database)) == ["admin", "policy", "token"]


def test_a_mapping_grants_nothing_that_is_withheld(database: Database) -> None:
    sync_token(database, "staff", own=False)
    mapped(database, "staff", "viewer")
    withhold(database)
    assert mapped(database, "staff") == 0
    assert not card_of(database).withheld[0].from_token
    assert mapped(database, "staff", "viewer") == 0
    assert granted(database) == []
    assert card_of(database).withheld[0].from_token
    release(database)
    assert granted(database) == [("viewer", Source.TOKEN)]


def test_a_successor_of_a_deleted_role_is_withheld_like_it(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(insert(roles), [{"name": "clerk", "name_key": "clerk"}])
    sync_token(database, "staff", own=False)
    mapped(database, "staff", "clerk")
    withhold(database, "clerk")
    old, new = role_id(database, "clerk"), role_id(database, "viewer")

    def move(unit: DatabaseUnitOfWork) -> None:
        unit.move_role(old, new, by="ada", reason="merged", now=NOW)
        unit.delete_role(old)

    written(database, move)
    assert granted(database) == []
    (row,) = card_of(database).withheld
    assert (row.role, row.author, row.reason, row.from_token) == ("viewer", "ada", "left", True)
    assert not sync_token(database, "staff", seconds=5, own=False)
    assert granted(database) == []


def test_moving_a_role_grants_nothing_that_is_withheld(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(insert(roles), [{"name": "clerk", "name_key": "clerk"}])
    sync_token(database, "staff", "viewer")
    withhold(database)
    mapped(database, "staff", "clerk")
    assert granted(database) == [("clerk", Source.TOKEN)]
    old, new = role_id(database, "clerk"), role_id(database, "viewer")
    written(database, lambda unit: unit.move_role(old, new, by="ada", reason="merged", now=NOW))
    assert granted(database) == []


def test_withheld_grants_survive_an_erasure_without_their_reason(database: Database) -> None:
    grant_default(database)
    withhold(database)
    written(database, lambda unit: unit.erase_person(card_of(database).row.id, NOW))
    assert not grant_default(database)
    (row,) = card_of(database).withheld
    assert (row.role, row.reason) == ("viewer", "")


def test_deleting_a_role_deletes_its_withheld_grants(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(insert(roles), [{"name": "clerk", "name_key": "clerk"}])
    grant_default(database, "clerk")
    withhold(database, "clerk")
    number = role_id(database, "clerk")
    written(database, lambda unit: unit.delete_role(number))
    assert card_of(database).withheld == ()


@pytest.mark.parametrize("change", ["withhold", "release"])
def test_it_moves_the_policy_version_and_the_cards(database: Database, change: str) -> None:
    grant_default(database)
    if change == "release":
        withhold(database)
    before, card = database.read.policy_version(), card_of(database).version
    (withhold if change == "withhold" else release)(database)
    assert database.read.policy_version() == before + 1
    assert card_of(database).version != card


def test_an_unknown_withheld_grant_cannot_be_released(database: Database) -> None:
    assert not written(database, lambda unit: unit.release_withheld(1, is_default=True, now=NOW))


def test_details_read_in_a_transaction_equal_the_committed_ones(database: Database) -> None:
    """An answer that is read before the commit shows, with its version, what is there after it."""
    sync_token(database, "viewer", permissions=("explore:api",))
    withhold(database)
    person = card_of(database).row.id
    with database.unit_of_work() as unit:
        assert unit.add_grant(grant("auditor"), NOW)
        inside = unit.person_card(person, NOW)
        unit.commit()
    assert inside == card_of(database)
    assert inside is not None
    assert [grant_row.role or grant_row.permission for grant_row in inside.grants] == ["auditor", "explore:api"]
    assert [row.role for row in inside.withheld] == ["viewer"]
    assert inside.version == card_of(database).version
