"""Headings over permissions of one resource."""

from __future__ import annotations

import pytest

from app.core.permissions import OTHER_RESOURCES, resource_title


@pytest.mark.parametrize(
    ("permission", "title"),
    [
        ("read:reports", "Reports"),
        ("read:audit-log", "Audit log"),
        ("explore:api", "Remote API"),
        ("read:Ωmega_things", "Ωmega things"),
        ("nothing", OTHER_RESOURCES),
        ("read:", OTHER_RESOURCES),
        ("", OTHER_RESOURCES),
    ],
)
def test_the_heading_names_the_resource(permission: str, title: str) -> None:
    assert resource_title(permission) == title
