"""What a Streamlit app of somebody else's says about rights inside it: ``gatehouse.toml`` beside its script, as data.

Every process that decides about rights reads it at its start (``GATEHOUSE_APP`` names the script), so that the app, the
remote API and the seeding of the database know the same catalogue. The file can only declare permissions of the app's
own and say which roles get them: it gives nobody anything of Gatehouse's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.core.assurance import MULTI_FACTOR, Requirement
from app.core.errors import ConfigurationError
from app.core.permissions import ADMINISTRATOR, CATALOGUE, ROLES, Permission, declare

FILE_NAME: Final = "gatehouse.toml"
SIGNED_IN: Final = "signed-in"
"""What a page's row says when anybody who is signed in may open it."""

_PERMISSION: Final = re.compile(r"[a-z][a-z-]{0,60}:[a-z][a-z-]{0,60}")
_ROLE: Final = re.compile(r"[a-z][a-z0-9_-]{0,60}")
_PATH: Final = re.compile(r"/[^/\s?#]*")
_TEXT_MAX_CHARACTERS: Final = 300
_KEYS: Final = ("enter", "inline_scripts", "permissions", "roles", "pages")
_PERMISSION_KEYS: Final = ("sentence", "roles", "max_age_seconds", "second_factor")


@dataclass(frozen=True, slots=True)
class Declarations:
    """What was declared.

    ``permissions``: name → (sentence, what it asks of the sign-in). ``roles``: name → (description, permissions).
    ``pages``: address of a page, without its slash → permission, None for anybody who is signed in; None instead of a
    mapping when the app says nothing about its pages, which are then open to every user who may enter. ``enter``: the
    permission without which nothing of the app runs. ``inline_scripts``: whether the app's own HTML may bring scripts.
    """

    permissions: Mapping[str, tuple[str, Requirement | None]] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    pages: Mapping[str, Permission | None] | None = None
    enter: Permission | None = None
    inline_scripts: bool = False


def declare_beside(script: Path | None) -> Declarations:
    """Read the file beside ``script`` and make it this process's catalogue; without either nothing is declared.

    Raises ``ConfigurationError`` with every mistake in it; then nothing is declared.
    """
    declare({}, {})
    if script is None:
        return Declarations()
    file = script.parent / FILE_NAME
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Declarations()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{file} cannot be read: {type(error).__name__}."]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{file} is not TOML: {error}."]) from None
    reading = _Reading()
    permissions, roles = reading.permissions(content)
    if not reading.mistakes:
        declare(permissions, roles)
    found = Declarations(
        permissions=permissions,
        roles=roles,
        pages=reading.pages(content, permissions),
        enter=reading.enter(content, permissions),
        inline_scripts=reading.flag(content, "inline_scripts"),
    )
    if reading.mistakes:
        declare({}, {})
        raise ConfigurationError([f"{file}: {mistake}" for mistake in reading.mistakes])
    return found


