"""Processes with secrets of their own on one database, for tests of rotation."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from app.core.errors import SecretMismatch
from app.core.keyring import Keyring
from app.core.secret_keys import SecretKeys
from db import Database
from db.models import audit_events, audit_head
from tests.db.builders import NOW, event, opened, written

OLD, NEW = "k" * 40, "n" * 40
OLD_ID, NEW_ID = Keyring([OLD]).key_ids[0], Keyring([NEW]).key_ids[0]
Start = Callable[..., "AnnouncedProcess"]


class AnnouncedProcess:
    """A process: its secrets, its connections, and what it announces."""

    def __init__(self, url: str, *secrets: str, name: str = "app") -> None:
        self.keyring = Keyring(secrets)
        self.database = opened(url, keyring=self.keyring)
        self.keys = SecretKeys(self.database, self.keyring, name, clock=lambda: NOW)
        try:
            self.database.check()
            self.keys.send_heartbeat()
        except SecretMismatch:
            self.database.close()
            raise

    def writes(self) -> None:
        written(self.database, lambda unit: unit.record(event()))

    def stop(self) -> None:
        with self.database.unit_of_work() as unit:
            unit.withdraw({process.id for process in unit.announced() if process.id == self.keys._id})
            unit.commit()
        self.database.close()


def kinds(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        return list(connection.execute(select(audit_events.c.kind).order_by(audit_events.c.seq)).scalars())


def write_key(database: Database) -> str:
    with database.engine.connect() as connection:
        return str(connection.execute(select(audit_head.c.key_id)).scalar_one())
