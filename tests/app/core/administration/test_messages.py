"""The text of every refusal of a change: what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from app.core import administration
from app.core.administration import Actor
from app.core.administration.bootstrap import bootstrap_administrator, person_by_email
from app.core.errors import (
    ExceedsOwnPermissions,
    GatehouseError,
    InvalidInput,
    SessionEnded,
    SessionExpired,
    StepUpRequired,
)
from app.core.permissions import ADMINISTRATOR
from app.core.policy import Source
from app.core.principal import ANONYMOUS, AuthMethod, Subject
from app.core.records import EndReason, Person
from tests.app.core.administration.support import (
    ADA,
    BOB,
    CARLA,
    DAN,
    HOUR,
    ISSUER,
    OPERATOR,
    Installation,
    acting,
    session,
)

Act = Callable[[Installation], Any]
STALE: Final = "This was changed after you opened it. Look at it as it is now, then try again."
ENDED: Final = "The session was ended. Sign in again."


def message_of(act: Callable[[], Any]) -> Any:
    """The detail of the refusal, or its problems by field."""
    with pytest.raises(GatehouseError) as caught:
        act()
    return caught.value.problems if isinstance(caught.value, InvalidInput) else caught.value.detail


def erased(here: Installation) -> Any:
    here.store_grants(DAN, "viewer")
    here.erase(acting(ADA), DAN)
    return here.grant(acting(ADA), DAN)


def with_another_end(here: Installation) -> Any:
    here.grant(acting(ADA), DAN, expires_at=here.now + HOUR)
    return here.grant(acting(ADA), DAN)


def revoke(here: Installation, grant: int) -> Any:
    arguments = {"reason": "over", "version": None, "default_role": None}
    return here.act(administration.revoke, acting(ADA), person=here.id(DAN), grant=grant, **arguments)


def map_to(here: Installation, *roles: int, token_role: str = "Clerks") -> Any:
    arguments = {"reason": "x", "version": None, "implicit_role_mapping": False}
    return here.act(administration.set_mapping, acting(ADA), token_role=token_role, roles=frozenset(roles), **arguments)


def delete(here: Installation, role: int, move_to: int | None = None) -> Any:
    arguments = {"reason": "x", "version": None}
    return here.act(administration.delete_role, acting(ADA), role=role, move_to=move_to, **arguments)


def in_use(here: Installation) -> Any:
    here.create(acting(ADA), "Team Red")
    here.store_grants(DAN, "Team Red")
    return here.delete(acting(ADA), "Team Red")


def moved_to_nothing(here: Installation) -> Any:
    here.create(acting(ADA), "Team Red")
    here.store_grants(DAN, "Team Red")
    return delete(here, here.role("Team Red"), 999)


def taken(here: Installation) -> Any:
    here.create(acting(ADA), "Team Red")
    return here.create(acting(ADA), "team red")


def end_session(here: Installation) -> Any:
    return here.act(administration.end_session, acting(ADA), ref="none", reason="x")


MESSAGES: dict[str, tuple[Act, Any]] = {
    "an anonymous caller": (lambda here: here.grant(Actor("", ANONYMOUS), DAN), "Sign in to continue."),
    "another version": (lambda here: here.block(acting(ADA), DAN, version="old"), STALE),
    "no reason": (
        lambda here: here.block(acting(ADA), DAN, reason=" \n"),
        {"reason": "Give a reason in a few words: it is kept in the audit."},
    ),
    "a long reason": (
        lambda here: here.block(acting(ADA), DAN, reason="x" * 501),
        {"reason": "At most 500 characters, please."},
    ),
    "no such person": (
        lambda here: here.act(
            administration.set_blocked, acting(ADA), person=999, blocked=True, reason="x", version=None
        ),
        "There is no such person.",
    ),
    "an erased person": (
        erased,
        "This person was erased. Grants are possible again after their next sign-in.",
    ),
    "an end in the past": (
        lambda here: here.grant(acting(ADA), DAN, expires_at=here.now),
        {"until": "This time is in the past. Leave it empty for a grant without an expiry."},
    ),
    "another end": (
        with_another_end,
        "This grant exists already, with another expiry. Revoke it first, then grant it again.",
    ),
    "neither": (
        lambda here: here.grant(acting(ADA), DAN, None),
        {"role": "Name a role or a permission, and exactly one of them."},
    ),
    "both": (
        lambda here: here.grant(acting(ADA), DAN, "viewer", permission="read:reports"),
        {"role": "Name a role or a permission, and exactly one of them."},
    ),
    "no such role to grant": (lambda here: here.grant(acting(ADA), DAN, "none"), {"role": "There is no such role."}),
    "no such permission": (
        lambda here: here.grant(acting(ADA), DAN, None, permission="no:such"),
        {"permission": "There is no such permission."},
    ),
    "no such grant": (lambda here: revoke(here, 999), "This grant does not exist any more."),
    "more than held": (
        lambda here: here.grant(acting(BOB), DAN, None, permission="read:people"),
        "You can grant only what you have yourself and may use now.",
    ),
    "the administrator role": (
        lambda here: here.grant(acting(BOB), DAN, ADMINISTRATOR),
        "Only an administrator can grant the administrator role.",
    ),
    "to oneself": (
        lambda here: here.grant(acting(BOB), BOB, None, permission="read:reports"),
        "You cannot grant yourself more than you have. Ask another administrator.",
    ),
    "no such mapped role": (lambda here: map_to(here, 999), {"roles": "One of these roles does not exist."}),
    "very many mapped roles": (lambda here: map_to(here, *range(51)), {"roles": "At most 50 roles, please."}),
    "an empty token role": (
        lambda here: map_to(here, token_role=""),
        {"token_role": "This cannot be the name of a role in a token."},
    ),
    "a token role in two lines": (
        lambda here: map_to(here, token_role="a\nb"),
        {"token_role": "This cannot be the name of a role in a token."},
    ),
    "a long token role": (
        lambda here: map_to(here, token_role="x" * 201),
        {"token_role": "This cannot be the name of a role in a token."},
    ),
    "a name of no letters": (
        lambda here: here.create(acting(ADA), "---"),
        {"name": "A role needs a name of letters or digits, in one line."},
    ),
    "a long name": (lambda here: here.create(acting(ADA), "x" * 101), {"name": "At most 100 characters, please."}),
    "a long description": (
        lambda here: here.create(acting(ADA), "Red", description="x" * 501),
        {"description": "At most 500 characters, please."},
    ),
    "a name that is taken": (
        taken,
        "There is a role “Team Red” already, which is the same or looks the same.",
    ),
    "an unknown permission": (
        lambda here: here.create(acting(ADA), "Red", "no:such"),
        {"permissions": "One of these permissions does not exist."},
    ),
    "unknown permissions": (
        lambda here: here.create(acting(ADA), "Red", "no:such", "not:this"),
        {"permissions": "2 of these permissions do not exist."},
    ),
    "another name for a built-in role": (
        lambda here: here.update(acting(ADA), "viewer", "read:reports", new_name="reader"),
        "A built-in role keeps its name. Make a copy under another one.",
    ),
    "fewer permissions of a built-in role": (
        lambda here: here.update(acting(ADA), "viewer"),
        "A built-in role keeps the permissions it comes with; only what was added can be removed.",
    ),
    "a change of the administrator role": (
        lambda here: here.update(acting(ADA), ADMINISTRATOR, "read:reports"),
        "The administrator role grants every permission by itself and cannot be changed.",
    ),
    "a built-in role": (lambda here: here.delete(acting(ADA), "viewer"), "A built-in role cannot be deleted."),
    "a role in use": (
        in_use,
        "People have this role, or a token role maps to it: name the role that replaces it.",
    ),
    "a move to no role": (moved_to_nothing, {"move_to": "Name another role that exists."}),
    "no such role": (lambda here: delete(here, 999), "There is no such role."),
    "no such session": (end_session, "There is no such session."),
}


@pytest.mark.parametrize(("act", "message"), MESSAGES.values(), ids=MESSAGES)
def test_a_refusal_has_its_text(here: Installation, act: Act, message: Any) -> None:
    assert message_of(lambda: act(here)) == message


def test_limits_are_inclusive(here: Installation) -> None:
    here.block(acting(ADA), DAN, reason="x" * 500)
    made = here.create(acting(ADA), "x" * 100, description="y" * 500)
    assert here.database.administration.role_card(made, here.now) is not None
    map_to(here, here.role("viewer"), token_role="z" * 200)
    here.grant(acting(ADA), CARLA, expires_at=here.now + HOUR)


@pytest.mark.parametrize(
    ("state", "error", "text"),
    [
        ("none", SessionEnded, ENDED),
        ("of another", SessionEnded, ENDED),
        ("ended", SessionEnded, ENDED),
        ("expired", SessionExpired, "The session has expired. Sign in again."),
    ],
)
def test_the_session_of_the_administrator_must_be_live(
    here: Installation, state: str, error: type[GatehouseError], text: str
) -> None:
    ref = "session-of-ada"
    if state != "none":
        session(here, BOB if state == "of another" else ADA, ref)
    if state == "ended":
        here.unit(lambda unit: unit.end_session(ref, EndReason.ENDED_BY_ADMIN, here.now))
    if state == "expired":
        here.now += HOUR
    with pytest.raises(error) as caught:
        here.grant(acting(ADA, session_ref=ref), DAN)
    assert (type(caught.value), caught.value.detail) == (error, text)


def test_the_sign_in_that_counts_is_that_of_the_session(here: Installation) -> None:
    """Erasing needs a second factor, which the principal of the request claims and the session does not have."""
    session(here, ADA, "weak")
    with pytest.raises(StepUpRequired):
        here.erase(acting(ADA, session_ref="weak"), DAN)
    here.erase(acting(ADA), DAN)


def test_a_role_beyond_the_own_rights_names_them_in_order(here: Installation) -> None:
    here.create(acting(ADA), "Wide", "read:people", "read:audit", "read:reports")
    with pytest.raises(ExceedsOwnPermissions) as caught:
        here.grant(acting(BOB), DAN, "Wide")
    assert caught.value.permissions == ("read:audit", "read:people")


def save(here: Installation, name: str, subject: Subject) -> None:
    person = Person(subject, name=name, email="ann@tests.example", email_verified=True)
    here.unit(lambda unit: unit.save_person(person, here.now))


def test_an_email_of_several_people_names_them(here: Installation) -> None:
    assert message_of(lambda: here.unit(lambda unit: person_by_email(unit, "ann@tests.example"))) == (
        "No user with this verified e-mail has signed in yet. Use --subject, or sign in with it once."
    )
    save(here, "Ann", CARLA)
    save(here, "", DAN)
    assert message_of(lambda: here.unit(lambda unit: person_by_email(unit, "ann@tests.example"))) == {
        "email": f"Several people have this e-mail: Ann ({CARLA}), no name ({DAN}). Name one by --subject."
    }


def test_a_second_bootstrap_names_up_to_three_administrators(here: Installation) -> None:
    for number in range(4):
        subject = Subject(ISSUER, f"auth0|admin-{number}")
        here.store_grants(subject, ADMINISTRATOR, source=Source.INSTALLATION)
    message = message_of(
        lambda: here.unit(
            lambda unit: bootstrap_administrator(
                unit, DAN, actor="operator:tester", reason="start", recover=False, now=here.now
            )
        )
    )
    assert message.count("auth0|a") == 3
    assert ", auth0|" in message


def test_an_operator_needs_no_session_and_no_permission(here: Installation) -> None:
    here.grant(OPERATOR, DAN, ADMINISTRATOR)
    assert here.roles_of(DAN) == {ADMINISTRATOR}
    assert acting(ADA).principal is not None
    assert acting(ADA, AuthMethod.OTHER_TOKEN).address == "203.0.113.9"
