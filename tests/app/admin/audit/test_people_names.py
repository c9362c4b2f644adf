"""The names of actors and targets of audit events."""

from __future__ import annotations

import pytest

from app.admin.audit import people_names
from app.core.audit import ANONYMOUS_ACTOR


@pytest.mark.parametrize(
    ("audit_name", "current_name", "shown"),
    [
        ("auth0|ada at https://i/", "Ada Okafor", "Ada Okafor"),
        ("auth0|ada at https://i/", "", "auth0|ada"),
        ("the desk at noon at https://i/", "", "the desk at noon"),
        ("clerk", "", "clerk"),
        ("arrived at noon", "", "arrived at noon"),
        ("system", "", "Gatehouse"),
        (ANONYMOUS_ACTOR, "", "An anonymous user"),
        ("operator:root", "", "root, at the command line"),
    ],
)
def test_readers_see_names_not_identifiers(audit_name: str, current_name: str, shown: str) -> None:
    assert people_names.display_name(audit_name, current_name) == shown
