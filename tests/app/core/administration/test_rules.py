"""What every change of administration needs: a reason, a version, a permission, checked inside the transaction."""

from __future__ import annotations

from typing import Any

import pytest

from app.core import administration
from app.core.administration import Actor
from app.core.audit import subject_name
from app.core.errors import (
    InvalidInput,
    LastAdministrator,
    NotFound,
    PermissionDenied,
    SessionEnded,
    SessionExpired,
    StaleVersion,
    StorageUnavailable,
    Unauthenticated,
)
from app.core.principal import ANONYMOUS
from app.core.records import EndReason
from db import Database
from tests.app.core.administration.support import (
    ADA,
    BOB,
    CARLA,
    DAN,
    HOUR,
    Installation,
    acting,
    refused,
    session,
)


class FullAtOnce:
    """Storage that fails from its second unit of work on."""

    def __init__(self, database: Database) -> None:
        self._units = iter([database.unit_of_work])

    def unit_of_work(self) -> Any:
        made = next(self._units, None)
        if made is None:
            raise StorageUnavailable
        return made()


def test_a_rule_refuses_even_if_the_refusal_cannot_be_recorded(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    person, actor = here.id(ADA), acting(ADA)
    with (
        pytest.raises(LastAdministrator),
        administration.transaction(FullAtOnce(here.database), actor, here.now) as unit,  # type: ignore[arg-type]
    ):
        administration.set_blocked(unit, actor, person=person, blocked=True, reason="over", version=None, now=here.now)
    assert here.events() == []
    assert "could not be recorded" in "".join(capsys.readouterr())


@pytest.mark.parametrize("reason", ["", "   ", "\x00\x01", "x" * 501])
def test_every_change_needs_a_reason(here: Installation, reason: str) -> None:
    ada = acting(ADA)
    here.create(ada, "team")
    session(here, CARLA, "ref")
    for act, arguments in (
        (here.grant, (ada, CARLA)),
        (here.revoke, (ada, BOB, "viewer")),
        (here.block, (ada, CARLA)),
        (here.erase, (ada, CARLA)),
        (here.create, (ada, "other")),
        (here.update, (ada, "team", "read:reports")),
        (here.delete, (ada, "team")),
        (here.map, (ada, "Owners", "team")),
    ):
        error = refused(here, InvalidInput, act, *arguments, reason=reason)
        assert set(error.fields()["problems"]) == {"reason"}
    for use_case, more in (
        (administration.end_session, {"ref": "ref"}),
        (administration.end_sessions, {"person": here.id(CARLA)}),
        (administration.add_person, {"subject": DAN}),
    ):
        refused(here, InvalidInput, here.act, use_case, ada, **more, reason=reason)


def test_every_change_of_existing_data_checks_its_version(here: Installation) -> None:
    ada = acting(ADA)
    here.create(ada, "team")
    for act, arguments in (
        (here.grant, (ada, CARLA)),
        (here.revoke, (ada, BOB, "viewer")),
        (here.block, (ada, CARLA)),
        (here.erase, (ada, CARLA)),
        (here.update, (ada, "team", "read:reports")),
        (here.delete, (ada, "team")),
        (here.map, (ada, "Owners", "team")),
    ):
        refused(here, StaleVersion, act, *arguments, version="another")
    seen = here.version(CARLA)
    here.grant(ada, CARLA, "viewer", version=seen)
    refused(here, StaleVersion, here.grant, ada, CARLA, "developer", version=seen)
    here.update(ada, "team", "read:reports", version="1")
    refused(here, StaleVersion, here.update, ada, "team", version="1")


def test_administrators_end_sessions(here: Installation) -> None:
    for ref in ("one", "two", "three"):
        session(here, CARLA, ref)
    here.act(administration.end_session, acting(BOB), ref="one", reason="stolen")
    here.act(administration.end_session, acting(BOB), ref="one", reason="stolen")
    assert here.act(administration.end_sessions, acting(BOB), person=here.id(CARLA), reason="all") == 2
    assert here.act(administration.end_sessions, acting(BOB), person=here.id(CARLA), reason="all") == 0
    assert here.events() == [
        ("app:session:end", subject_name(BOB), subject_name(CARLA), "stolen"),
        *[("app:session:end", subject_name(BOB), subject_name(CARLA), "all")] * 3,
    ]
    with pytest.raises(NotFound):
        here.act(administration.end_session, acting(BOB), ref="none", reason="x")


def test_the_principal_is_checked_again_inside_the_transaction(here: Installation) -> None:
    """Each use case is called with a principal that was valid a moment ago."""
    session(here, BOB, "bobs")
    bob = acting(BOB, session_ref="bobs")
    assert here.grant(bob, CARLA, "viewer")
    with pytest.raises(SessionExpired):
        Installation(here.database, here.now + 2 * HOUR).grant(bob, CARLA, "viewer")
    other = acting(ADA, session_ref="bobs")
    refused(here, SessionEnded, here.grant, other, DAN, "viewer")
    here.unit(lambda unit: unit.end_session("bobs", EndReason.SIGNED_OUT, here.now))
    refused(here, SessionEnded, here.grant, bob, DAN, "viewer")
    refused(here, SessionEnded, here.grant, acting(BOB, session_ref="none"), DAN, "viewer")
    here.block(acting(ADA), BOB)
    refused(here, PermissionDenied, here.grant, acting(BOB), DAN, "viewer")
    with pytest.raises(Unauthenticated):
        here.grant(Actor("nobody", ANONYMOUS), DAN, "viewer")


@pytest.mark.parametrize(
    ("use_case", "arguments"),
    [
        (
            administration.grant,
            {"role": "viewer", "permission": None, "expires_at": None, "person": 1, "version": None},
        ),
        (administration.revoke, {"person": 1, "grant": 1, "version": None, "default_role": None}),
        (administration.release, {"person": 1, "withheld": 1, "version": None, "default_role": None}),
        (administration.add_person, {"subject": DAN}),
        (administration.set_blocked, {"person": 1, "blocked": True, "version": None}),
        (administration.erase, {"person": 1, "version": None}),
        (administration.create_role, {"name": "x", "description": "", "permissions": frozenset()}),
        (
            administration.update_role,
            {"role": 1, "name": "x", "description": "", "permissions": frozenset(), "version": None},
        ),
        (administration.delete_role, {"role": 1, "move_to": None, "version": None}),
        (
            administration.set_mapping,
            {"token_role": "x", "roles": frozenset(), "version": None, "implicit_role_mapping": False},
        ),
        (administration.end_session, {"ref": "x"}),
        (administration.end_sessions, {"person": 1}),
    ],
)
def test_every_use_case_requires_its_permission(here: Installation, use_case: Any, arguments: dict[str, Any]) -> None:
    here.store_grants(CARLA, "auditor")
    refused(here, PermissionDenied, here.act, use_case, acting(CARLA), **arguments, reason="x")


def test_a_change_whose_audit_event_cannot_be_written_is_rolled_back(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr("db.unit_of_work.audit.append", full)
    with pytest.raises(OSError):
        here.grant(acting(ADA), CARLA, "viewer")
    monkeypatch.undo()
    assert here.roles_of(CARLA) == set()
    assert here.events() == []
