"""A search of people by trigrams finds exactly the people who have the text itself."""

from __future__ import annotations

import random
from typing import Final

import pytest

from app.core.administration_records import MAX_COUNTED, PeopleQuery
from app.core.principal import Subject
from app.core.records import Person
from db import Database
from db.models import people
from db.people_candidates import MAX_CANDIDATES, CandidateCounts, trigram_query
from tests.db.builders import ISSUER, NOW, written

NAMES: Final = {
    "anderson.7": True,
    "Zoe Anderson.7": True,
    "n.7rso": False,  # both pieces, in another order
    "rso n.7": False,  # both pieces, apart
    "rson 7": False,
}


def named(database: Database, names: list[str]) -> None:
    def write(unit: object) -> None:
        for number, name in enumerate(names):
            unit.save_person(Person(Subject(ISSUER, f"s{number}"), name), NOW)  # type: ignore[attr-defined]

    written(database, write)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("rson.7", '"rso" AND "n.7"'),
        ("anderson", '"and" AND "ers" AND "son"'),
        ("aaaaaa", '"aaa"'),
        ('tea "x', '"tea" AND " ""x"'),
    ],
)
def test_a_text_is_contained_in_few_trigrams(text: str, query: str) -> None:
    assert trigram_query(text) == query


@pytest.mark.parametrize("others", [0, 40])
def test_pieces_in_another_order_are_no_match(database: Database, others: int) -> None:
    named(database, [*NAMES, *(f"Anderson.7{number:02}" for number in range(others))])
    first = database.administration.people(PeopleQuery(text="rson.7", limit=5), NOW)
    assert first.total == 2 + others
    shown, page = list(first.rows), first
    while page.next:
        page = database.administration.people(PeopleQuery(text="rson.7", limit=5, cursor=page.next), NOW)
        assert page.total == 2 + others
        shown += page.rows
    names = [row.person.name for row in shown]
    assert len(names) == len(set(names)) == 2 + others
    assert {name for name in names if name in NAMES} == {name for name, matches in NAMES.items() if matches}


def test_any_text_finds_its_people_in_the_order_of_names(database: Database) -> None:
    chance = random.Random(7)  # noqa: S311 - names, not secrets
    names = sorted({"".join(chance.choices('ab "', k=14)).strip() or "a" for _ in range(300)})
    named(database, names)
    for _ in range(40):
        name, length = chance.choice(names), chance.randint(6, 9)
        text = name[chance.randrange(4) :][:length].strip()
        if len(text) < 6:
            continue
        having = [name for name in names if text in name]
        prefixed = [name for name in having if name.startswith(text)]
        page = database.administration.people(PeopleQuery(text=text, limit=100), NOW)
        assert [row.person.name for row in page.rows] == prefixed + [name for name in having if name not in prefixed], (
            text
        )
        assert page.total == len(having), text


@pytest.mark.parametrize(
    ("candidates", "too_many", "frequent", "very_frequent"),
    [
        (CandidateCounts(0, 0, None, 0), False, False, False),
        (CandidateCounts(MAX_CANDIDATES, 20, 20, 0), False, False, False),
        (CandidateCounts(MAX_CANDIDATES + 1, 20, 20, 0), True, False, False),
        (CandidateCounts(0, 21, 21 * 2, 0), True, True, True),
        (CandidateCounts(0, 21, 21 * 2 + 1, 0), True, True, False),
        (CandidateCounts(0, 21, 21 * 16, 0), True, True, False),
        (CandidateCounts(0, 21, 21 * 16 + 1, 0), True, False, False),
    ],
)
def test_an_estimate_decides_the_search_plan(
    candidates: CandidateCounts, *, too_many: bool, frequent: bool, very_frequent: bool
) -> None:
    assert candidates.too_many is too_many
    assert candidates.frequent is frequent
    assert candidates.very_frequent is very_frequent


@pytest.mark.parametrize(
    ("number", "apart"),
    [
        (30, 1),  # few, and the lowest ids are too few to go by
        (MAX_CANDIDATES, 1),  # as many as are checked, and estimated to be frequent
        (MAX_CANDIDATES + 1, 1),
        (MAX_COUNTED - 1, 1),  # frequent, and yet fewer than are counted
        (MAX_COUNTED, 1),
        (MAX_COUNTED + 1, 1),
        (MAX_COUNTED - 1, 2),
        (MAX_COUNTED, 2),  # one in two: the last that is counted has one of the lowest ids that are read for it
        (MAX_COUNTED, 3),  # frequent, but not one in two
        (40, 1_000),  # estimated to be many, and few: the highest id is far beyond the others
    ],
)
@pytest.mark.parametrize("first", [[], ["Anderson A", "Anderson B"]])
def test_an_estimate_changes_nothing_but_the_way(
    file_database: Database, number: int, apart: int, first: list[str]
) -> None:
    """People whose name begins with the text come first, whichever way they are found."""
    names = [f"{chr(97 + at % 26)}{at:05} Anderson" for at in range(number - len(first))] + first
    with file_database.engine.begin() as connection:
        for at, name in enumerate(names):
            connection.execute(
                people.insert().values(
                    id=1 + at * apart, issuer=ISSUER, subject=f"s{at}", name=name, name_key=name.casefold()
                )
            )
        if apart > 1:
            last = {"id": 10_000_000, "issuer": ISSUER, "subject": "last", "name": "Zz", "name_key": "zz"}
            connection.execute(people.insert().values(**last))
    shown, cursor, totals = [], "", set()
    while True:
        page = file_database.administration.people(PeopleQuery(text="anderson", limit=200, cursor=cursor), NOW)
        totals.add(page.total)
        shown += [row.person.name for row in page.rows]
        if page.next is None:
            break
        cursor = page.next
    assert shown == first + sorted(set(names) - set(first))
    assert totals == {min(number, MAX_COUNTED)}


@pytest.mark.parametrize("text", ["anderson", "ann anderson", "nderso"])
def test_a_text_is_found_wherever_a_person_has_it(database: Database, text: str) -> None:
    """Whichever of the three columns is compared first, the others are compared too."""

    def write(unit: object) -> None:
        for at, (subject, name, email) in enumerate(
            [("a", "Ann Anderson", "a@example.test"), ("b", "B", '"ann anderson"@x.test'), ("ANN ANDERSON", "C", "")]
        ):
            unit.save_person(Person(Subject(ISSUER, f"{subject}{at}"), name, email), NOW)  # type: ignore[attr-defined]

    written(database, write)
    assert [row.person.name for row in database.administration.people(PeopleQuery(text=text), NOW).rows] == [
        "Ann Anderson",
        "B",
        "C",
    ]
