"""Writes of withheld grants: roles and permissions that no automatic source grants, by decision of an administrator.

Automatic sources are the provider's token and the default role. While a row exists, they do not grant its role or
permission. The row records which of them would, so that releasing it restores exactly those grants.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, delete, exists, literal, or_, select, update

from app.core.audit import SYSTEM
from app.core.policy import Source
from db.models import grants, role_mappings, token_roles, withheld_grants
from db.texts import clean
from db.unit_of_work import BaseUnitOfWork, require_aware

DEFAULT_ROLE: Final = "GATEHOUSE_DEFAULT_ROLE"
"""The reason of grants of the default role."""

Grantable = tuple[int | None, str | None]
"""A role or a permission: (role id, None) or (None, permission)."""

AUTOMATIC: Final = or_(
    grants.c.source == Source.TOKEN.value,
    and_(grants.c.source == Source.INSTALLATION.value, grants.c.given_by == SYSTEM),
)
"""Whether a grant comes from an automatic source: the provider's token or ``GATEHOUSE_DEFAULT_ROLE``."""


class WithheldWrites(BaseUnitOfWork):
    """Writes of ``UnitOfWork`` for withheld grants."""

    def withhold(
        self, person: int, grantable: Grantable, *, by: str, reason: str, from_default: bool, now: datetime
    ) -> None:
        """Remove the person's automatic grants of ``grantable``, and withhold it from every automatic source.

        Args:
            person: Id.
            grantable: The role or permission.
            by: The administrator.
            reason: The administrator's reason.
            from_default: Whether it is the default role, granted yet or not.
            now: The current time.
        """
        require_aware(now)
        automatic = and_(grants.c.person_id == person, is_grantable(grants, grantable), AUTOMATIC)
        sources = set(self._execute(delete(grants).where(automatic).returning(grants.c.source)).scalars())
        self._execute(
            self._insert(withheld_grants)
            .values(
                person_id=person,
                role_id=grantable[0],
                permission=grantable[1],
                withheld_by=clean(by),
                withheld_at=now,
                reason=clean(reason),
                from_token=Source.TOKEN.value in sources,
                from_default=from_default or Source.INSTALLATION.value in sources,
            )
            .on_conflict_do_nothing()
        )
        self._rights_changed = True

    def release_withheld(self, withheld: int, *, is_default: bool, now: datetime) -> bool:
        """Release a withheld grant, and restore the grants of the automatic sources.

        Args:
            withheld: Id.
            is_default: Whether it is the default role now; the row records what was true at the last sign-in.
            now: The current time.

        Returns:
            False when there is no such withheld grant.
        """
        require_aware(now)
        row = self._execute(
            delete(withheld_grants).where(withheld_grants.c.id == withheld).returning(*withheld_grants.c)
        ).first()
        if row is None:
            return False
        common = {"person_id": row.person_id, "role_id": row.role_id, "permission": row.permission, "created_at": now}
        restored: list[dict[str, Any]] = []
        if row.from_token:
            restored.append({"source": Source.TOKEN.value, "given_by": "", "reason": ""})
        if row.from_default and is_default:
            restored.append({"source": Source.INSTALLATION.value, "given_by": SYSTEM, "reason": DEFAULT_ROLE})
        for values in restored:
            self._execute(self._insert(grants).values(**common, **values).on_conflict_do_nothing())
        self._rights_changed = True
        return True

    def _withheld_from_token(self, person: int, of_token: set[Grantable]) -> set[Grantable]:
        """Those of ``of_token`` that are withheld from the person; records which withheld grants the token has."""
        withheld: set[Grantable] = set()
        for row in self._execute(select(withheld_grants).where(withheld_grants.c.person_id == person)):
            grantable = (row.role_id, row.permission)
            withheld.add(grantable)
            if bool(row.from_token) is not (grantable in of_token):
                by_id = withheld_grants.c.id == row.id
                self._execute(update(withheld_grants).where(by_id).values(from_token=grantable in of_token))
        return withheld & of_token

    def _withheld_from_default(self, person: int, role: int | None) -> bool:
        """Whether the default role is withheld from the person; records which withheld grant it is (None: none)."""
        of_person = withheld_grants.c.person_id == person
        withheld = False
        for row in self._execute(select(withheld_grants).where(of_person)):
            is_default = role is not None and row.role_id == role
            withheld |= is_default
            if bool(row.from_default) is not is_default:
                by_id = withheld_grants.c.id == row.id
                self._execute(update(withheld_grants).where(by_id).values(from_default=is_default))
        return withheld

    def _record_mapped(self, role: int) -> None:
        """Record that the token has ``role``, for the people from whom it is withheld and whose token maps to it."""
        mapped = exists().where(
            token_roles.c.person_id == withheld_grants.c.person_id,
            token_roles.c.name == role_mappings.c.token_role,
            role_mappings.c.role_id == role,
        )
        self._execute(update(withheld_grants).where(withheld_grants.c.role_id == role, mapped).values(from_token=True))

    def _move_withheld(self, role: int, replacement: int) -> None:
        """Withhold ``replacement`` from the people from whom ``role`` is withheld, unless they have it already.

        Deleting a role moves its holders to the replacement; people from whom it was withheld must not get it.
        """
        has_replacement = exists().where(
            grants.c.person_id == withheld_grants.c.person_id, grants.c.role_id == replacement
        )
        columns = ("person_id", "permission", "withheld_by", "withheld_at", "reason", "from_token", "from_default")
        old = select(literal(replacement), *(withheld_grants.c[name] for name in columns)).where(
            withheld_grants.c.role_id == role, ~has_replacement
        )
        new = self._insert(withheld_grants).from_select(["role_id", *columns], old)
        self._execute(new.on_conflict_do_nothing())


def is_grantable(table: Table, grantable: Grantable) -> ColumnElement[bool]:
    """Whether a row of ``grants`` or ``withheld_grants`` is about this role or permission."""
    condition: ColumnElement[bool] = (
        table.c.role_id == grantable[0] if grantable[0] is not None else table.c.permission == grantable[1]
    )
    return condition


def not_withheld(person: ColumnElement[int], role: int) -> ColumnElement[bool]:
    """Whether ``role`` is not withheld from the person in this column."""
    return ~exists().where(withheld_grants.c.person_id == person, withheld_grants.c.role_id == role)
