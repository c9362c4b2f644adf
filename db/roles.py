"""Writes about roles: made, changed, moved to another, deleted."""

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
from db.unit_of_work import in_portions, require_aware
from db.withheld import AUTOMATIC, not_withheld

_FROM_TOKEN: Final = grants.c.source == Source.TOKEN.value


class RoleWrites(GrantWrites):
    """The part of ``DirectoryUnit`` about roles."""

    def add_role(self, name: str, description: str, given: frozenset[str]) -> int:
        """Make a role; returns its id."""
        self._require_free(name, but=None)
        role = int(
            self._execute(
                insert(roles)
                .values(name=name, name_key=role_key(name), description=clean(description))
                .returning(roles.c.id)
            ).scalar_one()
        )
        self._give(role, given)
        self._rights_changed = True
        return role

    def change_role(self, role: int, *, name: str, description: str, permissions: frozenset[str]) -> None:
        """Set everything of a role and move its version."""
        self._require_free(name, but=role)
        self._execute(
            update(roles)
            .where(roles.c.id == role)
            .values(name=name, name_key=role_key(name), description=clean(description), version=roles.c.version + 1)
        )
        of_role = role_permissions.c.role_id == role
        before = frozenset(self._execute(select(role_permissions.c.permission).where(of_role)).scalars())
        for some in in_portions(before - permissions):
            self._execute(delete(role_permissions).where(of_role, role_permissions.c.permission.in_(some)))
        self._give(role, permissions - before)
        self._rights_changed |= before != permissions

    def move_role(self, role: int, to: int | None, *, by: str, reason: str, now: datetime) -> int:
        """Give everyone who holds ``role`` by a grant of source admin, policy or request the role ``to`` instead."""
        require_aware(now)
        live = or_(grants.c.until.is_(None), grants.c.until > now)
        held = and_(grants.c.role_id == role, ~_FROM_TOKEN)
        moved = int(self._execute(select(func.count(grants.c.person_id.distinct())).where(held, live)).scalar_one())
        if to is not None:
            self._move_withheld(role, to)
            self._move_mappings(role, to)
            self._record_mapped(to)
            self._copy_grants(role, to, by=by, reason=reason, now=now)
        gone = self._execute(delete(grants).where(grants.c.role_id == role)).rowcount
        self._execute(delete(role_mappings).where(role_mappings.c.role_id == role))
        self._rights_changed |= bool(gone)
        return moved

    def delete_role(self, role: int) -> None:
        """Delete a role, its mappings and its grants of source ``token``."""
        self._execute(delete(role_mappings).where(role_mappings.c.role_id == role))
        self._execute(delete(grants).where(grants.c.role_id == role, _FROM_TOKEN))
        if self._execute(select(exists().where(grants.c.role_id == role))).scalar_one():
            raise RoleInUse("People hold this role: say which role they get instead.")
        self._execute(delete(role_permissions).where(role_permissions.c.role_id == role))
        if self._changed(delete(roles).where(roles.c.id == role).returning(roles.c.id)):
            self._rights_changed = True

    def _require_free(self, name: str, *, but: int | None) -> None:
        there = self._execute(select(roles.c.id, roles.c.name).where(roles.c.name_key == role_key(name))).first()
        if there is not None and int(there.id) != but:
            raise NameTaken(f"There is a role {there.name!r}, which is the same or looks the same.")

    def _give(self, role: int, given: Iterable[str]) -> None:
        for some in in_portions(given):
            known = set(self._execute(select(permissions.c.name).where(permissions.c.name.in_(some))).scalars())
            if len(known) < len(some):
                raise NotFound("There is no such permission.")
            self._execute(insert(role_permissions), [{"role_id": role, "permission": name} for name in some])

    def _move_mappings(self, role: int, to: int) -> None:
        mapped = select(role_mappings.c.token_role, literal(to)).where(role_mappings.c.role_id == role)
        new = self._insert(role_mappings).from_select(["token_role", "role_id"], mapped)
        self._execute(new.on_conflict_do_nothing())

    def _copy_grants(self, role: int, to: int, *, by: str, reason: str, now: datetime) -> None:
        """Grants of ``to`` as those of ``role`` are; where there is one, the one that lasts longer counts."""
        at = bindparam(None, now, MicrosecondTimestamp)
        from_token = case((_FROM_TOKEN, literal("", Text)), else_=literal(clean(by), Text))
        why = case((_FROM_TOKEN, literal("", Text)), else_=literal(clean(reason), Text))
        old = select(grants.c.person_id, literal(to), grants.c.source, from_token, at, grants.c.until, why).where(
            grants.c.role_id == role,
            or_(grants.c.until.is_(None), grants.c.until > now),
            or_(~AUTOMATIC, not_withheld(grants.c.person_id, to)),
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
