"""Writes for the rotation of the secret: the keys of each process, and the key that the installation writes with."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select, update

from app.core.records import AnnouncedProcess
from db.audit_chain import head_key_id
from db.models import audit_head, processes
from db.unit_of_work import BaseUnitOfWork, require_aware


class SecretKeyWrites(BaseUnitOfWork):
    """Writes of ``UnitOfWork`` for the keys of the secret."""

    def write_key(self) -> str:
        """The id of the key that the installation writes with; an older database gets the key of the head's MAC."""
        head = self._execute(
            select(audit_head.c.seq, audit_head.c.mac, audit_head.c.seal, audit_head.c.key_id).with_for_update()
        ).first()
        if head is None or head.key_id:
            return "" if head is None else str(head.key_id)
        key_id = head_key_id(self._keyring, head)
        self._execute(update(audit_head).values(key_id=key_id))
        return key_id

    def switch_write_key(self, key_id: str, *, lost: bool = False) -> None:
        """Write with another key, starting with the events of this unit of work.

        Args:
            key_id: The new key.
            lost: Whether the previous key is lost, so that no process holds it.
        """
        self._switch_to = key_id
        self._key_lost = lost
        # Before the first event no event can carry the new key.
        self._execute(update(audit_head).where(audit_head.c.key_id == "", audit_head.c.seq == 0).values(key_id=key_id))

    def announce(self, process: AnnouncedProcess) -> None:
        """Insert or update the row of a process."""
        require_aware(process.started_at, process.seen_at)
        values = {
            "name": process.name,
            "key_ids": " ".join(process.key_ids),
            "beats": process.heartbeats,
            "started_at": process.started_at,
            "seen_at": process.seen_at,
        }
        new = self._insert(processes).values(id=process.id, **values)
        self._execute(new.on_conflict_do_update(index_elements=["id"], set_=values))

    def announced(self) -> Sequence[AnnouncedProcess]:
        """Every announced process that was not withdrawn, the oldest first."""
        rows = self._execute(select(processes).order_by(processes.c.started_at, processes.c.id)).all()
        return [
            AnnouncedProcess(row.id, row.name, tuple(row.key_ids.split()), row.beats, row.started_at, row.seen_at)
            for row in rows
        ]

    def withdraw(self, ids: Collection[str]) -> None:
        """Delete the rows of processes."""
        if ids:
            self._execute(delete(processes).where(processes.c.id.in_(sorted(ids))))
