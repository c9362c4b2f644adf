"""Grants: their permissions, order and expiry, and those synchronized with tokens."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from app.core.errors import NotFound
from app.core.permissions import ROLES
from app.core.policy import NO_GRANTS, Grants, Source
from app.core.principal import Subject
from app.core.records import NewGrant, TokenRightsChange
from db import Database
from db.models import role_mappings, roles, token_roles
from tests.db.builders import ANN, BOB, HOUR, ISSUER, NOW, SECOND, grant, token_rights, written


def grants_of(database: Database, subject: Subject = ANN, now: Any = NOW) -> Grants:
    return database.read.grants(subject, now)


def add(database: Database, new: NewGrant) -> bool:
    return bool(written(database, lambda unit: unit.add_grant(new, NOW)))


def sync(database: Database, rights: Any, *, implicit_role_mapping: bool = True) -> bool:
    return bool(
        written(
            database,
            lambda unit: unit.sync_token_rights(ANN, rights, implicit_role_mapping=implicit_role_mapping, now=NOW),
        )
    )


def test_an_unknown_subject_has_no_grants(database: Database) -> None:
    assert grants_of(database) is NO_GRANTS


def test_a_role_grants_its_permissions_with_their_path(database: Database) -> None:
    assert add(database, grant("analyst", reason="asked"))
    grants = grants_of(database)
    assert set(grants.permissions) == set(ROLES["analyst"][1])
    (path,) = grants.permissions["read:reports"]
    assert (path.role, path.source, path.author, path.granted_at, path.expires_at) == (
        "analyst",
        Source.ADMIN,
        "tester",
        NOW,
        None,
    )
    assert grants.roles == {"analyst": (path,)}
    assert (grants.administrator_paths, grants.next_expiry_at, grants.token_permissions) == ((), None, frozenset())


def test_a_single_permission(database: Database) -> None:
    assert add(database, grant(permission="read:messages"))
    grants = grants_of(database)
    assert list(grants.permissions) == ["read:messages"]
    assert grants.permissions["read:messages"][0].role is None
    assert grants.roles == {}


def test_the_administrator_has_every_permission_without_a_list(database: Database) -> None:
    add(database, grant("administrator"))
    add(database, grant("viewer"))
    grants = grants_of(database)
    assert [path.role for path in grants.administrator_paths] == ["administrator"]
    assert set(grants.roles) == {"administrator", "viewer"}
    assert set(grants.permissions) == ROLES["viewer"][1]
    assert [path.role for path in grants.grant_paths("read:reports")] == ["administrator", "viewer"]


def test_grant_paths_without_expiry_come_first_then_by_source(database: Database) -> None:
    for new in (
        grant("viewer", source=Source.TOKEN),
        grant("viewer", source=Source.REQUEST),
        grant("analyst", source=Source.INSTALLATION),
        grant("viewer", source=Source.ADMIN, expires_at=NOW + HOUR),
        grant("analyst", source=Source.ADMIN, expires_at=NOW + 2 * HOUR),
        grant("analyst", source=Source.ADMIN, expires_at=NOW),
        grant(permission="read:reports", source=Source.REQUEST, expires_at=NOW + SECOND),
    ):
        add(database, new)
    grants = grants_of(database)
    assert [(path.role, path.source) for path in grants.permissions["read:reports"]] == [
        ("analyst", Source.INSTALLATION),
        ("viewer", Source.REQUEST),
        ("viewer", Source.TOKEN),
        ("analyst", Source.ADMIN),
        ("viewer", Source.ADMIN),
        (None, Source.REQUEST),
    ]
    assert [path.source for path in grants.roles["viewer"]] == [Source.REQUEST, Source.TOKEN, Source.ADMIN]


def test_a_grant_ends_at_its_time_and_not_before(database: Database) -> None:
    add(database, grant("viewer", expires_at=NOW + HOUR))
    add(database, grant("developer", expires_at=NOW + 2 * HOUR))
    assert grants_of(database).next_expiry_at == NOW + HOUR
    assert set(grants_of(database, now=NOW + HOUR - SECOND / 1_000_000).roles) == {"viewer", "developer"}
    later = grants_of(database, now=NOW + HOUR)
    assert (set(later.roles), later.next_expiry_at) == ({"developer"}, NOW + 2 * HOUR)
    assert grants_of(database, now=NOW + 2 * HOUR) is NO_GRANTS


def test_the_same_grant_twice_is_one(database: Database) -> None:
    version = database.read.policy_version()
    assert add(database, grant("viewer"))
    assert not add(database, grant("viewer", expires_at=NOW + HOUR))
    assert database.read.policy_version() == version + 1
    assert grants_of(database).next_expiry_at is None
    assert add(database, grant("viewer", source=Source.INSTALLATION))
    assert add(database, grant(permission="read:reports"))
    assert not add(database, grant(permission="read:reports"))
    assert database.read.policy_version() == version + 3


def test_an_expired_grant_does_not_stand_in_the_way(database: Database) -> None:
    assert add(database, grant("viewer", expires_at=NOW))
    assert grants_of(database) is NO_GRANTS
    assert add(database, grant("viewer"))
    assert set(grants_of(database).roles) == {"viewer"}


def test_a_subject_not_seen_yet_can_get_a_grant(database: Database) -> None:
    add(database, grant("viewer", subject=BOB))
    person = database.read.person(BOB)
    assert person is not None
    assert (person.first_seen_at, person.last_seen_at, person.name) == (None, None, "")
    assert set(grants_of(database, BOB).roles) == {"viewer"}


@pytest.mark.parametrize("unknown", [grant("unknown"), grant("Viewer"), grant(permission="fly:away"), grant("\x00")])
def test_unknown_roles_and_permissions_cannot_be_granted(database: Database, unknown: NewGrant) -> None:
    with database.unit_of_work() as unit:
        with pytest.raises(NotFound):
            unit.add_grant(unknown, NOW)
        assert not unit.revoke_grant(unknown, NOW)
    assert database.read.person(ANN) is None


@pytest.mark.parametrize("neither", [grant(), grant("viewer", "read:reports")])
def test_a_grant_is_of_exactly_one_role_or_permission(database: Database, neither: NewGrant) -> None:
    with database.unit_of_work() as unit, pytest.raises(ValueError, match="exactly one"):
        unit.add_grant(neither, NOW)


def test_revoking_removes_that_source_only(database: Database) -> None:
    add(database, grant("viewer"))
    add(database, grant("viewer", source=Source.INSTALLATION))
    version = database.read.policy_version()

    def revoke() -> bool:
        return bool(written(database, lambda unit: unit.revoke_grant(grant("viewer"), NOW)))

    assert revoke()
    assert not revoke()
    assert database.read.policy_version() == version + 1
    assert [path.source for path in grants_of(database).roles["viewer"]] == [Source.INSTALLATION]


def test_a_sync_returns_what_changed_by_name(database: Database) -> None:
    def change(rights: Any) -> Any:
        return written(database, lambda unit: unit.sync_token_rights(ANN, rights, implicit_role_mapping=True, now=NOW))

    first = change(token_rights("viewer", "analyst", "unmapped", permissions=("read:messages", "fly:away")))
    assert first == TokenRightsChange(roles_added=("analyst", "viewer"), permissions_added=("read:messages",))
    second = change(token_rights("viewer", permissions=("explore:api",), at=NOW + SECOND))
    assert second == TokenRightsChange((), ("analyst",), ("explore:api",), ("read:messages",))
    assert (bool(first), bool(second), bool(TokenRightsChange())) == (True, True, False)
    assert not change(token_rights("viewer", permissions=("explore:api",), at=NOW + 2 * SECOND))


def test_token_rights_come_and_go_with_the_token(database: Database) -> None:
    add(database, grant("viewer"))
    version = database.read.policy_version()
    assert sync(database, token_rights("analyst", "unmapped", permissions=("read:messages", "fly:away")))
    grants = grants_of(database)
    assert set(grants.roles) == {"viewer", "analyst"}
    (path,) = grants.permissions["read:messages"]
    assert (path.role, path.source, path.author, path.expires_at, path.granted_at) == (
        None,
        Source.TOKEN,
        "",
        None,
        NOW,
    )
    assert "fly:away" not in grants.permissions
    assert database.read.policy_version() == version + 1
    again = token_rights("analyst", "unmapped", permissions=("read:messages",), at=NOW + SECOND)
    assert not sync(database, again)
    assert database.read.policy_version() == version + 1
    assert sync(database, token_rights("developer", at=NOW + 2 * SECOND))
    assert set(grants_of(database).roles) == {"viewer", "developer"}
    assert sync(database, token_rights(at=NOW + 3 * SECOND))
    assert set(grants_of(database).roles) == {"viewer"}
    assert database.read.policy_version() == version + 3


def test_a_token_grant_does_not_replace_the_same_grant_of_another_source(database: Database) -> None:
    add(database, grant("viewer"))
    sync(database, token_rights("viewer"))
    assert [path.source for path in grants_of(database).roles["viewer"]] == [Source.ADMIN, Source.TOKEN]
    sync(database, token_rights(at=NOW + SECOND))
    assert [path.source for path in grants_of(database).roles["viewer"]] == [Source.ADMIN]


def test_an_older_token_changes_nothing(database: Database) -> None:
    sync(database, token_rights("viewer", at=NOW))
    version = database.read.policy_version()
    assert not sync(database, token_rights("administrator", at=NOW - SECOND))
    assert not sync(database, token_rights(at=NOW - HOUR))
    assert (set(grants_of(database).roles), database.read.policy_version()) == ({"viewer"}, version)
    assert sync(database, token_rights("developer", at=NOW)), "the same second is not older"


def test_names_map_to_themselves_only_if_set_and_only_to_built_in_roles(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(insert(roles).values(name="custom", name_key="custom"))
    assert not sync(database, token_rights("administrator", "custom"), implicit_role_mapping=False)
    assert grants_of(database) is NO_GRANTS
    assert sync(database, token_rights("viewer", "custom"))
    assert set(grants_of(database).roles) == {"viewer"}


def test_mappings_count_everywhere_and_raw_names_are_remembered(database: Database) -> None:
    with database.engine.begin() as connection:
        viewer = connection.execute(select(roles.c.id).where(roles.c.name == "viewer")).scalar_one()
        connection.execute(insert(role_mappings).values(token_role="Staff", role_id=viewer))
    assert sync(database, token_rights("Staff", "staff", "Other", "\x00", ""), implicit_role_mapping=False)
    assert set(grants_of(database).roles) == {"viewer"}

    def names() -> set[str]:
        with database.engine.connect() as connection:
            return set(connection.execute(select(token_roles.c.name)).scalars())

    assert names() == {"Staff", "staff", "Other"}
    sync(database, token_rights("New", at=NOW + SECOND), implicit_role_mapping=False)
    assert names() == {"New"}
    assert grants_of(database) is NO_GRANTS


def test_thousands_of_names_in_a_token_are_no_trouble(database: Database) -> None:
    many = tuple(f"made:up{number}" for number in range(3000))
    assert sync(database, token_rights("viewer", permissions=(*many, "read:messages")))
    assert set(grants_of(database).permissions) == ROLES["viewer"][1] | {"read:messages"}
    sync(database, token_rights(*many, at=NOW + SECOND))
    assert grants_of(database) is NO_GRANTS


def test_role_descriptions(database: Database) -> None:
    assert database.read.role_descriptions() == {name: text for name, (text, _) in ROLES.items()}


def test_a_hostile_subject_is_not_another(database: Database) -> None:
    add(database, grant("viewer"))
    for subject in ("auth0|ann' OR '1'='1", "auth0|an%", "auth0|ann ", "AUTH0|ANN"):
        assert grants_of(database, Subject(ISSUER, subject)) is NO_GRANTS
