"""The development secret's file: on file systems of every kind, and when two processes make it at once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from app.core.errors import ConfigurationError
from app.core.installation_secret import development_secret, weakness

OTHER = "another-process-made-this-secret-0123456789"


def fail_with(number: int) -> object:
    def link(_source: object, _target: object) -> None:
        raise OSError(number, os.strerror(number))

    return link


def test_the_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret"
    secret = development_secret(path)
    assert weakness(secret) is None
    assert development_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in path.parent.iterdir()} == {"secret", ".gitignore"}


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_hard_links_gets_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", fail_with(number))
    path = tmp_path / "secret"
    secret = development_secret(path)
    assert weakness(secret) is None
    assert path.read_text(encoding="utf-8") == secret
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("linked", [True, False])
def test_the_secret_of_the_process_that_was_first_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    path = tmp_path / "secret"

    def link(_source: object, target: Path) -> None:
        target.write_text(OTHER, encoding="utf-8")
        raise OSError(errno.EEXIST if linked else errno.EPERM, "another process was first")

    monkeypatch.setattr(os, "link", link)
    assert development_secret(path) == OTHER
    assert {file.name for file in tmp_path.iterdir()} == {"secret", ".gitignore"}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_secret_that_cannot_be_kept_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", fail_with(number))
    with pytest.raises(ConfigurationError) as caught:
        development_secret(tmp_path / "secret")
    assert str(caught.value).count(os.strerror(number)) == 1
    assert "name another folder by GATEHOUSE_STATE" in str(caught.value)
    assert {file.name for file in tmp_path.iterdir()} == {".gitignore"}


@pytest.mark.parametrize("content", ["", "short", "a" * 64, "changeme" * 8])
def test_a_damaged_secret_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is damaged: put it back from a backup"):
        development_secret(path)
    assert path.read_text(encoding="utf-8") == content
