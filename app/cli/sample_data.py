"""The people of the local tenant, as ``gatehouse dev`` prints them and adds them to an empty database."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from app.cli.context import database_of, operator_name
from app.core import correlation, settings_loading
from app.core.clock import utc_now
from app.core.principal import Subject
from app.core.settings import ProcessKind
from db import SamplePerson, add_sample_people

REASON: Final = "sample data of gatehouse dev"


class TenantPerson(NamedTuple):
    """One person of the local tenant."""

    key: str
    name: str
    role: str
    """The role in their tokens; empty for none."""
    label: str
    """What the banner prints where there is no role."""
    description: str


PEOPLE: Final = (
    TenantPerson("ada", "Ada Okafor", "administrator", "", "everything"),
    TenantPerson("bruno", "Bruno Silva", "analyst", "", "reads and exports reports, explores CSV files"),
    TenantPerson("chiyo", "Chiyo Tanaka", "viewer", "", "reads reports"),
    TenantPerson("dev", "Dev Patel", "developer", "", "tries the remote API"),
    TenantPerson("gita", "Gita Rao", "auditor", "", "looks at everything, changes nothing"),
    TenantPerson("eva", "Eva Novak", "", "no role", "sees Home and Profile only"),
    TenantPerson("frank", "Frank Moreau", "", "blocked at the provider", "cannot sign in"),
)
"""The table of the local tenant (``component.dev_tenant.people``), which the app does not import; a test compares."""


def add_tenant_people(issuer: str, *, app: Path | None, state: Path | None) -> int:
    """Add the people to the database of a development installation if it has none; returns how many.

    Args:
        issuer: The local tenant's.
        app: Script of the hosted app, instead of the configured one.
        state: The state folder, instead of the configured one.
    """
    settings = settings_loading.load(ProcessKind.CLI, app=app, state=state)
    if settings.production or not settings.local_tenant:
        return 0
    correlation.begin()
    sample = [
        SamplePerson(
            subject=Subject(issuer, f"auth0|{person.key}"),
            name=person.name,
            email=f"{person.key}@gatehouse.example",
            roles=frozenset({person.role} - {""}),
        )
        for person in PEOPLE
    ]
    with database_of(settings) as database:
        return add_sample_people(database, sample, actor=operator_name(), reason=REASON, now=utc_now())
