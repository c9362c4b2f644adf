"""Every storage test runs on SQLite in memory and on a file, and on PostgreSQL where TEST_DATABASE_URL names one.

``TEST_DATABASE_URL`` is any database of a server whose user may create databases; each test gets its own.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from db import Database, migrate, seed
from db.engine import parsed
from tests import seeding
from tests.db.builders import opened
from tests.db.rotation import AnnouncedProcess, Start

SERVER = os.environ.get("TEST_DATABASE_URL", "")
collect_ignore = [] if SERVER else ["test_postgres.py"]
DURABLE = ["file", *(["postgresql"] if SERVER else [])]


def on_server(*statements: str) -> None:
    engine = create_engine(parsed(SERVER), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def server_url(name: str) -> str:
    return make_url(SERVER).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def file_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "seeded.sqlite3"
    migrate(f"sqlite:///{path}")
    database = opened(f"sqlite:///{path}")
    seed(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def server_template() -> Iterator[str]:
    name = f"gatehouse_template_{secrets.token_hex(4)}"
    on_server(f"CREATE DATABASE {name}")
    migrate(server_url(name))
    database = opened(server_url(name))
    seed(database)
    database.close()
    yield name
    on_server(f"DROP DATABASE {name}")


@pytest.fixture
def new_server_database() -> Iterator[Callable[[str], str]]:
    """Creates databases on the server: template name ('' for an empty one) → URL. Dropped afterwards."""
    made: list[str] = []

    def make(template: str) -> str:
        made.append(f"gatehouse_test_{secrets.token_hex(6)}")
        on_server(f"CREATE DATABASE {made[-1]}" + (f" TEMPLATE {template}" if template else ""))
        return server_url(made[-1])

    yield make
    if made:
        on_server(*(f"DROP DATABASE {name} WITH (FORCE)" for name in made))


@pytest.fixture(params=DURABLE)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a seeded database that other connections and processes can open too."""
    if request.param == "file":
        path = tmp_path / "gatehouse.sqlite3"
        shutil.copy(request.getfixturevalue("file_template"), path)
        return f"sqlite:///{path}"
    make: Callable[[str], str] = request.getfixturevalue("new_server_database")
    return make(request.getfixturevalue("server_template"))


@pytest.fixture(params=DURABLE)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that was never migrated (for SQLite a file that does not exist)."""
    if request.param == "file":
        return f"sqlite:///{tmp_path}/new/folder/gatehouse.sqlite3"
    make: Callable[[str], str] = request.getfixturevalue("new_server_database")
    return make("")


@pytest.fixture
def durable(url: str) -> Iterator[Database]:
    database = opened(url)
    yield database
    database.close()


@pytest.fixture(params=["memory", *DURABLE])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A seeded database of each kind."""
    if request.param == "memory":
        made = opened("sqlite://")
        seeding.seed(made)
    elif request.param == "file":
        path = tmp_path / "gatehouse.sqlite3"
        shutil.copy(request.getfixturevalue("file_template"), path)
        made = opened(f"sqlite:///{path}")
    else:
        make: Callable[[str], str] = request.getfixturevalue("new_server_database")
        made = opened(make(request.getfixturevalue("server_template")))
    yield made
    made.close()


@pytest.fixture
def file_database(tmp_path: Path, file_template: Path) -> Iterator[Database]:
    """A seeded SQLite file."""
    path = tmp_path / "gatehouse.sqlite3"
    shutil.copy(file_template, path)
    made = opened(f"sqlite:///{path}")
    yield made
    made.close()


@pytest.fixture
def start(url: str) -> Iterator[Start]:
    made: list[AnnouncedProcess] = []

    def run(*secrets: str, name: str = "app") -> AnnouncedProcess:
        made.append(AnnouncedProcess(url, *secrets, name=name))
        return made[-1]

    yield run
    for process in made:
        process.database.close()