class _Reading:
    """Reads the parts, and collects what is wrong with them, a sentence each."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def permissions(
        self, content: Mapping[str, Any]
    ) -> tuple[dict[str, tuple[str, Requirement | None]], dict[str, tuple[str, frozenset[str]]]]:
        """Permissions, and the roles that get them."""
        self._only("The file", content, _KEYS)
        described = self._descriptions(content)
        permissions: dict[str, tuple[str, Requirement | None]] = {}
        given: dict[str, set[str]] = {role: set() for role in described}
        for name, said in self._table(content, "permissions").items():
            row = {"sentence": said} if isinstance(said, str) else said
            if not isinstance(row, dict):
                self.mistakes.append(f"the permission {name!r} needs a sentence that says what it lets one do.")
                continue
            self._only(f"the permission {name!r}", row, _PERMISSION_KEYS)
            if not _PERMISSION.fullmatch(name):
                self.mistakes.append(f"the permission {name!r} must be action:resource in lower case, as read:orders.")
            elif name in CATALOGUE:
                self.mistakes.append(f"the permission {name!r} is one of Gatehouse's own: choose another name.")
            if not _is_line(row.get("sentence")):
                self.mistakes.append(f"the permission {name!r} needs a sentence that says what it lets one do.")
            permissions[name] = (str(row.get("sentence")), self._step_up(name, row))
            for role in self._names(f"the roles of {name!r}", row.get("roles", [])):
                if role == ADMINISTRATOR:
                    self.mistakes.append(f"the role {role!r} holds every permission already: leave it out of {name!r}.")
                elif role not in ROLES and role not in described:
                    self.mistakes.append(
                        f"the role {role!r} of {name!r} is not known: add it to [roles] with a line on what it is for."
                    )
                else:
                    given.setdefault(role, set()).add(name)
        return permissions, {role: (described.get(role, ""), frozenset(names)) for role, names in given.items()}

    def pages(
        self, content: Mapping[str, Any], permissions: Mapping[str, object]
    ) -> dict[str, Permission | None] | None:
        """The rows of pages; None when there is no such table."""
        if "pages" not in content:
            return None
        rows: dict[str, Permission | None] = {}
        for path, asked in self._table(content, "pages").items():
            if not _PATH.fullmatch(path):
                self.mistakes.append(f"the page {path!r} must be its address, such as / or /orders.")
            rows[path.removeprefix("/")] = (
                None if asked == SIGNED_IN else self._asked(f"the page {path}", asked, permissions)
            )
        return rows

    def enter(self, content: Mapping[str, Any], permissions: Mapping[str, object]) -> Permission | None:
        """The permission that the whole app asks for."""
        return self._asked("enter", content["enter"], permissions) if "enter" in content else None

    def flag(self, content: Mapping[str, Any], name: str) -> bool:
        """A yes or no; no when it is not there."""
        value = content.get(name, False)
        if not isinstance(value, bool):
            self.mistakes.append(f"{name} must be true or false.")
        return value is True

    def _asked(self, what: str, asked: object, permissions: Mapping[str, object]) -> Permission | None:
        if not isinstance(asked, str) or asked not in permissions:
            self.mistakes.append(f"{what} asks for {asked!r}, which is not declared in [permissions].")
            return None
        return CATALOGUE.get(asked)

    def _descriptions(self, content: Mapping[str, Any]) -> dict[str, str]:
        """Roles of the app's own → what they are for."""
        found: dict[str, str] = {}
        for role, text in self._table(content, "roles").items():
            if not _ROLE.fullmatch(role):
                self.mistakes.append(f"the role {role!r} must be of lower-case letters, digits, - and _.")
            elif role in ROLES:
                self.mistakes.append(f"the role {role!r} is one of Gatehouse's own, which says itself what it is for.")
            if not _is_line(text):
                self.mistakes.append(f"the role {role!r} needs a line that says what it is for.")
            found[role] = str(text)
        return found

    def _step_up(self, name: str, row: Mapping[str, Any]) -> Requirement | None:
        age, factor = row.get("max_age_seconds"), row.get("second_factor", False)
        if age is not None and (not isinstance(age, int) or isinstance(age, bool) or age < 1):
            self.mistakes.append(f"max_age_seconds of {name!r} must be a whole number of seconds.")
            return None
        if not isinstance(factor, bool):
            self.mistakes.append(f"second_factor of {name!r} must be true or false.")
            return None
        return Requirement(age, MULTI_FACTOR if factor else "") if age is not None or factor else None

    def _table(self, content: Mapping[str, Any], name: str) -> dict[str, Any]:
        found = content.get(name, {})
        if isinstance(found, dict):
            return found
        self.mistakes.append(f"[{name}] must be a table.")
        return {}

    def _names(self, what: str, found: object) -> list[str]:
        if isinstance(found, list) and all(isinstance(name, str) for name in found):
            return found
        self.mistakes.append(f'{what} must be a list of names, such as ["analyst"].')
        return []

    def _only(self, what: str, found: Mapping[str, Any], known: tuple[str, ...]) -> None:
        self.mistakes += [f"{what} has {key!r}, which means nothing here." for key in found if key not in known]


def _is_line(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text.strip()) <= _TEXT_MAX_CHARACTERS and text.isprintable()
