"""Roles, permissions and mappings as the pages for administrators read and change them."""

from __future__ import annotations

import pytest

from app.core.administration_records import RoleReview, RoleRow
from app.core.errors import InvalidInput, NameTaken, NotFound, RoleInUse
from app.core.list_orders import MappingSort, RoleSort
from app.core.permissions import CATALOGUE, ROLES
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import TokenRights
from db import Database
from db.database import DatabaseUnitOfWork
from tests.db.builders import ANN, ISSUER, NOW, SECOND, add_many, grant, token_rights, written
from tests.db.sample_people import BOB, CARLA, DAY, add_sample_people


def role_id(database: Database, name: str) -> int:
    card = database.administration.role_by_name(name, NOW)
    assert card is not None
    return card.row.id


def make_role(database: Database, name: str, *permissions: str) -> int:
    made: int = written(database, lambda unit: unit.add_role(name, f"For {name}.", frozenset(permissions)))
    return made


def test_roles_are_listed_with_their_numbers(database: Database) -> None:
    add_sample_people(database)
    rows = {row.name: row for row in database.administration.roles(NOW).rows}
    assert list(rows) == sorted(ROLES)
    assert (rows["administrator"].permissions, rows["administrator"].people) == (len(CATALOGUE), 1)
    assert (rows["viewer"].permissions, rows["viewer"].people) == (len(ROLES["viewer"][1]), 2)
    assert rows["viewer"].built_in
    page = database.administration.roles(NOW, limit=2)
    assert [row.name for row in page.rows] == ["administrator", "analyst"]
    assert page.next is not None
    assert [row.name for row in database.administration.roles(NOW, cursor=page.next).rows] == sorted(ROLES)[2:]
    assert [row.name for row in database.administration.roles(NOW, text="VIEW").rows] == ["viewer"]


@pytest.mark.parametrize("sort", RoleSort)
def test_roles_are_sorted_in_pages(database: Database, sort: RoleSort) -> None:
    add_sample_people(database)
    make_role(database, "Zz", "read:reports")
    whole = database.administration.roles(NOW, sort=sort).rows
    values = [getattr(row, sort.value.removeprefix("-")) for row in whole]
    assert values == sorted(values, reverse=sort.value.startswith("-"))
    assert len(set(values)) > 1
    if sort.value.removeprefix("-") != "name":
        for value in values:
            names = [row.name for row in whole if getattr(row, sort.value.removeprefix("-")) == value]
            assert names == sorted(names), "equal numbers are by name"
    rows: list[RoleRow] = []
    cursor: str | None = ""
    while cursor is not None:
        page = database.administration.roles(NOW, sort=sort, cursor=cursor, limit=2)
        rows += page.rows
        cursor = page.next
    assert tuple(rows) == whole
    assert page.total == len(whole)
    first = database.administration.roles(NOW, sort=sort, limit=2)
    assert first.next is not None
    with pytest.raises(InvalidInput):
        database.administration.roles(
            NOW, sort=next(other for other in RoleSort if other is not sort), cursor=first.next
        )


def test_a_role_by_id_and_by_name(database: Database) -> None:
    written(database, lambda unit: unit.set_mapping("Owners", frozenset(), NOW, implicit_role_mapping=False))
    number = role_id(database, "viewer")
    written(database, lambda unit: unit.set_mapping("Owners", frozenset({number}), NOW, implicit_role_mapping=False))
    card = database.administration.role_card(number, NOW)
    assert card is not None
    assert (card.permissions, card.token_roles) == (ROLES["viewer"][1], ("Owners",))
    assert database.administration.role_card(10**9, NOW) is None
    assert database.administration.role_by_name("Viewer", NOW) is None
    assert database.administration.role_by_name("\ud800", NOW) is None
    stored = database.administration.role_permissions([number, role_id(database, "administrator"), 10**9])
    assert sorted(map(len, stored.values())) == [len(ROLES["viewer"][1]), len(CATALOGUE)]


def test_the_catalogue(database: Database) -> None:
    add_sample_people(database)
    page = database.administration.permissions(NOW, limit=3)
    assert [row.name for row in page.rows] == sorted(CATALOGUE)[:3]
    assert page.total == len(CATALOGUE)
    assert page.next is not None
    assert [row.name for row in database.administration.permissions(NOW, cursor=page.next).rows] == sorted(CATALOGUE)[
        3:
    ]
    stored = database.administration.permissions(NOW, text="EXPLORE:api").rows
    assert [(row.name, row.roles, row.people, row.direct_people) for row in stored] == [("explore:api", 1, 2, 1)]
    assert [row.by_scope for row in database.administration.permissions(NOW, text="scoped message").rows] == [True]


