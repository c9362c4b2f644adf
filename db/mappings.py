"""Writes about role mappings: what a token role becomes, and the token grants of everyone who has it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, delete, exists, insert, literal, select, update

from app.core.policy import Source
from db.grants import GrantWrites
from db.models import grants, role_mappings, roles, token_roles, withheld_grants
from db.unit_of_work import require_aware
from db.withheld import not_withheld


class MappingWrites(GrantWrites):
    """The part of ``DirectoryUnit`` about mappings."""

    def set_mapping(self, token_role: str, wanted: frozenset[int], now: datetime, *, map_own_names: bool) -> int:
        """Map a token role to exactly these roles; returns how many people's grants changed."""
        require_aware(now)
        of_name = role_mappings.c.token_role == token_role
        before = frozenset(self._execute(select(role_mappings.c.role_id).where(of_name)).scalars())
        if gone := before - wanted:
            self._execute(delete(role_mappings).where(of_name, role_mappings.c.role_id.in_(sorted(gone))))
        if new := wanted - before:
            self._execute(insert(role_mappings), [{"token_role": token_role, "role_id": role} for role in sorted(new)])
        changed: set[int] = set()
        for role in sorted(new):
            changed |= self._grant_mapped(token_role, role, now)
            self._record_mapped(role)
        for role in sorted(gone):
            changed |= self._revoke_unmapped(token_role, role, map_own_names=map_own_names)
        self._rights_changed |= bool(changed)
        return len(changed)

    def _grant_mapped(self, token_role: str, role: int, now: datetime) -> set[int]:
        """Give the role by token to everyone whose last token had the token role; who did not have it so."""
        there = select(
            token_roles.c.person_id,
            literal(role),
            literal(Source.TOKEN.value),
            literal(now, grants.c.created_at.type),
        ).where(token_roles.c.name == token_role, not_withheld(token_roles.c.person_id, role))
        added = self._insert(grants).from_select(["person_id", "role_id", "source", "created_at"], there)
        return set(self._execute(added.on_conflict_do_nothing().returning(grants.c.person_id)).scalars())

    def _revoke_unmapped(self, token_role: str, role: int, *, map_own_names: bool) -> set[int]:
        """Take the role by token from those to whom no other token role gives it."""
        unmapped = _unmapped(withheld_grants, token_role, role, map_own_names=map_own_names)
        self._execute(update(withheld_grants).where(unmapped).values(from_token=False))
        unmapped = _unmapped(grants, token_role, role, map_own_names=map_own_names)
        taken = delete(grants).where(unmapped, grants.c.source == Source.TOKEN.value).returning(grants.c.person_id)
        return set(self._execute(taken).scalars())


def _unmapped(table: Table, token_role: str, role: int, *, map_own_names: bool) -> ColumnElement[bool]:
    """Rows about ``role`` of people whose last token had the token role, and no other that still becomes ``role``."""
    other = token_roles.alias("other")
    still = exists().where(
        other.c.person_id == table.c.person_id,
        other.c.name == role_mappings.c.token_role,
        role_mappings.c.role_id == role,
    )
    conditions = [
        table.c.role_id == role,
        table.c.person_id.in_(select(token_roles.c.person_id).where(token_roles.c.name == token_role)),
        ~still,
    ]
    if map_own_names:
        own = exists().where(
            other.c.person_id == table.c.person_id,
            roles.c.id == role,
            roles.c.built_in.is_(True),
            other.c.name == roles.c.name,
        )
        conditions.append(~own)
    return and_(*conditions)
