"""Writes of drafts: form values typed before a sign-in. They are few, small, sealed, and expire within minutes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from app.core.records import Draft
from db.models import drafts
from db.unit_of_work import BaseUnitOfWork, require_aware


class DraftWrites(BaseUnitOfWork):
    """Writes of ``UnitOfWork`` for drafts."""

    def keep_draft(self, draft: Draft, now: datetime, *, max_per_owner: int, max_anonymous: int) -> None:
        """Store a draft, deleting expired ones and the oldest above the limits."""
        require_aware(draft.expires_at, now)
        self._execute(delete(drafts).where(drafts.c.expires_at < now))
        values: dict[str, Any] = {
            "owner_hash": draft.owner_hash,
            "anonymous": draft.anonymous,
            "sealed": draft.sealed,
            "created_at": now,
            "expires_at": draft.expires_at,
        }
        new = self._insert(drafts).values(key_hash=draft.key_hash, **values)
        self._execute(new.on_conflict_do_update(index_elements=["key_hash"], set_=values))
        self._keep_newest(max_per_owner, drafts.c.owner_hash == draft.owner_hash)
        if draft.anonymous:
            self._keep_newest(max_anonymous, drafts.c.anonymous)

    def move_draft(self, key_hash: bytes, to_hash: bytes, now: datetime) -> bool:
        """Move a draft to another key; False when it does not exist or has expired."""
        require_aware(now)
        return self._changed(
            update(drafts)
            .where(drafts.c.key_hash == key_hash, drafts.c.expires_at >= now)
            .values(key_hash=to_hash)
            .returning(drafts.c.key_hash)
        )

    def take_draft(self, key_hash: bytes, now: datetime) -> Draft | None:
        """Delete the draft under this key and return it; None when it does not exist or has expired."""
        require_aware(now)
        row = self._execute(
            delete(drafts)
            .where(drafts.c.key_hash == key_hash)
            .returning(drafts.c.key_hash, drafts.c.owner_hash, drafts.c.anonymous, drafts.c.sealed, drafts.c.expires_at)
        ).first()
        if row is None or row.expires_at < now:
            return None
        return Draft(row.key_hash, row.owner_hash, row.anonymous, row.sealed, row.expires_at)

    def _keep_newest(self, max_drafts: int, condition: ColumnElement[bool]) -> None:
        """Delete the oldest drafts that meet the condition above ``max_drafts``."""
        oldest = select(drafts.c.key_hash).where(condition).order_by(drafts.c.created_at.desc(), drafts.c.key_hash)
        surplus = [row[0] for row in self._rows(oldest.offset(max_drafts).limit(1000))]
        if surplus:
            self._execute(delete(drafts).where(drafts.c.key_hash.in_(surplus)))
