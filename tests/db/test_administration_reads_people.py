"""The list of people and their cards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.administration_records import MAX_COUNTED, PeopleQuery, PeopleSort, PersonRow, PersonState
from app.core.errors import InvalidInput
from app.core.permissions import ROLES
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import Person
from db import Database
from db.database import DatabaseUnitOfWork
from tests.db.builders import ISSUER, NOW, SECOND, add_many, grant, written
from tests.db.sample_people import ADA, BOB, CARLA, DAY, DORA, ELODIE, PENDING, QUOTE, ROBOT, ZOE, add_sample_people


def names_of(database: Database, query: PeopleQuery) -> list[str]:
    page = database.administration.people(query, NOW)
    assert page.total == len(page.rows)
    return [row.person.name or row.person.subject.subject for row in page.rows]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("LOVE", ["Ada Lovelace"]),
        ("ada love", ["Ada Lovelace"]),
        ("a", ["Ada Lovelace"]),
        ("zo", ["Zoe 100% _Under\\"]),
        ("100%", ["Zoe 100% _Under\\"]),
        ("_under", ["Zoe 100% _Under\\"]),
        ("er\\", ["Zoe 100% _Under\\"]),
        ('q"u', ['Q"uote']),
        ("MÜLLER", ["Dora Müller"]),
        ("élo", ["Élodie Noir"]),
        ("bob@example", ["Bob Ross"]),
        ("ROBOT@cl", ["robot@clients"]),
        ("auth0|pend", ["auth0|pending"]),
        ("unknown", []),
        ("' OR 1=1 --", []),
        ("name_key:ada", []),
        ("NEAR(ada)", []),
        ("*", []),
        ("\x00\ud800 ", ["Ada Lovelace", "Bob Ross"]),
    ],
)
def test_people_are_found_by_part_of_name_email_or_subject(database: Database, text: str, names: list[str]) -> None:
    add_sample_people(database)
    rows = names_of(database, PeopleQuery(text=text))
    assert rows[: len(names)] == names
    assert len(rows) == len(names) or not text.strip("\x00\ud800 ")


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        (PeopleQuery(state=PersonState.BLOCKED), {ZOE}),
        (PeopleQuery(state=PersonState.PENDING), {PENDING}),
        (PeopleQuery(state=PersonState.ERASED), set()),
        (PeopleQuery(state=PersonState.ACTIVE), {ADA, BOB, CARLA, DORA, ELODIE, QUOTE, ROBOT}),
        (PeopleQuery(machine=True), {ROBOT}),
        (PeopleQuery(machine=False, text="auth0|"), {ADA, BOB, CARLA, DORA, ELODIE, QUOTE, ZOE, PENDING}),
        (PeopleQuery(role="viewer"), {ADA, BOB}),
        (PeopleQuery(role="viewer", text="ross"), {BOB}),
        (PeopleQuery(role="no such role"), set()),
        (PeopleQuery(role="\ud800"), set()),
        (PeopleQuery(without_roles=True), {CARLA, DORA, ELODIE, QUOTE, ZOE, ROBOT}),
        (PeopleQuery(without_roles=True, text="example", state=PersonState.BLOCKED), {ZOE}),
    ],
)
def test_filters(database: Database, query: PeopleQuery, subjects: set[Subject]) -> None:
    add_sample_people(database)
    for sort in PeopleSort:
        page = database.administration.people(replace(query, sort=sort), NOW)
        assert {row.person.subject for row in page.rows} == subjects
        assert page.total == len(subjects)


@pytest.mark.parametrize("sort", PeopleSort)
@pytest.mark.parametrize("text", ["", "auth0"])
def test_pages_follow_each_other_without_gaps(database: Database, sort: PeopleSort, text: str) -> None:
    add_sample_people(database)
    whole = database.administration.people(PeopleQuery(text=text, sort=sort, limit=200), NOW)
    assert whole.next is None
    query = PeopleQuery(text=text, sort=sort, limit=2)
    rows: list[PersonRow] = []
    while True:
        page = database.administration.people(query, NOW)
        assert len(page.rows) <= 2
        rows += page.rows
        if page.next is None:
            break
        query = replace(query, cursor=page.next)
    assert tuple(rows) == whole.rows
    column = str(sort).removeprefix("-")
    values = [getattr(row.person, column) for row in rows]
    known = [value.casefold() if sort.by_name else value for value in values if value]
    assert known == sorted(known, reverse=sort.descending)
    assert len(known) > 1
    assert not any(values[len(known) :]), "people without a value come last"
    assert len(values) > len(known)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (PeopleSort.NAME, ["anders", "Anders Zorn", "Bea Anders", "Zoe Anders", ""]),
        (PeopleSort.NAME_DESCENDING, ["Anders Zorn", "anders", "Zoe Anders", "Bea Anders", ""]),
    ],
)
def test_names_that_begin_with_the_text_come_first(database: Database, sort: PeopleSort, expected: list[str]) -> None:
    def write(unit: DatabaseUnitOfWork) -> None:
        for name in ("Bea Anders", "Anders Zorn", "Zoe Anders", "anders", "Carl"):
            unit.save_person(Person(Subject(ISSUER, name), name), NOW)
        unit.record_subject(Subject(ISSUER, "anders@clients"), NOW, machine=True)

    written(database, write)
    names: list[str] = []
    query = PeopleQuery(text="anders", sort=sort, limit=1)
    while True:
        page = database.administration.people(query, NOW)
        assert page.total == 5
        names += [row.person.name for row in page.rows]
        if page.next is None:
            break
        query = replace(query, cursor=page.next)
    assert names == expected


def test_short_words_are_found_by_pieces_and_beside_others(database: Database) -> None:
    """PostgreSQL has an index for each kind of text; a page that is full of beginnings is counted all the same."""

    names_by_subject = {f"auth0|{number}": f"Zoe Anders {number:03}" for number in range(450)}
    names_by_subject |= {"kim": "Kim Zoe A", "far": "Zoe Bea A"}
    add_many(database, {Subject(ISSUER, subject): (name, ()) for subject, name in names_by_subject.items()})
    for text, total, last in (
        ("zoe a", 451, "Kim Zoe A"),
        ("zoe anders", 450, "Zoe Anders 449"),
        ("zoe", 452, "Kim Zoe A"),
        ("a 1", 0, ""),
        ("s 1", 100, "Zoe Anders 199"),
        ("zoe anders 0", 100, "Zoe Anders 099"),
    ):
        names: list[str] = []
        query = PeopleQuery(text=text, limit=120)
        while True:
            page = database.administration.people(query, NOW)
            assert page.total == total
            names += [row.person.name for row in page.rows]
            if page.next is None:
                break
            query = replace(query, cursor=page.next)
        assert len(names) == len(set(names)) == total
        assert names[-1:] == [last] * bool(total)


def test_a_cursor_is_good_for_its_own_query_only(database: Database) -> None:
    add_sample_people(database)
    page = database.administration.people(PeopleQuery(limit=2), NOW)
    assert page.next is not None
    wrong = (
        PeopleQuery(cursor=page.next, sort=PeopleSort.LAST_SEEN),
        PeopleQuery(cursor=page.next, text="ada"),
        PeopleQuery(cursor=page.next[:-3]),
        *(PeopleQuery(cursor=text) for text in ("x", "ü", "W10", "[]", "a" * 5000, "bnVsbA", "\ud800")),
    )
    for query in wrong:
        with pytest.raises(InvalidInput) as caught:
            database.administration.people(query, NOW)
        assert set(caught.value.problems) == {"cursor"}


def names_in_pages(database: Database, query: PeopleQuery) -> list[str]:
    names: list[str] = []
    while True:
        page = database.administration.people(query, NOW)
        names += [row.person.name for row in page.rows]
        if page.next is None:
            return names
        query = replace(query, cursor=page.next)


def test_many_matches_are_counted_up_to_a_thousand_and_come_in_order(database: Database) -> None:
    """Both ways of finding: where matches are everywhere, and where they stand together at the end of the order."""
    ids = add_sample_people(database)

    people: dict[Subject, tuple[str, tuple[str, ...]]] = {
        Subject(ISSUER, f"s{number}"): (f"yves {number:04}", ("developer",))
        if number % 2
        else (f"xena {number:04}", ())
        for number in range(2100)
    }
    for number in range(100):  # never seen: last, however many of them match
        people[Subject(ISSUER, f"p{number}")] = ("", ("developer",))
    add_many(database, people)
    for query, first in (
        (PeopleQuery(text="yves", limit=200), "yves 0001"),
        (PeopleQuery(text="ye", limit=200), None),
        (PeopleQuery(text="yv", limit=200), "yves 0001"),
        (PeopleQuery(role="developer", limit=200), "yves 0001"),
        (PeopleQuery(text="yves", role="developer", limit=200), "yves 0001"),
        (PeopleQuery(without_roles=True, text="xena", limit=200), "xena 0000"),
        (PeopleQuery(state=PersonState.ACTIVE, limit=200), "Ada Lovelace"),
    ):
        page = database.administration.people(query, NOW)
        if first is None:
            assert page.total == 0
            continue
        assert page.capped
        assert page.total == MAX_COUNTED
        names = []
        while True:
            names += [row.person.name for row in page.rows]
            if page.next is None:
                break
            page = database.administration.people(replace(query, cursor=page.next), NOW)
        shown = [name for name in names if name]
        assert shown[0] == first
        assert [name.casefold() for name in shown] == sorted(name.casefold() for name in shown)
        assert len(names) >= 1050
        descending = names_in_pages(database, replace(query, sort=PeopleSort.NAME_DESCENDING))
        assert descending == shown[::-1] + [""] * (len(names) - len(shown))
    query = PeopleQuery(role="developer", sort=PeopleSort.LAST_SEEN, limit=200)
    assert all(row.person.name for row in database.administration.people(query, NOW).rows)
    assert database.administration.statistics(NOW, days=1).people == 2200 + len(ids)


def test_the_details_of_a_person_name_the_grants_of_each_permission(database: Database) -> None:
    ids = add_sample_people(database)
    card = database.administration.person_card(ids[BOB], NOW)
    assert card is not None
    assert [(grant.role, grant.source, grant.expires_at) for grant in card.grants] == [
        ("viewer", Source.ADMIN, NOW + DAY),
        ("viewer", Source.TOKEN, None),
    ]
    assert {name: [grant.source for grant in paths] for name, paths in card.permissions.items()} == {
        name: [Source.ADMIN, Source.TOKEN] for name in ROLES["viewer"][1]
    }
    assert card.token_roles == {"Owners": (), "viewer": ("viewer",)}
    assert card.row.roles == ("viewer",)
    assert not card.counts_as_administrator
    ada = database.administration.person_card(ids[ADA], NOW)
    assert ada is not None
    assert ada.counts_as_administrator
    assert [grant.role for grant in ada.permissions["erase:people"]] == ["administrator"]
    assert [grant.role for grant in ada.permissions["read:reports"]] == ["administrator", "viewer"]
    dora = database.administration.person_card(ids[DORA], NOW)
    assert dora is not None
    assert list(dora.permissions) == ["explore:api"]
    carla = database.administration.person_card(ids[CARLA], NOW)
    assert carla is not None
    assert (carla.grants, dict(carla.permissions)) == ((), {})
    assert database.administration.person_card(10**9, NOW) is None


def test_the_version_changes_only_with_changes_by_administrators(database: Database) -> None:
    ids = add_sample_people(database)

    def version() -> str:
        card = database.administration.person_card(ids[BOB], NOW)
        assert card is not None
        return card.version

    before = version()
    written(database, lambda unit: unit.save_person(Person(BOB, "Robert"), NOW + DAY))
    assert written(database, lambda unit: unit.touch_session("ref-1", lambda: NOW + 2 * SECOND, idle=DAY))
    assert version() == before
    written(database, lambda unit: unit.add_grant(grant("analyst", subject=BOB), NOW))
    after_grant = version()
    written(database, lambda unit: unit.set_blocked(BOB, blocked=True))
    after_block = version()
    written(database, lambda unit: unit.erase_person(ids[BOB], NOW))
    assert len({before, after_grant, after_block, version()}) == 4


def test_erasing_removes_all_but_the_subject_until_the_next_sign_in(database: Database) -> None:
    ids = add_sample_people(database)
    written(database, lambda unit: unit.erase_person(ids[BOB], NOW))
    card = database.administration.person_card(ids[BOB], NOW)
    assert card is not None
    assert card.row.state is PersonState.ERASED
    assert (card.row.person.name, card.row.person.email, card.row.person.picture) == ("", "", "")
    assert (card.grants, dict(card.token_roles)) == ((), {})
    assert [row.id for row in database.administration.people(PeopleQuery(state=PersonState.ERASED), NOW).rows] == [
        ids[BOB]
    ]
    assert not database.administration.people(PeopleQuery(text="Ross"), NOW).rows
    assert {(session.user_agent, session.address, session.page) for session in database.read.sessions_of(BOB, NOW)} == {
        ("", "", "")
    }
    written(database, lambda unit: unit.save_person(Person(BOB, "Bob again"), NOW))
    assert database.administration.people(PeopleQuery(text="bob again"), NOW).rows[0].state is PersonState.ACTIVE
