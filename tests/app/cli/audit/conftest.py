"""A migrated database, and ``gatehouse audit`` run on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.__main__ import main
from app.core import settings_loading
from app.core.keyring import Keyring
from app.core.settings import ProcessKind
from db import Database, open_database
from tests.app.cli.audit.audit_commands import SECRET, Run
from tests.app.cli.command_line import invoke


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Database]:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "GATEHOUSE_OIDC_ISSUER": "https://tests.example/",
        "GATEHOUSE_DATABASE_URL": f"sqlite:///{tmp_path}/gatehouse.sqlite3",
        "GATEHOUSE_SECRET": SECRET,
        "GATEHOUSE_APP_BASE_URL": "http://localhost:8599",
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["migrate"]) == 0
    settings = settings_loading.load(ProcessKind.CLI)
    opened = open_database(settings, Keyring(settings.secrets))
    yield opened
    opened.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``gatehouse audit``; returns the exit status, and what it wrote to both streams."""

    def run(*arguments: str) -> tuple[int, str]:
        result = invoke("audit", *arguments)
        text = (result.stdout + result.stderr).strip()
        with capsys.disabled():
            command = " ".join(Path(part).name for part in arguments)
            print(f"\n$ gatehouse audit {command}\n{text}\n(exit {result.exit_code})")
        return result.exit_code, text

    return run
