"""Temporary files are kept in memory where there is enough of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests import scratch


@pytest.fixture(autouse=True)
def no_folder_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "")
    monkeypatch.delenv("TMPDIR")
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(scratch, "MIN_FREE_BYTES", 2 * 1024 * 1024)


def memory(folder: Path, kibibytes: int) -> Path:
    file = folder / "meminfo"
    file.write_text(f"MemTotal: 9999999 kB\nMemAvailable:   {kibibytes} kB\n")
    return file


def test_files_are_created_in_the_folder(tmp_path: Path) -> None:
    assert scratch.keep_files_in_memory(tmp_path, memory(tmp_path, 2048))
    assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(tmp_path)


def test_too_little_memory(tmp_path: Path) -> None:
    assert not scratch.keep_files_in_memory(tmp_path, memory(tmp_path, 2047))
    assert "TMPDIR" not in os.environ


def test_a_full_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "MIN_FREE_BYTES", 2**62)
    assert not scratch.keep_files_in_memory(tmp_path, memory(tmp_path, 2**60))


def test_a_system_without_them(tmp_path: Path) -> None:
    assert not scratch.keep_files_in_memory(tmp_path / "none", memory(tmp_path, 2048))
    assert not scratch.keep_files_in_memory(tmp_path, tmp_path / "none")


def test_the_folder_that_is_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    assert not scratch.keep_files_in_memory(tmp_path, memory(tmp_path, 2048))
    assert os.environ["TMPDIR"] == "/elsewhere"
