"""The installations that are photographed: which people, roles and events each has."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, StorageState

from app.core.clock import utc_now
from app.core.principal import Subject
from app.core.records import MAX_ROLE_NAME_CHARACTERS, Person
from tests.e2e.conftest import BrowserUser
from tests.e2e.installation import Installation
from tests.stack import Stack

PEOPLE: Final = ("ada", "bruno", "chiyo", "dev", "gita", "eva")
"""Keys of the local tenant's people who sign in."""
COLLEAGUES: Final = (
    "Amara Diallo", "Björn Lindqvist", "Carmen Ortega", "Daria Nowak", "Emeka Obi", "Fatima Haddad", "Giulia Conti",
    "Henrik Madsen", "Ines Carvalho", "Jun Watanabe", "Katarzyna Wójcik", "Leila Rahimi", "Mateo Vargas",
    "Nadia Petrov", "Oluwaseun Adeyemi", "Priya Nair", "Quentin Lefèvre", "Rosa Jiménez", "Sven Eriksen",
    "Thandiwe Mokoena", "Ursula Brandt", "Viktor Hruška", "Wen Li", "Yara Costa",
)  # fmt: skip
DIFFICULT: Final = {
    "long": "Maximiliana " + "Aurelia-Konstantina " * 12,
    "unbroken": "N" * 256,
    "arabic": "عبد الرحمن بن محمد الخوارزمي",
    "hebrew": "שרה כהן-לוי (Sarah)",
    "combining": "Z̸̢̛a̸̡͝l̴̨̕g̷̢͠o̵̧͝ N̸̛f̸̕d̸̛",
    "emoji": "👩🏽‍💻 Ada 🏳️‍🌈",
    "markup": "<b>Mallory</b> **bold** $x^2$ :material/delete:",
}  # fmt: skip
"""Key → a name that layouts find difficult."""
DIFFICULT_ROLES: Final = ("محللون", "N" * MAX_ROLE_NAME_CHARACTERS)


class Data(Enum):
    """The people of an installation."""

    SAMPLE = "sample"
    """The local tenant's people, and two dozen colleagues with roles."""
    SINGLE = "single"
    """Its first administrator, and nothing else."""
    DIFFICULT = "difficult"
    """People with names that layouts find difficult."""
    MANY = "many"
    """100,000 people, 1,000 roles."""


class Photographed(Installation):
    """A running installation, and the cookies of its people's sessions."""

    def __init__(self, stack: Stack, browser: Browser) -> None:
        super().__init__(stack)
        self.browser = browser
        self._cookies: dict[str, StorageState] = {}

    def cookies(self, person: str) -> StorageState:
        """The cookies of one session of the person, which all pictures share."""
        if person not in self._cookies:
            self._cookies[person] = self.signed_in(person)
        return self._cookies[person]

    def drop_session(self, person: str) -> None:
        """Sign in again for the next picture, because the shared session has ended."""
        self._cookies.pop(person, None)

    def signed_in(self, person: str) -> StorageState:
        """The cookies of a new session."""
        context = self.browser.new_context()
        try:
            BrowserUser(context, self.stack).sign_in(person)
            return context.storage_state()
        finally:
            context.close()

    @cached_property
    def ids(self) -> dict[str, int]:
        """Key of a person, or name of a role → its number in addresses."""
        people = self.sql("SELECT replace(subject, 'auth0|', ''), id FROM people")
        roles = self.sql("SELECT name, id FROM roles")
        return {str(name): int(str(number)) for name, number in [*people, *roles]}

    @contextmanager
    def without(self, process: str) -> Iterator[None]:
        """Let a process be down in this block."""
        self.stack.stop(process)
        try:
            yield
        finally:
            {"api": self.stack.start_api, "tenant": self.stack.start_tenant}[process]()

    @contextmanager
    def hanging(self, process: str) -> Iterator[None]:
        """Let a process accept connections and respond to none in this block."""
        self.stack.signal(process, signal.SIGSTOP)
        try:
            yield
        finally:
            self.stack.signal(process, signal.SIGCONT)

    def save(self, people: dict[str, str], domain: str = "gatehouse.example") -> None:
        """Add people by key and name, as if they had signed in on earlier days."""
        with self.database.unit_of_work() as unit:
            for number, (key, name) in enumerate(people.items()):
                person = Person(
                    Subject(self.stack.issuer, f"auth0|{key}"), name, f"{key}@{domain}", email_verified=True
                )
                unit.save_person(person, utc_now() - timedelta(hours=5 * number + 1))
            unit.commit()


def _sample(photographed: Photographed) -> None:
    for person in PEOPLE:
        photographed.cookies(person)
    photographed.save({name.split()[0].lower(): name for name in COLLEAGUES})
    command = photographed.stack.command
    command("bootstrap-admin", "--subject", "auth0|ada", "--reason", "Leads the platform team.", "--yes")
    command(
        "roles", "create", "planner", "--like", "viewer", "--permission", "explore:files", "--reason", "A new team."
    )
    for number, name in enumerate(COLLEAGUES[:10]):
        role = ("viewer", "analyst", "planner", "developer", "auditor")[number % 5]
        until = ["--until", "30d"] if number % 4 == 3 else []
        key = name.split()[0].lower()
        command("grants", "add", f"auth0|{key}", "--role", role, *until, "--reason", "Joins the team.")
    command("people", "block", "auth0|yara", "--reason", "Laptop stolen.")
    command("people", "add", "auth0|zora", "--reason", "Begins on Monday.")
    command("mappings", "set", "Sales", "viewer", "--reason", "Sales reads reports.")


def _difficult(photographed: Photographed) -> None:
    photographed.save(DIFFICULT)
    for key in DIFFICULT:
        photographed.stack.command("grants", "add", f"auth0|{key}", "--role", "viewer", "--reason", "Reads reports.")
    for name in DIFFICULT_ROLES:
        photographed.stack.command(
            "roles", "create", name, "--like", "viewer", "--reason", "A name that is hard to fit."
        )
        photographed.stack.command("grants", "add", "auth0|arabic", "--role", name, "--reason", "Has every such role.")
    photographed.cookies("ada")


def _single(photographed: Photographed) -> None:
    photographed.cookies("ada")


def _many(photographed: Photographed) -> None:
    size = ("--people", "100000", "--sessions", "1000", "--events", "10000")
    photographed.stack.command("seed-scale", *size, within_seconds=600)
    photographed.cookies("ada")


PREPARED: Final[dict[Data, Callable[[Photographed], None]]] = {
    Data.SAMPLE: _sample,
    Data.SINGLE: _single,
    Data.DIFFICULT: _difficult,
    Data.MANY: _many,
}
"""How each installation gets its people."""


@contextmanager
def started(data: Data, folder: Path, browser: Browser) -> Iterator[Photographed]:
    """Start an installation with these people in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with Stack(folder, LOGNAME="deploy") as stack:  # the operator of the command line
        photographed = Photographed(stack, browser)
        try:
            PREPARED[data](photographed)
            yield photographed
        finally:
            photographed.database.close()
