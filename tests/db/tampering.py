"""Tampering with the audit as an attacker with access to the database could, and the problems verification finds."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert

from app.core.checkpoints import Checkpoint, read_checkpoints
from app.core.keyring import Keyring
from db import Database, checkpoint, verify_chain
from db.audit_chain import HEAD_PURPOSE, chain_events, head_bytes
from db.models import audit_events, audit_head
from tests.db.builders import NOW, SECOND, behind_its_back, event


def signed(database: Database, keyring: Keyring | None = None) -> Sequence[Checkpoint]:
    """A checkpoint of now, signed as a text and read again."""
    line = checkpoint(database, at=NOW, installation="https://app.example").signed(keyring or database.keyring)
    return read_checkpoints(f"\n{line}\n", database.keyring)


def rewritten(database: Database, count: int, keyring: Keyring, *, actor: str = "attacker") -> None:
    """Rewrite the whole chain with its head, as an attacker with access to the database could."""
    rows = chain_events(keyring, 0, b"", [event(at=NOW + n * SECOND, actor=actor) for n in range(count)])
    behind_its_back(database, "DELETE FROM audit_events")
    with database.engine.begin() as connection:
        connection.execute(insert(audit_events), rows)
        mac = rows[-1]["mac"]
        seal = keyring.mac(HEAD_PURPOSE, head_bytes(count, mac))
        connection.execute(audit_head.update().values(seq=count, mac=mac, seal=seal))


def problems_of(database: Database, checkpoints: Sequence[Checkpoint] = ()) -> list[tuple[str, int | None]]:
    state = verify_chain(database, checkpoints)
    for problem in state.problems:
        print(f"WRONG {problem}")
    return [(problem.kind.value, problem.seq) for problem in state.problems]
