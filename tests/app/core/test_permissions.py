"""Rows of the catalogue of permissions, the permissions that an app declares, and headings over one resource."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from app.core import permissions
from app.core.assurance import MULTI_FACTOR, SignInRequirement
from app.core.permissions import (
    ADMINISTRATOR,
    CATALOGUE,
    OTHER_RESOURCES,
    REQUIREMENTS,
    ROLES,
    Permission,
    declare,
    resource_title,
)

HOUR = SignInRequirement(max_age_seconds=3600)


@pytest.fixture
def declared_again() -> Iterator[None]:
    yield
    declare({}, {})


def test_the_import_alone_makes_the_catalogue() -> None:
    spec = spec_from_file_location(permissions.__name__, permissions.__file__)
    assert spec is not None
    assert spec.loader is not None
    again = module_from_spec(spec)
    spec.loader.exec_module(again)
    assert [
        (row.value, str(row), row.sentence, row.by_scope, row.step_up, row.declared_by_app)
        for row in again.CATALOGUE.values()
    ] == [(row.value, row.value, row.sentence, row.by_scope, row.step_up, False) for row in CATALOGUE.values()]
    assert (again.Permission.READ_MESSAGES.by_scope, again.Permission.READ_AUDIT.by_scope) == (True, False)
    assert again.Permission.EXPORT_AUDIT.step_up == HOUR
    assert again.Permission.READ_AUDIT.sentence == "Read the audit: who did what, who was refused, and why."
    assert again.Permission.READ_AUDIT.step_up is None
    assert again.REQUIREMENTS == REQUIREMENTS


def test_a_permission_is_immutable_and_stays_itself_when_copied() -> None:
    with pytest.raises(AttributeError) as caught:
        Permission.READ_AUDIT.sentence = "Read it."
    assert str(caught.value) == "a permission is immutable; sentence cannot be set"
    assert pickle.loads(pickle.dumps(Permission.READ_AUDIT)) is Permission.READ_AUDIT  # noqa: S301 - made here
    assert copy.deepcopy(Permission.READ_AUDIT) is Permission.READ_AUDIT


@pytest.mark.usefixtures("declared_again")
def test_declared_rows_join_the_catalogue_and_its_roles_until_the_next_declaration() -> None:
    own, roles = dict(CATALOGUE), dict(ROLES)
    declare(
        {"open:shop": ("Come in.", None), "pay:bills": ("Pay.", HOUR)},
        {"viewer": ("Not used.", frozenset({"open:shop"})), "clerk": ("Works.", frozenset({"open:shop", "pay:bills"}))},
    )
    assert list(CATALOGUE) == [*own, "open:shop", "pay:bills"]
    shop, bills = CATALOGUE["open:shop"], CATALOGUE["pay:bills"]
    assert (shop.value, shop.sentence, shop.by_scope, shop.step_up) == ("open:shop", "Come in.", False, None)
    assert (shop.declared_by_app, bills.declared_by_app, bills.step_up) == (True, True, HOUR)
    assert "open:shop" not in REQUIREMENTS
    assert REQUIREMENTS["pay:bills"] == HOUR
    assert REQUIREMENTS["erase:people"] == SignInRequirement(900, MULTI_FACTOR)
    assert ROLES["clerk"] == ("Works.", frozenset({shop, bills}))
    assert ROLES["viewer"] == (roles["viewer"][0], roles["viewer"][1] | {shop})
    assert ROLES[ADMINISTRATOR] == (roles[ADMINISTRATOR][0], frozenset(CATALOGUE.values()))
    declare({}, {})
    assert (dict(CATALOGUE), dict(ROLES)) == (own, roles)
    assert "pay:bills" not in REQUIREMENTS


@pytest.mark.usefixtures("declared_again")
@pytest.mark.parametrize(
    ("names", "role", "message"),
    [
        (("read:roles", "read:audit"), frozenset[str](), "Gatehouse has read:audit, read:roles itself"),
        (("open:shop",), frozenset({"open:shop", "b:c", "a:b"}), "not declared: a:b, b:c"),
        # not even Gatehouse's own permissions: a file beside an app must not change them
        (("open:shop",), frozenset({"read:audit"}), "not declared: read:audit"),
    ],
)
def test_a_faulty_declaration_changes_nothing(names: tuple[str, ...], role: frozenset[str], message: str) -> None:
    before = dict(CATALOGUE), dict(ROLES)
    with pytest.raises(ValueError, match=f"^{message}$"):
        declare(dict.fromkeys(names, ("A sentence.", None)), {"clerk": ("Works.", role)})
    assert (dict(CATALOGUE), dict(ROLES)) == before


@pytest.mark.parametrize(
    ("permission", "title"),
    [
        ("read:reports", "Reports"),
        ("read:audit-log", "Audit log"),
        ("explore:api", "Remote API"),
        ("read:Ωmega_things", "Ωmega things"),
        ("nothing", OTHER_RESOURCES),
        ("read:orders:open", "Orders:open"),
        ("read:", OTHER_RESOURCES),
        ("", OTHER_RESOURCES),
    ],
)
def test_the_heading_names_the_resource(permission: str, title: str) -> None:
    assert resource_title(permission) == title
