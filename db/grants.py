"""Writes of grants: those of people and policy, and those synchronized with the provider's tokens."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update

from app.core.audit import SYSTEM
from app.core.errors import NotFound
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import MAX_TOKEN_ROLE_CHARACTERS, MAX_TOKEN_ROLES, NewGrant, TokenRights, TokenRightsChange
from db.models import grants, people, permissions, role_mappings, roles, token_roles
from db.texts import clean, is_storable
from db.unit_of_work import in_batches, require_aware
from db.withheld import DEFAULT_ROLE, Grantable, WithheldWrites, is_grantable


class GrantWrites(WithheldWrites):
    """Writes of ``UnitOfWork`` for grants."""

    def add_grant(self, grant: NewGrant, now: datetime) -> bool:
        """Add a grant, replacing an expired one; False when the person has it already.

        Raises:
            InvalidInput: The subject cannot be stored.
            NotFound: There is no such role or permission.
            ValueError: The grant names both a role and a permission, or neither; or a time is naive.
        """
        require_aware(now, grant.expires_at)
        grantable = self._grantable_of(grant)
        if grantable is None:
            raise NotFound("There is no such role." if grant.role is not None else "There is no such permission.")
        person = self._ensure_person(grant.subject)
        self._execute(delete(grants).where(_same(person, grantable, grant.source), grants.c.until <= now))
        new = self._insert(grants).values(
            person_id=person,
            role_id=grantable[0],
            permission=grantable[1],
            source=grant.source.value,
            given_by=clean(grant.author),
            created_at=now,
            until=grant.expires_at,
            reason=clean(grant.reason),
        )
        added = self._changed(new.on_conflict_do_nothing().returning(grants.c.id))
        self._rights_changed |= added
        return added

    def grant_default_role(self, subject: Subject, role: str | None, now: datetime) -> bool:
        """Grant the default role, unless an administrator withholds it."""
        require_aware(now)
        number = None if role is None else self._role_id(role)
        if self._withheld_from_default(self._ensure_person(subject), number) or role is None:
            return False
        return self.add_grant(NewGrant(subject, Source.INSTALLATION, SYSTEM, role=role, reason=DEFAULT_ROLE), now)

    def revoke_grant(self, grant: NewGrant, now: datetime) -> bool:
        """Remove the grant of the same role or permission to the same subject from the same source."""
        require_aware(now)
        grantable, person = self._grantable_of(grant), self._person_id(grant.subject)
        if grantable is None or person is None:
            return False
        deleted = self._changed(delete(grants).where(_same(person, grantable, grant.source)).returning(grants.c.id))
        self._rights_changed |= deleted
        return deleted

    def sync_token_rights(
        self, subject: Subject, rights: TokenRights, *, implicit_role_mapping: bool, now: datetime
    ) -> TokenRightsChange:
        """Make the subject's grants of source ``token`` equal to the rights of the token."""
        require_aware(now, rights.issued_at)
        person = self._ensure_person(subject)
        newest = self._changed(
            update(people)
            .where(
                people.c.id == person,
                or_(people.c.rights_issued_at.is_(None), people.c.rights_issued_at <= rights.issued_at),
            )
            .values(rights_issued_at=rights.issued_at)
            .returning(people.c.id)
        )
        if not newest:
            return TokenRightsChange()
        names = frozenset(name for name in rights.roles if is_storable(name, MAX_TOKEN_ROLE_CHARACTERS))
        mapped = self._mapped(names, implicit_role_mapping=implicit_role_mapping)
        # Mapped names are stored first; the limit applies after the mapping, so that it removes no grants.
        stored = sorted(names, key=lambda name: (name not in mapped, name))[:MAX_TOKEN_ROLES]
        self._store_token_roles(person, frozenset(stored))
        expected: set[Grantable] = {(role, None) for ids in mapped.values() for role in ids}
        expected.update((None, name) for name in self._known(rights.permissions))
        expected -= self._withheld_from_token(person, expected)
        of_token = and_(grants.c.person_id == person, grants.c.source == Source.TOKEN.value)
        current = {
            (row.role_id, row.permission): int(row.id)
            for row in self._execute(select(grants.c.id, grants.c.role_id, grants.c.permission).where(of_token))
        }
        removed = current.keys() - expected
        for batch in in_batches(current[grantable] for grantable in removed):
            self._execute(delete(grants).where(grants.c.id.in_(batch)))
        added = expected - current.keys()
        rows: list[dict[str, Any]] = [
            {
                "person_id": person,
                "role_id": role,
                "permission": permission,
                "source": Source.TOKEN.value,
                "created_at": now,
            }
            for role, permission in added
        ]
        if rows:
            self._execute(insert(grants), rows)
        self._rights_changed |= bool(removed or added)
        return self._rights_change(added, removed)

    def _rights_change(self, added: AbstractSet[Grantable], removed: AbstractSet[Grantable]) -> TokenRightsChange:
        """The change by names. Roles are looked up only if there is one, because most sign-ins change nothing."""
        ids = sorted({role for role, _ in added | removed if role is not None})
        names: dict[int, str] = {}
        for batch in in_batches(ids):
            rows = self._execute(select(roles.c.id, roles.c.name).where(roles.c.id.in_(batch)))
            names |= {int(row.id): row.name for row in rows}
        return TokenRightsChange(
            *(tuple(sorted(names[role] for role, _ in side if role is not None)) for side in (added, removed)),
            *(tuple(sorted(name for _, name in side if name is not None)) for side in (added, removed)),
        )

    def _grantable_of(self, grant: NewGrant) -> Grantable | None:
        """The role or permission of ``grant``; None when it does not exist."""
        if (grant.role is None) == (grant.permission is None):
            raise ValueError("a grant is of exactly one role or permission")
        if grant.role is not None:
            role = self._role_id(grant.role)
            return None if role is None else (role, None)
        known = self._known(frozenset({str(grant.permission)}))
        return (None, known[0]) if known else None

    def _role_id(self, name: str) -> int | None:
        if not is_storable(name):
            return None
        role = self._execute(select(roles.c.id).where(roles.c.name == name)).scalar()
        return None if role is None else int(role)

    def _known(self, names: frozenset[str]) -> list[str]:
        """Those of ``names`` that the catalogue contains."""
        known: list[str] = []
        for batch in in_batches(name for name in names if is_storable(name)):
            known += self._execute(select(permissions.c.name).where(permissions.c.name.in_(batch))).scalars()
        return known

    def _mapped(self, names: frozenset[str], *, implicit_role_mapping: bool) -> dict[str, set[int]]:
        """Token role → the ids of the roles it is mapped to; without unmapped token roles."""
        role_ids: dict[str, set[int]] = {}
        for batch in in_batches(names):
            mapped = select(role_mappings.c.token_role, role_mappings.c.role_id).where(
                role_mappings.c.token_role.in_(batch)
            )
            pairs = [(row.token_role, row.role_id) for row in self._execute(mapped)]
            if implicit_role_mapping:
                own = select(roles.c.name, roles.c.id).where(roles.c.built_in.is_(True), roles.c.name.in_(batch))
                pairs += [(row.name, row.id) for row in self._execute(own)]
            for name, role in pairs:
                role_ids.setdefault(name, set()).add(role)
        return role_ids

    def _store_token_roles(self, person: int, names: frozenset[str]) -> None:
        """Store the role names of the last token."""
        before = frozenset(self._execute(select(token_roles.c.name).where(token_roles.c.person_id == person)).scalars())
        if removed := before - names:
            self._execute(
                delete(token_roles).where(token_roles.c.person_id == person, token_roles.c.name.in_(sorted(removed)))
            )
        if new := names - before:
            self._execute(insert(token_roles), [{"person_id": person, "name": name} for name in sorted(new)])


def _same(person: int, grantable: Grantable, source: Source) -> ColumnElement[bool]:
    """Whether a grant is of this role or permission, from this source, to this person."""
    return and_(grants.c.person_id == person, is_grantable(grants, grantable), grants.c.source == source.value)
