"""The configuration of a hosted app: ``gatehouse.toml`` beside its script, with the app's permissions, roles and pages.

Every process that decides about rights reads it at its start (``GATEHOUSE_APP`` names the script), so that the app, the
remote API and the seeding of the database know the same catalogue. The file only declares permissions of the hosted app
and the roles that include them. It grants no permission of Gatehouse itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.core.assurance import MULTI_FACTOR, SignInRequirement
from app.core.errors import ConfigurationError
from app.core.permissions import ADMINISTRATOR, CATALOGUE, ROLES, Permission, declare

FILE_NAME: Final = "gatehouse.toml"
SIGNED_IN: Final = "signed-in"
"""The value of a page's entry that requires a sign-in and no permission."""

_PERMISSION: Final = re.compile(r"[a-z][a-z-]{0,60}:[a-z][a-z-]{0,60}")
_ROLE: Final = re.compile(r"[a-z][a-z0-9_-]{0,60}")
_PATH: Final = re.compile(r"/[^/\s?#]*")
_TEXT_MAX_CHARACTERS: Final = 300
_TITLE_MAX_CHARACTERS: Final = 60
_COMMON_NAMES: Final = frozenset({"app", "main", "streamlit_app"})
"""Scripts of these names are called by their folder."""
_ICON_MAX_CHARACTERS: Final = 16
_KEYS: Final = ("title", "icon", "enter", "inline_scripts", "permissions", "roles", "pages")
_PERMISSION_KEYS: Final = ("sentence", "roles", "max_age_seconds", "second_factor")


@dataclass(frozen=True, slots=True)
class HostedAppConfig:
    """The content of the file.

    Attributes:
        permissions: Name → (sentence, requirement on the sign-in).
        roles: Name → (description, permissions).
        pages: Address of a page, without its slash → permission, None for every signed-in user. None instead of a
            mapping when the file has no entries of pages, which are then open to every user who may enter.
        enter: The permission without which nothing of the app runs.
        inline_scripts: Whether the app's own HTML may contain scripts.
        title: The app's name, on the sign-in page and in the title of the browser's tab.
        icon: An emoji for the browser's tab; empty for Streamlit's own icon.
    """

    permissions: Mapping[str, tuple[str, SignInRequirement | None]] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    pages: Mapping[str, Permission | None] | None = None
    enter: Permission | None = None
    inline_scripts: bool = False
    title: str = ""
    icon: str = ""


def load_hosted_app_config(script: Path | None) -> HostedAppConfig:
    """Read the file beside ``script`` and declare its content in this process; without either nothing is declared.

    Raises:
        ConfigurationError: with every mistake in the file; then nothing is declared.
    """
    declare({}, {})
    if script is None:
        return HostedAppConfig()
    file = script.parent / FILE_NAME
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return HostedAppConfig(title=_title_of(script))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{file} cannot be read: {type(error).__name__}."]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{file} is not TOML: {error}."]) from None
    reader = _Reader()
    permissions, roles = reader.permissions(content)
    if not reader.mistakes:
        declare(permissions, roles)
    config = HostedAppConfig(
        permissions=permissions,
        roles=roles,
        pages=reader.pages(content, permissions),
        enter=reader.enter(content, permissions),
        inline_scripts=reader.flag(content, "inline_scripts"),
        title=reader.text(content, "title", _TITLE_MAX_CHARACTERS) or _title_of(script),
        icon=reader.text(content, "icon", _ICON_MAX_CHARACTERS),
    )
    if reader.mistakes:
        declare({}, {})
        raise ConfigurationError([f"{file}: {mistake}" for mistake in reader.mistakes])
    return config


