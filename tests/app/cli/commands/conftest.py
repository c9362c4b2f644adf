"""A migrated database with a person, and commands run on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import __main__ as command_line
from app.core import settings_loading
from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.core.records import Person
from app.core.settings import ProcessKind
from db import Database, open_database
from tests.app.cli.command_line import invoke
from tests.app.cli.commands.operator_commands import ADA, ISSUER, Run


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Database]:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "GATEHOUSE_OIDC_ISSUER": ISSUER,
        "GATEHOUSE_DATABASE_URL": f"sqlite:///{tmp_path}/gatehouse.sqlite3",
        "GATEHOUSE_SECRET": "kJ8dW2mQ9xZ4vB7nR1tY6uH3pL5sG0aF-cE_iO",
        "GATEHOUSE_APP_BASE_URL": "http://localhost:8599",
    }.items():
        monkeypatch.setenv(name, value)
    assert command_line.main(["migrate"]) == 0
    settings = settings_loading.load(ProcessKind.CLI)
    opened = open_database(settings, Keyring(settings.secrets))
    with opened.unit_of_work() as unit:
        unit.save_person(Person(subject=ADA, name="Ada Okafor", email="ada@tests.example"), utc_now())
        unit.commit()
    yield opened
    opened.close()


@pytest.fixture
def run(database: Database) -> Run:
    """Run one command with ``--json``; returns its exit status and the JSON object."""

    def run(*arguments: str) -> tuple[int, Any]:
        result = invoke(*arguments, "--json")
        return result.exit_code, json.loads(result.stdout)

    return run