def test_a_review_counts_the_people_who_gain_and_lose_permissions(database: Database) -> None:
    add_sample_people(database)
    number = role_id(database, "viewer")
    written(database, lambda unit: unit.add_grant(grant("analyst", subject=BOB), NOW))
    others = ROLES["viewer"][1] - {"read:reports"}
    review = database.administration.review_role(number, others | {"explore:api", "explore:files"}, NOW)
    assert review == RoleReview(
        added=("explore:api", "explore:files"),
        removed=("read:reports",),
        people=2,
        gain={"explore:api": 1, "explore:files": 0},
        lose={"read:reports": 0},
        other_roles={
            "explore:api": ("administrator",),
            "explore:files": ("administrator", "analyst"),
            "read:reports": ("administrator", "analyst"),
        },
        sessions=2,
    )
    same = database.administration.review_role(number, ROLES["viewer"][1], NOW)
    assert same is not None
    assert (same.added, same.removed, same.people, same.sessions) == ((), (), 2, 0)
    assert database.administration.review_role(10**9, frozenset(), NOW) is None
    nothing = database.administration.review_role(role_id(database, "administrator"), frozenset(), NOW)
    assert nothing is not None
    assert nothing.removed == ()


def test_a_review_of_a_role_that_very_many_hold(database: Database) -> None:
    number = make_role(database, "many", "read:reports")

    add_many(
        database,
        {
            Subject(ISSUER, f"s{number}"): ("", ("many", "developer") if number < 1295 else ("many",))
            for number in range(1300)
        },
    )
    review = database.administration.review_role(number, frozenset({"explore:api", "explore:files"}), NOW)
    assert review is not None
    assert review.people == 1000
    assert dict(review.gain) == {"explore:api": 5, "explore:files": 1000}
    assert dict(review.lose) == {"read:reports": 1000}


def test_roles_are_made_changed_moved_and_deleted(database: Database) -> None:
    add_sample_people(database)
    version = database.read.policy_version()
    number = make_role(database, "Ops", "explore:api")
    assert database.read.policy_version() == version + 1
    with pytest.raises(NameTaken):
        make_role(database, "0ps")
    with pytest.raises(NotFound):
        make_role(database, "other", "no:such")
    written(
        database,
        lambda unit: unit.change_role(number, name="Ops 2", description="x", permissions=frozenset({"read:people"})),
    )
    card = database.administration.role_card(number, NOW)
    assert card is not None
    assert (card.row.name, card.row.version, card.permissions) == ("Ops 2", "2", frozenset({"read:people"}))
    assert database.read.policy_version() == version + 2
    written(database, lambda unit: unit.add_grant(grant("Ops 2", subject=CARLA, expires_at=NOW + DAY), NOW))
    written(database, lambda unit: unit.add_grant(grant("Ops 2", subject=BOB), NOW))
    written(database, lambda unit: unit.set_mapping("Owners", frozenset({number}), NOW, implicit_role_mapping=True))
    with pytest.raises(RoleInUse):
        written(database, lambda unit: unit.delete_role(number))
    viewer = role_id(database, "viewer")
    moved = written(database, lambda unit: unit.move_role(number, viewer, by="me", reason="merged", now=NOW))
    assert moved == 2
    carla, bob = database.read.grants(CARLA, NOW), database.read.grants(BOB, NOW)
    assert [(way.source, way.expires_at, way.author) for way in carla.roles["viewer"]] == [
        (Source.ADMIN, NOW + DAY, "me")
    ]
    assert [(way.source, way.expires_at) for way in bob.roles["viewer"]] == [(Source.ADMIN, None), (Source.TOKEN, None)]
    assert [row.roles for row in database.administration.mappings(text="owners").rows] == [((viewer, "viewer"),)]
    written(database, lambda unit: unit.delete_role(number))
    assert database.administration.role_card(number, NOW) is None


def test_a_mapping_changes_the_token_grants_of_all_people_with_the_token_role(database: Database) -> None:
    add_sample_people(database)
    developer, viewer = role_id(database, "developer"), role_id(database, "viewer")
    assert [(row.token_role, row.roles, row.people) for row in database.administration.mappings().rows] == [
        ("Owners", (), 1),
        ("viewer", (), 1),
    ]
    before = database.administration.mappings(text="own").rows[0].version
    both = frozenset({developer, viewer})
    assert written(database, lambda unit: unit.set_mapping("Owners", both, NOW, implicit_role_mapping=True)) == 1
    assert set(database.read.grants(BOB, NOW).roles) == {"viewer", "developer"}
    row = database.administration.mappings(text="own").rows[0]
    assert row.version != before
    assert row.roles == ((developer, "developer"), (viewer, "viewer"))
    assert [row.token_role for row in database.administration.mappings(unmapped=True).rows] == ["viewer"]
    assert written(database, lambda unit: unit.set_mapping("Owners", frozenset(), NOW, implicit_role_mapping=True)) == 1
    assert set(database.read.grants(BOB, NOW).roles) == {"viewer"}
    assert [way.source for way in database.read.grants(BOB, NOW).roles["viewer"]] == [Source.TOKEN, Source.ADMIN]
    written(
        database,
        lambda unit: unit.sync_token_rights(BOB, token_rights(at=NOW + SECOND), implicit_role_mapping=True, now=NOW),
    )
    assert database.administration.mappings().rows == ()


