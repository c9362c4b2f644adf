"""Writes of role mappings: the roles of a token role, and the grants of the people who have it in their token."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, delete, exists, insert, literal, select, update

from app.core.policy import Source
from db.grants import GrantWrites
from db.models import grants, role_mappings, roles, token_roles, withheld_grants
from db.unit_of_work import require_aware
from db.withheld import not_withheld


class MappingWrites(GrantWrites):
    """Writes of ``AdministrationUnit`` for mappings."""

    def set_mapping(
        self, token_role: str, role_ids: frozenset[int], now: datetime, *, implicit_role_mapping: bool
    ) -> int:
        """Map a token role to exactly these roles; returns how many people's grants changed."""
        require_aware(now)
        of_name = role_mappings.c.token_role == token_role
        before = frozenset(self._execute(select(role_mappings.c.role_id).where(of_name)).scalars())
        if removed := before - role_ids:
            self._execute(delete(role_mappings).where(of_name, role_mappings.c.role_id.in_(sorted(removed))))
        if added := role_ids - before:
            self._execute(
                insert(role_mappings), [{"token_role": token_role, "role_id": role} for role in sorted(added)]
            )
        changed: set[int] = set()
        for role in sorted(added):
            changed |= self._grant_mapped(token_role, role, now)
            self._record_mapped(role)
        for role in sorted(removed):
            changed |= self._revoke_unmapped(token_role, role, implicit_role_mapping=implicit_role_mapping)
        self._rights_changed |= bool(changed)
        return len(changed)

    def _grant_mapped(self, token_role: str, role: int, now: datetime) -> set[int]:
        """Grant the role, with source ``token``, to people with the token role; returns the ids of those who got it."""
        recipients = select(
            token_roles.c.person_id,
            literal(role),
            literal(Source.TOKEN.value),
            literal(now, grants.c.created_at.type),
        ).where(token_roles.c.name == token_role, not_withheld(token_roles.c.person_id, role))
        insertion = self._insert(grants).from_select(["person_id", "role_id", "source", "created_at"], recipients)
        return set(self._execute(insertion.on_conflict_do_nothing().returning(grants.c.person_id)).scalars())

    def _revoke_unmapped(self, token_role: str, role: int, *, implicit_role_mapping: bool) -> set[int]:
        """Revoke the role from people without another token role that is mapped to it; returns their ids."""
        unmapped = _unmapped(withheld_grants, token_role, role, implicit_role_mapping=implicit_role_mapping)
        self._execute(update(withheld_grants).where(unmapped).values(from_token=False))
        unmapped = _unmapped(grants, token_role, role, implicit_role_mapping=implicit_role_mapping)
        revoked = delete(grants).where(unmapped, grants.c.source == Source.TOKEN.value).returning(grants.c.person_id)
        return set(self._execute(revoked).scalars())


def _unmapped(table: Table, token_role: str, role: int, *, implicit_role_mapping: bool) -> ColumnElement[bool]:
    """Whether a row is about ``role`` and a person with the token role and no other that is mapped to ``role``."""
    other = token_roles.alias("other")
    other_mapping = exists().where(
        other.c.person_id == table.c.person_id,
        other.c.name == role_mappings.c.token_role,
        role_mappings.c.role_id == role,
    )
    conditions = [
        table.c.role_id == role,
        table.c.person_id.in_(select(token_roles.c.person_id).where(token_roles.c.name == token_role)),
        ~other_mapping,
    ]
    if implicit_role_mapping:
        own_name = exists().where(
            other.c.person_id == table.c.person_id,
            roles.c.id == role,
            roles.c.built_in.is_(True),
            other.c.name == roles.c.name,
        )
        conditions.append(~own_name)
    return and_(*conditions)