class _Reader:
    """Reads the parts of the file, and collects their mistakes, a sentence each."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def permissions(
        self, content: Mapping[str, Any]
    ) -> tuple[dict[str, tuple[str, SignInRequirement | None]], dict[str, tuple[str, frozenset[str]]]]:
        """Read the permissions, and the roles that include them."""
        self._only("The file", content, _KEYS)
        described = self._descriptions(content)
        permissions: dict[str, tuple[str, SignInRequirement | None]] = {}
        permissions_of: dict[str, set[str]] = {role: set() for role in described}
        for name, value in self._table(content, "permissions").items():
            entry = {"sentence": value} if isinstance(value, str) else value
            if not isinstance(entry, dict):
                self.mistakes.append(f"the permission {name!r} needs a sentence that describes what it allows.")
                continue
            self._only(f"the permission {name!r}", entry, _PERMISSION_KEYS)
            if not _PERMISSION.fullmatch(name):
                self.mistakes.append(f"the permission {name!r} must be action:resource in lower case, as read:orders.")
            elif name in CATALOGUE:
                self.mistakes.append(f"the permission {name!r} is one of Gatehouse's own: choose another name.")
            if not _is_line(entry.get("sentence")):
                self.mistakes.append(f"the permission {name!r} needs a sentence that describes what it allows.")
            permissions[name] = (str(entry.get("sentence")), self._step_up(name, entry))
            for role in self._names(f"the roles of {name!r}", entry.get("roles", [])):
                if role == ADMINISTRATOR:
                    self.mistakes.append(f"the role {role!r} has every permission already: remove it from {name!r}.")
                elif role not in ROLES and role not in described:
                    self.mistakes.append(
                        f"the role {role!r} of {name!r} is not known: add it to [roles] with a line that describes it."
                    )
                else:
                    permissions_of.setdefault(role, set()).add(name)
        return permissions, {
            role: (described.get(role, ""), frozenset(names)) for role, names in permissions_of.items()
        }

    def pages(
        self, content: Mapping[str, Any], permissions: Mapping[str, object]
    ) -> dict[str, Permission | None] | None:
        """Read the entries of pages; None when there is no such table."""
        if "pages" not in content:
            return None
        entries: dict[str, Permission | None] = {}
        for path, name in self._table(content, "pages").items():
            if not _PATH.fullmatch(path):
                self.mistakes.append(f"the page {path!r} must be its address, such as / or /orders.")
            entries[path.removeprefix("/")] = (
                None if name == SIGNED_IN else self._required(f"the page {path}", name, permissions)
            )
        return entries

    def enter(self, content: Mapping[str, Any], permissions: Mapping[str, object]) -> Permission | None:
        """Read the permission that the whole app requires."""
        return self._required("enter", content["enter"], permissions) if "enter" in content else None

    def flag(self, content: Mapping[str, Any], name: str) -> bool:
        """Read a boolean; False when it is missing."""
        value = content.get(name, False)
        if not isinstance(value, bool):
            self.mistakes.append(f"{name} must be true or false.")
        return value is True

    def text(self, content: Mapping[str, Any], name: str, limit: int) -> str:
        """Read a line of text; empty when it is missing."""
        value = content.get(name, "")
        if not isinstance(value, str) or (value and not _is_line(value)) or len(value) > limit:
            self.mistakes.append(f"{name} must be a line of at most {limit} characters.")
            return ""
        return value.strip()

    def _required(self, subject: str, name: object, permissions: Mapping[str, object]) -> Permission | None:
        if not isinstance(name, str) or name not in permissions:
            self.mistakes.append(f"{subject} requires {name!r}, which is not declared in [permissions].")
            return None
        return CATALOGUE.get(name)

    def _descriptions(self, content: Mapping[str, Any]) -> dict[str, str]:
        """Read the app's own roles → their descriptions."""
        descriptions: dict[str, str] = {}
        for role, text in self._table(content, "roles").items():
            if not _ROLE.fullmatch(role):
                self.mistakes.append(f"the role {role!r} must be of lower-case letters, digits, - and _.")
            elif role in ROLES:
                self.mistakes.append(f"the role {role!r} is one of Gatehouse's own and has a description already.")
            if not _is_line(text):
                self.mistakes.append(f"the role {role!r} needs a line that describes it.")
            descriptions[role] = str(text)
        return descriptions

    def _step_up(self, name: str, entry: Mapping[str, Any]) -> SignInRequirement | None:
        age, factor = entry.get("max_age_seconds"), entry.get("second_factor", False)
        if age is not None and (not isinstance(age, int) or isinstance(age, bool) or age < 1):
            self.mistakes.append(f"max_age_seconds of {name!r} must be a whole number of seconds.")
            return None
        if not isinstance(factor, bool):
            self.mistakes.append(f"second_factor of {name!r} must be true or false.")
            return None
        return SignInRequirement(age, MULTI_FACTOR if factor else "") if age is not None or factor else None

    def _table(self, content: Mapping[str, Any], name: str) -> dict[str, Any]:
        table = content.get(name, {})
        if isinstance(table, dict):
            return table
        self.mistakes.append(f"[{name}] must be a table.")
        return {}

    def _names(self, subject: str, names: object) -> list[str]:
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return names
        self.mistakes.append(f'{subject} must be a list of names, such as ["analyst"].')
        return []

    def _only(self, subject: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        self.mistakes += [f"{subject} has {key!r}, which means nothing here." for key in table if key not in known]


def _title_of(script: Path) -> str:
    """The name of an app that has no title: ``order_desk.py`` and ``order-desk/app.py`` are called "Order desk"."""
    name = script.resolve().parent.name if script.stem in _COMMON_NAMES else script.stem
    words = re.sub(r"[\W_]+", " ", name).strip() or script.stem
    return f"{words[:1].upper()}{words[1:_TITLE_MAX_CHARACTERS]}"


def _is_line(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text.strip()) <= _TEXT_MAX_CHARACTERS and text.isprintable()
