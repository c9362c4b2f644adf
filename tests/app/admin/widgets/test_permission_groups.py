"""Permissions grouped by resource, their sentences, and the search for them."""

from __future__ import annotations

from app.admin.widgets.permission_groups import Group, grouped, matching, sentence_of
from app.core.permissions import OTHER_RESOURCES, Permission


def test_groups_are_sorted_and_names_without_a_resource_come_last() -> None:
    names = ["read:roles", "odd", "manage:roles", "read:audit", "read:audit"]
    assert grouped(names) == [
        Group("Audit", ("read:audit",)),
        Group("Roles", ("manage:roles", "read:roles")),
        Group(OTHER_RESOURCES, ("odd",)),
    ]
    assert grouped([]) == []


def test_a_sentence_comes_from_the_catalogue_else_from_the_api_else_from_the_name() -> None:
    sentences = {"read:reports": "Something else.", "read:orders": "See the orders."}
    assert sentence_of("read:reports", sentences) == Permission.READ_REPORTS.sentence
    assert sentence_of("read:orders", sentences) == "See the orders."
    assert sentence_of("export:big-orders") == "Export big orders."
    assert sentence_of("odd") == "odd"


def test_a_search_matches_every_word_in_names_and_sentences() -> None:
    names = ["read:reports", "export:reports", "read:orders"]
    assert matching(names, "") == ["export:reports", "read:orders", "read:reports"]
    assert matching(names, "REPORT download") == ["export:reports"]
    assert matching(names, "orders") == ["read:orders"]
    assert matching(names, "shelves", {"read:orders": "See shelves."}) == ["read:orders"]
    assert matching(names, "no such thing") == []
