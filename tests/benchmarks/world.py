"""The test installation of the benchmarks: a real SQLite file with many people, roles and sessions.

``db.synthetic_data`` makes the rows; the product itself writes and reads the measured ones.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import ClassVar, Final

from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.core.settings import Settings
from db import SyntheticData, fill, migrate, open_database, seed
from tests.issuer import CLIENT_ID, Issuer
from tests.world import SignedIn, World, settings_for

SECRET: Final = "".join(map(chr, range(48, 112)))
UNREACHED: Final = "999999999 per minute"
"""A rate limit that no benchmark reaches: every call is counted, and none is refused."""
ROLES_OF_USER: Final = 5


FULL: Final = SyntheticData(people=100_000, roles=1_000, permissions=10_000, sessions=10_000, events=1_000_000)
SMALL: Final = SyntheticData(people=1_000, roles=50, permissions=500, sessions=200, events=2_000)


@dataclass
class BenchmarkWorld(World):
    """A test installation on a file in ``folder``, at the real time, whose database also holds synthetic data."""

    folder: Path

    OWN_CLIENT: ClassVar = CLIENT_ID

    @property
    def file(self) -> Path:
        """The database's file."""
        return self.folder / "bench.sqlite3"

    def environment(self) -> dict[str, str]:
        """The settings for a process of its own."""
        return {
            "GATEHOUSE_DATABASE_URL": self.settings.database_url,
            "GATEHOUSE_OIDC_ISSUER": self.settings.issuer,
            "AUTH0_AUDIENCE": self.settings.audience,
            "AUTH0_CLIENT_ID": CLIENT_ID,
            "AUTH0_CLIENT_SECRET": "made-up-for-benchmarks",
            "GATEHOUSE_SECRET": SECRET,
            "GATEHOUSE_API_RATE_LIMIT": UNREACHED,
        }

    def sign_in(self, name: str, *, roles: tuple[str, ...]) -> SignedIn:
        """A user with exactly these roles and a session of the app."""
        return self.new_session(self.person(name, roles=roles), scope="openid profile")

    def raw(self) -> sqlite3.Connection:
        """The driver alone, as the baselines use it."""
        return raw(self.file)


def raw(file: Path) -> sqlite3.Connection:
    """A connection of the driver, configured for fast reads."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _create(settings: Settings, scale: SyntheticData, issuer: str) -> None:
    migrate(settings.database_url)
    database = open_database(settings, Keyring(settings.secrets))
    try:
        seed(database)
        fill(database, scale, issuer=issuer, client_id=CLIENT_ID, now=utc_now())
    finally:
        database.close()


@contextmanager
def benchmark_world(folder: Path, scale: SyntheticData) -> Iterator[BenchmarkWorld]:
    """Set up an installation in ``folder``, and close it afterwards."""
    with Issuer() as issuer:
        settings = settings_for(
            issuer,
            gatehouse_secret=SECRET,
            auth0_client_id=CLIENT_ID,
            database_url=f"sqlite:///{folder}/bench.sqlite3",
            remote_api_base_url="http://localhost:8888",
            api_rate_limit=UNREACHED,
        )
        # In a process of its own: memory in which a million rows were built has other pages than that of a server.
        creating = get_context("spawn").Process(target=_create, args=(settings, scale, issuer.url))
        creating.start()
        creating.join()
        if creating.exitcode != 0:
            raise RuntimeError("the synthetic data could not be created")
        keyring = Keyring(settings.secrets)
        database = open_database(settings, keyring)
        try:
            yield BenchmarkWorld(issuer, settings, keyring, utc_now, database, folder)
        finally:
            database.close()
