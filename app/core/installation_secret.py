"""The installation's secret: how strong it must be, and the one that a development installation makes for itself."""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from app.core.command_text import REPLACE_SECRET, command_text
from app.core.errors import ConfigurationError
from app.core.settings import Settings
from app.core.state import SECRET, folder_mistake, make_private_folder

SECRET_MIN_CHARACTERS: Final = 32
_WEAK: Final = ("changeme", "change-me", "secret", "password", "gatehouse", "example", "default")
_MIN_DISTINCT_CHARACTERS: Final = 10
_NO_HARD_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
"""What ``link(2)`` answers on a file system without hard links, such as exFAT."""


def weakness(secret: str) -> str | None:
    """Return why ``secret`` is too weak to derive keys from; None if it is not."""
    if len(secret) < SECRET_MIN_CHARACTERS:
        return f"is shorter than {SECRET_MIN_CHARACTERS} characters"
    if len(set(secret)) < _MIN_DISTINCT_CHARACTERS or any(secret.lower().startswith(word) for word in _WEAK):
        return "looks like a default or a simple word"
    return None


def state_mistakes(settings: Settings) -> list[str]:
    """What is wrong with the state folder and the secret in it, before either is used."""
    if mistake := folder_mistake(settings.state_folder, settings.gatehouse_app):
        return [mistake]
    secret = settings.state_folder / SECRET
    if settings.gatehouse_secret or settings.production or not secret.is_file():
        return []
    return [] if weakness(_read(secret)) is None else [_damaged(secret)]


def present_secrets(settings: Settings) -> tuple[str, ...]:
    """Return the secrets that this installation has, configured or in its file, and make none; empty for none."""
    file = settings.state_folder / SECRET
    if settings.secrets or settings.production or not file.is_file():
        return settings.secrets
    return (_read(file),)


def development_secret(path: Path) -> str:
    """Return the secret of this development installation; made on first use, readable by its owner only.

    It is linked to its name when it is written as a whole: a crash leaves either no secret or a complete one, and of
    two processes that make one at once both use the same.

    Raises:
        ConfigurationError: if the file is damaged or cannot be made.
    """
    try:
        if not path.exists():
            _make_secret(path)
        secret = _read(path)
    except OSError as error:
        raise ConfigurationError(
            [f"The secret cannot be kept in {path} ({error.strerror}): name another folder by GATEHOUSE_STATE."]
        ) from None
    if weakness(secret) is not None:
        raise ConfigurationError([_damaged(path)])
    return secret


def _make_secret(path: Path) -> None:
    make_private_folder(path.parent)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # for its owner only
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass  # another process was first
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            _copy_secret(Path(temporary), path)
    finally:
        Path(temporary).unlink()


def _copy_secret(temporary: Path, path: Path) -> None:
    """In place of ``os.link``. A process that looks in between finds an empty file, and calls it damaged."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return  # another process was first
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(_read(temporary))
        file.flush()
        os.fsync(file.fileno())


def _read(secret: Path) -> str:
    return secret.read_text(encoding="utf-8", errors="replace").strip()


def _damaged(secret: Path) -> str:
    return (
        f"GATEHOUSE_SECRET: the file {secret} is damaged: put it back from a backup. If there is none, remove it; a "
        f"database that was written with it then needs: {command_text(REPLACE_SECRET)}"
    )