def test_mapping_pages(database: Database) -> None:
    names = [f"team {number:03}" for number in range(7)]
    written(
        database, lambda unit: unit.sync_token_rights(ANN, token_rights(*names), implicit_role_mapping=False, now=NOW)
    )
    page = database.administration.mappings(limit=4)
    assert page.next is not None
    rest = database.administration.mappings(limit=4, cursor=page.next)
    assert [row.token_role for row in (*page.rows, *rest.rows)] == names
    assert (page.total, rest.next) == (7, None)


@pytest.mark.parametrize("sort", MappingSort)
def test_mappings_are_sorted_in_pages(database: Database, sort: MappingSort) -> None:
    viewer = frozenset({role_id(database, "viewer")})

    def write(unit: DatabaseUnitOfWork) -> None:
        for number, names in enumerate([("b", "a"), ("b", "c"), ("b",)]):
            subject = Subject(ISSUER, f"s{number}")
            unit.sync_token_rights(subject, token_rights(*names), implicit_role_mapping=False, now=NOW)
        unit.set_mapping("d", viewer, NOW, implicit_role_mapping=False)

    written(database, write)
    rows: list[tuple[str, int]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = database.administration.mappings(sort=sort, cursor=cursor, limit=1)
        rows += [(row.token_role, row.people) for row in page.rows]
        cursor = page.next
    assert (
        rows
        == {
            MappingSort.TOKEN_ROLE: [("a", 1), ("b", 3), ("c", 1), ("d", 0)],
            MappingSort.TOKEN_ROLE_DESCENDING: [("d", 0), ("c", 1), ("b", 3), ("a", 1)],
            MappingSort.PEOPLE: [("d", 0), ("a", 1), ("c", 1), ("b", 3)],
            MappingSort.PEOPLE_DESCENDING: [("b", 3), ("a", 1), ("c", 1), ("d", 0)],
        }[sort]
    )


def test_a_unit_reads_its_own_state(database: Database) -> None:
    ids = add_sample_people(database)
    with database.unit_of_work() as unit:
        unit.set_blocked(BOB, blocked=True)
        stored = unit.person_by_id(ids[BOB])
        assert stored is not None
        assert stored[0].person.blocked
        assert unit.person_of(BOB) == stored[0]
        unit.add_grant(grant("developer", subject=BOB), NOW)
        assert "explore:api" in unit.grants_of(BOB, NOW).permissions
        assert unit.grants_of(Subject("", ""), NOW).roles == {}
        assert unit.token_roles_of(BOB) == {"Owners", "viewer"}
        assert unit.catalogue() == frozenset(CATALOGUE)
        card = unit.role_named("V iewer", NOW)
        assert card is not None
        assert card.row.people == 2
        assert unit.role_for_change(card.row.id, NOW) == card
        assert unit.mapping("Owners").roles == ()
    assert database.administration.person_card(ids[BOB], NOW) is not None
    assert "developer" not in database.read.grants(BOB, NOW).roles


def test_a_token_role_that_counts_by_its_own_name_is_not_mapped_nowhere(database: Database) -> None:
    with database.unit_of_work() as unit:
        rights = TokenRights(issued_at=NOW, roles=frozenset({"viewer", "elsewhere"}))
        unit.sync_token_rights(ANN, rights, implicit_role_mapping=True, now=NOW)
        unit.commit()

    def nowhere(*, implicit_role_mapping: bool) -> tuple[list[str], tuple[str, ...]]:
        listed = database.administration.mappings(unmapped=True, implicit_role_mapping=implicit_role_mapping).rows
        named = database.administration.statistics(
            NOW, days=1, implicit_role_mapping=implicit_role_mapping
        ).attention.unmapped_token_roles
        return [row.token_role for row in listed], named

    assert nowhere(implicit_role_mapping=True) == (["elsewhere"], ("elsewhere",))
    assert nowhere(implicit_role_mapping=False) == (["elsewhere", "viewer"], ("elsewhere", "viewer"))
