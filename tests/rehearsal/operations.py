"""The operations that ``docs/how-to/deploy.md`` describes, and the losses that they must not cause."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from app.core.keyring import Keyring
from app.core.records import Session
from app.core.settings import Settings
from component.session.provider_tokens import ProviderTokens
from db import Database, open_database
from tests.postgres import Cluster
from tests.rehearsal.installation import API, APPS, Installation
from tests.rehearsal.traffic import Client, Outcome, Record, traffic

R = TypeVar("R")
_WITHIN_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Result:
    """The result of one operation."""

    operation: str
    requests: int
    failed: int
    wrong: int
    lost: int
    audit: str
    details: tuple[str, ...] = ()
    """Each wrong response, for the diagnosis."""

    @property
    def good(self) -> bool:
        """Whether nothing was wrong, nothing lost, and the audit is whole."""
        return not self.wrong and not self.lost and self.audit == "whole"


class Rehearsal:
    """Runs the operations, one after the other, on one installation."""

    def __init__(self, folder: Path, cluster: Cluster, *, count: int) -> None:
        """``count``: how many right answers of each kind there must be before and after each operation."""
        self._old, self._new = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
        self._cluster = cluster
        self._count = count
        self.installation = Installation(folder, cluster, self._old)

    def operations(self) -> Iterable[tuple[str, Callable[[Record, tuple[str, ...]], None]]]:
        """The names of the operations, and the functions that carry them through, in order."""
        return (
            ("nothing, to compare with", lambda _, __: None),
            ("secret, step 1: old,new", lambda _, __: self._rotate(f"{self._old},{self._new}")),
            ("secret, step 2: new,old", lambda _, __: self._rotate(f"{self._new},{self._old}")),
            ("secret, step 3: new", lambda _, __: self._rotate(self._new)),
            ("replica killed and back", self._kill),
            ("database restarted", self._restart_database),
            ("database frozen for a while", self._freeze_database),
        )

    def run(self) -> list[Result]:
        """Run every operation with traffic."""
        return [self._rehearse(name, operate) for name, operate in self.operations()]

    def _rehearse(self, name: str, operate: Callable[[Record, tuple[str, ...]], None]) -> Result:
        record = Record()
        ready = self._ready()

        def new_client() -> Client:
            client = Client(self.installation.app_url, self.installation.api_url)
            client.cookies, client.token = ready.cookies, ready.token
            return client

        with traffic(new_client, record) as kinds:
            record.wait_for_more(Outcome.RIGHT, self._count, kinds, within_seconds=_WITHIN_SECONDS)
            operate(record, kinds)
            record.wait_for_more(Outcome.RIGHT, self._count, kinds, within_seconds=_WITHIN_SECONDS)
        lost = sum(not self._is_kept(cookies) for cookies in record.confirmed)
        # A killed process may have consumed the state of a sign-in that it did not complete, which nginx repeats at the
        # other one. A process that is stopped completes its sign-ins.
        explained = {Outcome.FAILED, Outcome.REPEATED} if operate == self._kill else {Outcome.FAILED}
        return Result(
            name,
            record.total(),
            record.total(*explained),
            record.total(*{Outcome.WRONG, Outcome.REPEATED} - explained),
            lost,
            self._audit(),
            tuple(detail for outcome, detail in record.unexpected if outcome not in explained),
        )

    def _ready(self) -> Client:
        """A client that has just signed in, with the access token of its session."""
        client = Client(self.installation.app_url, self.installation.api_url)
        outcome, detail = client.sign_in()
        if outcome is not Outcome.RIGHT:
            raise RuntimeError(f"a sign-in is not possible: {detail}")
        session = self._session(client.cookies)
        sealed = self._read(lambda database: database.read.sealed_tokens(session.ref)) if session is not None else None
        if session is None or sealed is None:
            raise RuntimeError("the session of a sign-in that was confirmed is not there")
        keyring = Keyring([self._new, self._old])
        client.token = ProviderTokens.unseal(keyring, sealed.sealed, session.ref).access_token
        return client

    def _is_kept(self, cookies: Mapping[str, str]) -> bool:
        """Whether the session of a sign-in that was confirmed is in the database, and live."""
        session = self._session(cookies)
        return session is not None and session.ended_at is None

    def _session(self, cookies: Mapping[str, str]) -> Session | None:
        (secret,) = [value for name, value in cookies.items() if name.endswith("-session")]
        return self._read(lambda database: database.read.session_by_secret(hashlib.sha256(secret.encode()).digest()))

    def _read(self, read: Callable[[Database], R]) -> R:
        """Read from the database directly."""
        settings = Settings(_env_file=None, database_url=self.installation.database_url)
        database = open_database(settings, Keyring([self._new, self._old]))
        try:
            return read(database)
        finally:
            database.close()

    def _audit(self) -> str:
        """The result of ``gatehouse audit verify``, with every secret used so far."""
        now = self.installation.secret
        self.installation.use_secret(now if self._new not in now else f"{self._new},{self._old}")
        try:
            self.installation.command("audit", "verify")
        except RuntimeError as error:
            return str(error)
        finally:
            self.installation.use_secret(now)
        return "whole"

    def _rotate(self, secret: str) -> None:
        """Restart one process after the other with another setting."""
        self.installation.use_secret(secret)
        for name in (*APPS, API):
            self.installation.stop(name)
            self.installation.begin(name)

    def _kill(self, record: Record, kinds: tuple[str, ...]) -> None:
        self.installation.stop(APPS[0], kill=True)
        record.wait_for_more(Outcome.RIGHT, self._count, kinds, within_seconds=_WITHIN_SECONDS)
        self.installation.begin(APPS[0])

    def _restart_database(self, record: Record, kinds: tuple[str, ...]) -> None:
        self._cluster.stop()
        record.wait_for_more(Outcome.FAILED, 1, kinds, within_seconds=_WITHIN_SECONDS)
        self._cluster.start()

    def _freeze_database(self, record: Record, kinds: tuple[str, ...]) -> None:
        self._cluster.freeze()
        try:
            record.wait_for_more(Outcome.FAILED, 1, kinds, within_seconds=_WITHIN_SECONDS)
        finally:
            self._cluster.thaw()


def table(results: Iterable[Result]) -> str:
    """The results as a table of text."""
    rows = [("operation", "requests", "failed", "wrong", "lost", "audit")]
    rows += [(r.operation, str(r.requests), str(r.failed), str(r.wrong), str(r.lost), r.audit) for r in results]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    return "\n".join(lines)
