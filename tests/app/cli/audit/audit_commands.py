"""Values and helpers of the tests of ``gatehouse audit``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from app.core.audit import AuditEvent, AuditKind
from app.core.keyring import Keyring
from db import Database
from db.audit_chain import HEAD_PURPOSE, chain_events, head_bytes
from db.models import audit_events, audit_head
from tests.db.builders import behind_its_back

SECRET = "kJ8dW2mQ9xZ4vB7nR1tY6uH3pL5sG0aF-cE_iO"


OTHER = "Zq3wE7rT1yU9iO5pA8sD2fG6hJ4kL0zX-cV_bN"


NO_TERMINAL = "This asks before it acts: run it in a terminal, or add --yes."


OLD = datetime(2020, 1, 1, tzinfo=UTC)


Run = Callable[..., tuple[int, str]]


def fill(database: Database, count: int = 5, at: datetime = OLD) -> None:
    for number in range(count):
        with database.unit_of_work() as unit:
            unit.record(AuditEvent(AuditKind.PAGE_DENY, at + timedelta(days=number), actor=f"actor {number}"))
            unit.commit()


def kept(run: Run, tmp_path: Path) -> str:
    """A checkpoint, kept in a file."""
    status, line = run("checkpoint")
    assert status == 0
    file = tmp_path / "elsewhere.jsonl"
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"{line}\n")
    return str(file)


def rewrite(database: Database, secret: str, count: int = 5) -> None:
    keyring = Keyring([secret])
    rows = chain_events(keyring, 0, b"", [AuditEvent(AuditKind.PAGE_DENY, OLD, actor="another actor")] * count)
    behind_its_back(database, "DELETE FROM audit_events")
    with database.engine.begin() as connection:
        connection.execute(insert(audit_events), rows)
        mac = rows[-1]["mac"]
        seal = keyring.mac(HEAD_PURPOSE, head_bytes(count, mac))
        connection.execute(audit_head.update().values(seq=count, mac=mac, seal=seal))
