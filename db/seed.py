"""The permission catalogue and the built-in roles, carried from ``app.core.permissions`` into rows. Idempotent.

A built-in role gets each of its permissions once, when that permission is new: what an administrator added to the
role stays, and what one took out stays out. ``administrator`` stores no permissions, it holds all by computation.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from app.core.permissions import ADMINISTRATOR, ROLES, Permission
from db.database import Database
from db.models import permissions, role_permissions, roles
from db.texts import role_key
from db.unit_of_work import BaseUnitOfWork


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What seeding did."""

    changed: bool
    """Whether anything about rights was new; the policy version moved if so."""
    conflicting_roles: tuple[str, ...] = ()
    """Built-in roles that could not be made because a role of nearly the same name exists."""


class SeedUnitOfWork(BaseUnitOfWork):
    """A unit of work that seeds."""

    def seed(self) -> SeedResult:
        """Everything, without committing."""
        self._catalogue()
        blocked = [name for name, (text, given) in ROLES.items() if not self._role(name, text, given)]
        return SeedResult(self._rights_changed, tuple(blocked))

    def _catalogue(self) -> None:
        there = {row.name: row for row in self._execute(select(permissions))}
        for permission in Permission:
            row = there.get(permission.value)
            said = {"sentence": permission.sentence, "by_scope": permission.by_scope}
            if row is None:
                self._execute(insert(permissions).values(name=permission.value, **said))
                self._rights_changed = True
            elif (row.sentence, bool(row.by_scope)) != (permission.sentence, permission.by_scope):
                self._execute(update(permissions).where(permissions.c.name == permission.value).values(**said))

    def _role(self, name: str, description: str, given: frozenset[Permission]) -> bool:
        """One built-in role; False when another role's name is in the way."""
        there = self._execute(select(roles).where(roles.c.name_key == role_key(name))).first()
        if there is None:
            role = int(
                self._execute(
                    insert(roles)
                    .values(name=name, name_key=role_key(name), description=description, built_in=True)
                    .returning(roles.c.id)
                ).scalar_one()
            )
            seeded: frozenset[str] = frozenset()
            self._rights_changed = True
        elif not there.built_in or there.name != name:
            return False
        else:
            role, seeded = int(there.id), frozenset(there.seeded.split())
        new = frozenset() if name == ADMINISTRATOR else {permission.value for permission in given} - seeded
        for permission in sorted(new):
            self._execute(
                self._insert(role_permissions).values(role_id=role, permission=permission).on_conflict_do_nothing()
            )
        if new:
            self._execute(
                update(roles)
                .where(roles.c.id == role)
                .values(seeded=" ".join(sorted(seeded | new)), version=roles.c.version + 1)
            )
            self._rights_changed = True
        return True


def seed(database: Database) -> SeedResult:
    """Bring catalogue and built-in roles up to date, in one transaction."""
    with database.work(SeedUnitOfWork) as unit:
        done = unit.seed()
        unit.commit()
    return done
