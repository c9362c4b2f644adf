"""Names and rows of response models."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.contract.audit import Events
from app.core.contract.base import ListPage, SubjectBody, construct
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.contract.mappings import MappingList
from app.core.contract.people import People, PersonItem
from app.core.contract.permissions import PermissionList
from app.core.contract.roles import RoleList
from app.core.contract.sessions import SessionList, SessionPerson

ANN = SubjectBody(issuer="https://issuer.example/", subject="auth0|ann")


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Events, "events"),
        (MappingList, "mappings"),
        (People, "people"),
        (PermissionList, "permissions"),
        (RoleList, "roles"),
        (SessionList, "sessions"),
    ],
)
def test_the_rows_of_a_page_are_its_own_field(model: Any, field: str) -> None:
    rows = (object(), object())
    page = construct(model, next=None, total=2, total_capped=False, **{field: rows})
    assert page.rows is rows


def test_a_page_without_rows_is_a_bug() -> None:
    page = ListPage[int](next=None, total=0, total_capped=False)
    with pytest.raises(NotImplementedError):
        _ = page.rows


@pytest.mark.parametrize("model", [GrantBody, WithheldBody])
@pytest.mark.parametrize(
    ("role", "permission", "name"),
    [("viewer", None, "viewer"), (None, "read:audit", "read:audit"), (None, None, "")],
)
def test_a_grant_is_named_by_its_role_or_permission(
    model: Any, role: str | None, permission: str | None, name: str
) -> None:
    assert construct(model, role=role, permission=permission).name == name


@pytest.mark.parametrize(
    ("name", "email", "shown"),
    [("Ann", "ann@example.com", "Ann"), ("", "ann@example.com", "ann@example.com"), ("", "", "auth0|ann")],
)
def test_a_person_is_shown_by_the_best_name(name: str, email: str, shown: str) -> None:
    person: Any = construct(PersonItem, name=name, email=email, subject=ANN)  # type: ignore[call-arg] # the rest is not read
    assert person.shown_name == shown
    assert person.audit_name == "auth0|ann at https://issuer.example/"


@pytest.mark.parametrize(("name", "shown"), [("Ann", "Ann"), ("", "auth0|ann")])
def test_the_person_of_a_session_is_shown_by_name(name: str, shown: str) -> None:
    assert SessionPerson(id=1, name=name, subject=ANN).shown_name == shown
