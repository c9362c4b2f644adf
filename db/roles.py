"""Writes of roles: creation, change, replacement, deletion."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Text, and_, bindparam, case, delete, exists, func, insert, literal, or_, select, update

from app.core.errors import NameTaken, NotFound, RoleInUse
from app.core.policy import Source
from db.grants import GrantWrites
from db.models import grants, permissions, role_mappings, role_permissions, roles
from db.texts import clean, role_key
from db.times import MicrosecondTimestamp
from db.unit_of_work import in_batches, require_aware
from db.withheld import AUTOMATIC, not_withheld

_FROM_TOKEN: Final = grants.c.source == Source.TOKEN.value


class RoleWrites(GrantWrites):
    """Writes of ``AdministrationUnit`` for roles."""

    def add_role(self, name: str, description: str, permissions: frozenset[str]) -> int:
        """Create a role; returns its id.

        Raises:
            NameTaken: A role has the same name, or one that looks like it.
            NotFound: There is no such permission.
        """
        self._require_free(name, except_role=None)
        role = int(
            self._execute(
                insert(roles)
                .values(name=name, name_key=role_key(name), description=clean(description))
                .returning(roles.c.id)
            ).scalar_one()
        )
        self._add_permissions(role, permissions)
        self._rights_changed = True
        return role

    def change_role(self, role: int, *, name: str, description: str, permissions: frozenset[str]) -> None:
        """Replace name, description and permissions of a role, and increment its version.

        Raises:
            NameTaken: Another role has the same name, or one that looks like it.
            NotFound: There is no such permission.
        """
        self._require_free(name, except_role=role)
        self._execute(
            update(roles)
            .where(roles.c.id == role)
            .values(name=name, name_key=role_key(name), description=clean(description), version=roles.c.version + 1)
        )
        of_role = role_permissions.c.role_id == role
        before = frozenset(self._execute(select(role_permissions.c.permission).where(of_role)).scalars())
        for batch in in_batches(before - permissions):
            self._execute(delete(role_permissions).where(of_role, role_permissions.c.permission.in_(batch)))
        self._add_permissions(role, permissions - before)
        self._rights_changed |= before != permissions

    def move_role(self, role: int, replacement: int | None, *, by: str, reason: str, now: datetime) -> int:
        """Replace the grants of a role from the sources admin, policy and request by grants of another role.

        Args:
            role: The role whose grants are removed.
            replacement: The role that its holders get; None for none.
            by: The administrator.
            reason: The administrator's reason.
            now: The time at which grants are live.

        Returns:
            How many people held the role.
        """
        require_aware(now)
        live = or_(grants.c.until.is_(None), grants.c.until > now)
        of_role = and_(grants.c.role_id == role, ~_FROM_TOKEN)
        moved = int(self._execute(select(func.count(grants.c.person_id.distinct())).where(of_role, live)).scalar_one())
        if replacement is not None:
            self._move_withheld(role, replacement)
            self._move_mappings(role, replacement)
            self._record_mapped(replacement)
            self._copy_grants(role, replacement, by=by, reason=reason, now=now)
        deleted = self._execute(delete(grants).where(grants.c.role_id == role)).rowcount
        self._execute(delete(role_mappings).where(role_mappings.c.role_id == role))
        self._rights_changed |= bool(deleted)
        return moved

    def delete_role(self, role: int) -> None:
        """Delete a role, its mappings and its grants of source ``token``.

        Raises:
            RoleInUse: There are grants of the role from other sources.
        """
        self._execute(delete(role_mappings).where(role_mappings.c.role_id == role))
        self._execute(delete(grants).where(grants.c.role_id == role, _FROM_TOKEN))
        if self._execute(select(exists().where(grants.c.role_id == role))).scalar_one():
            raise RoleInUse("People hold this role: choose the role that they get instead.")
        self._execute(delete(role_permissions).where(role_permissions.c.role_id == role))
        if self._changed(delete(roles).where(roles.c.id == role).returning(roles.c.id)):
            self._rights_changed = True

    def _require_free(self, name: str, *, except_role: int | None) -> None:
        existing = self._execute(select(roles.c.id, roles.c.name).where(roles.c.name_key == role_key(name))).first()
        if existing is not None and int(existing.id) != except_role:
            raise NameTaken(f"There is a role {existing.name!r}, which is the same or looks the same.")

    def _add_permissions(self, role: int, names: Iterable[str]) -> None:
        for batch in in_batches(names):
            known = set(self._execute(select(permissions.c.name).where(permissions.c.name.in_(batch))).scalars())
            if len(known) < len(batch):
                raise NotFound("There is no such permission.")
            self._execute(insert(role_permissions), [{"role_id": role, "permission": name} for name in batch])

    def _move_mappings(self, role: int, replacement: int) -> None:
        mapped = select(role_mappings.c.token_role, literal(replacement)).where(role_mappings.c.role_id == role)
        new = self._insert(role_mappings).from_select(["token_role", "role_id"], mapped)
        self._execute(new.on_conflict_do_nothing())

    def _copy_grants(self, role: int, replacement: int, *, by: str, reason: str, now: datetime) -> None:
        """Copy the grants of ``role`` to ``replacement``; of two grants to a person the longer one remains."""
        at = bindparam(None, now, MicrosecondTimestamp)
        given_by = case((_FROM_TOKEN, literal("", Text)), else_=literal(clean(by), Text))
        copied_reason = case((_FROM_TOKEN, literal("", Text)), else_=literal(clean(reason), Text))
        old = select(
            grants.c.person_id, literal(replacement), grants.c.source, given_by, at, grants.c.until, copied_reason
        ).where(
            grants.c.role_id == role,
            or_(grants.c.until.is_(None), grants.c.until > now),
            or_(~AUTOMATIC, not_withheld(grants.c.person_id, replacement)),
        )
        columns = ["person_id", "role_id", "source", "given_by", "created_at", "until", "reason"]
        new: Any = self._insert(grants).from_select(columns, old)
        ends = new.excluded.until
        longer = or_(ends.is_(None), and_(grants.c.until.is_not(None), ends > grants.c.until))
        self._execute(
            new.on_conflict_do_update(
                index_elements=["person_id", "role_id", "source"],
                index_where=grants.c.role_id.is_not(None),
                set_={"until": ends, "given_by": new.excluded.given_by, "reason": new.excluded.reason},
                where=longer,
            )
        )
