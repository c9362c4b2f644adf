"""Values for every placeholder of ``app.ui.sentences``: usual ones, and hostile ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from app.core.contract.grants import GrantBody, WithheldBody
from app.core.policy import Source
from app.ui.phrases import Values

SINCE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
UNTIL = datetime(2027, 3, 3, 14, tzinfo=UTC)


class Changes(NamedTuple):
    """What changed of a role."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    name: tuple[str, str] | None = None
    description: tuple[str, str] | None = None


def grant(
    source: Source = Source.ADMIN, *, by: str = "auth0|ada at https://i", by_name: str = "Ada Okafor"
) -> GrantBody:
    """A grant of the role analyst."""
    automatic = source in {Source.TOKEN, Source.INSTALLATION}
    return GrantBody(
        id=1, role="analyst", permission=None, source=source, automatic=automatic, by=by, by_name=by_name, since=SINCE,
        until=None, reason="",
    )  # fmt: skip


def withheld(by: str = "auth0|ada at https://i", by_name: str = "Ada Okafor") -> WithheldBody:
    """The role analyst, withheld."""
    return WithheldBody(
        id=1, role="analyst", permission=None, by=by, by_name=by_name, since=SINCE, reason="", from_token=True,
        from_default_role=False,
    )  # fmt: skip


def values() -> Values:
    """A usual value for each placeholder."""
    return Values(
        person="Eva Novak", people=["Eva Novak"], count=3, affected=3, holders=(12, False), moved=(3, ["Staff"]),
        item=("role", "analyst"), items=[("role", "viewer"), ("permission", "read:audit")], role="ops",
        target_role="viewer", roles=["analyst", "viewer"], before_roles=[], token_role="Staff",
        token_roles=["Staff", "Ops"], unmapped=["Staff"], permissions=["read:reports", "read:audit"],
        lost=["explore:files", "read:reports", "export:reports"],
        changes=Changes(("export:reports",), ("read:audit",), ("ops", "night"), ("", "At night.")), expiry=None,
        since=SINCE, origin=grant(), other_origin=grant(Source.TOKEN), withheld_by=withheld(), automatic=(True, True),
        regrant=(True, False), reason="joined the team", cause="**The server does not answer.** Try again.",
        sessions=2, other_sessions=2, grants=3, browser="Firefox on Windows", issuer="https://login.example/",
        user_id="auth0|eva",
    )  # fmt: skip


def hostile_values(name: str) -> Values:
    """The usual values with this name in the place of each text from outside."""
    return {
        **values(), "person": name, "people": [name], "item": ("permission", name), "items": [("role", name)] * 9,
        "role": name, "target_role": name, "roles": [name] * 9, "before_roles": [name], "token_role": name,
        "token_roles": [name] * 9, "unmapped": [name], "moved": (1, [name] * 9), "permissions": [name] * 9,
        "lost": [name, f"read:{name}"], "changes": Changes((name,) * 9, (name,), (name, name), (name, name)),
        "origin": grant(by=name, by_name=name), "other_origin": grant(by=f"operator:{name}", by_name=""),
        "withheld_by": withheld(by=name, by_name=name), "reason": name, "browser": name, "issuer": name,
        "user_id": name,
    }  # fmt: skip
