"""Seeds the permission catalogue and the built-in roles from ``app.core.permissions``. Idempotent.

A built-in role gets each of its permissions once, when that permission is new. Permissions that an administrator added
stay, and permissions that one removed stay removed. ``administrator`` stores no permissions: it has all by computation.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from app.core.permissions import ADMINISTRATOR, CATALOGUE, ROLES, Permission
from db.database import Database
from db.models import permissions, role_permissions, roles
from db.texts import role_key
from db.unit_of_work import BaseUnitOfWork


@dataclass(frozen=True, slots=True)
class SeedResult:
    """The result of seeding."""

    changed: bool
    """Whether roles or permissions changed, and with them the policy version."""
    conflicting_roles: tuple[str, ...] = ()
    """Built-in roles that were not created, because a role with a similar name exists."""


class SeedUnitOfWork(BaseUnitOfWork):
    """The unit of work of seeding."""

    def seed(self) -> SeedResult:
        """Seed everything, without a commit."""
        self._catalogue()
        conflicting = [name for name, (text, names) in ROLES.items() if not self._role(name, text, names)]
        return SeedResult(self._rights_changed, tuple(conflicting))

    def _catalogue(self) -> None:
        existing = {row.name: row for row in self._execute(select(permissions))}
        new = []
        for permission in CATALOGUE.values():
            row = existing.get(permission.value)
            values = {"sentence": permission.sentence, "by_scope": permission.by_scope}
            if row is None:
                new.append({"name": permission.value, **values})
            elif (row.sentence, bool(row.by_scope)) != (permission.sentence, permission.by_scope):
                self._execute(update(permissions).where(permissions.c.name == permission.value).values(**values))
        if new:
            self._execute(insert(permissions), new)
            self._rights_changed = True

    def _role(self, name: str, description: str, default_permissions: frozenset[Permission]) -> bool:
        """Seed one built-in role; False when another role has its name or a similar one."""
        existing = self._execute(select(roles).where(roles.c.name_key == role_key(name))).first()
        if existing is None:
            role = int(
                self._execute(
                    insert(roles)
                    .values(name=name, name_key=role_key(name), description=description, built_in=True)
                    .returning(roles.c.id)
                ).scalar_one()
            )
            seeded: frozenset[str] = frozenset()
            self._rights_changed = True
        elif not existing.built_in or existing.name != name:
            return False
        else:
            role, seeded = int(existing.id), frozenset(existing.seeded.split())
        new = (
            frozenset() if name == ADMINISTRATOR else {permission.value for permission in default_permissions} - seeded
        )
        if new:
            rows = [{"role_id": role, "permission": permission} for permission in sorted(new)]
            self._execute(self._insert(role_permissions).on_conflict_do_nothing(), rows)
            self._execute(
                update(roles)
                .where(roles.c.id == role)
                .values(seeded=" ".join(sorted(seeded | new)), version=roles.c.version + 1)
            )
            self._rights_changed = True
        return True


def seed(database: Database) -> SeedResult:
    """Update the catalogue and the built-in roles, in one transaction.

    Raises:
        GatehouseError: The translated error of the driver; nothing is changed.
    """
    with database.work(SeedUnitOfWork) as unit:
        result = unit.seed()
        unit.commit()
    return result
