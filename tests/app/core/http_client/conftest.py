"""A private authority, and ``gatehouse doctor`` run for a provider."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.__main__ import main
from app.core.failure_reasons import ProviderReason
from tests.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.in_folder(tmp_path)


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run ``gatehouse doctor`` for a provider; returns what it says of it."""

    def run(issuer: str, **environment: str) -> str:
        monkeypatch.chdir(tmp_path)
        usual = {
            "GATEHOUSE_OIDC_ISSUER": issuer,
            "GATEHOUSE_AUTH0_CLIENT_ID": "client-one",
            "GATEHOUSE_AUTH0_CLIENT_SECRET": "hush",
            "GATEHOUSE_AUTH0_AUDIENCE": "https://api.gatehouse.test/",
            "GATEHOUSE_REMOTE_API_BASE_URL": "http://127.0.0.1:9",
        }
        for name, value in (usual | environment).items():
            monkeypatch.setenv(name, value)
        assert main(["doctor"]) == 1
        output = capsys.readouterr().out
        (line,) = [line for line in output.splitlines() if line[6:].startswith("provider:")]
        (api,) = [line for line in output.splitlines() if line[6:].startswith("remote API:")]
        assert api == f"WRONG remote API: {ProviderReason.REFUSED.sentence} The address is http://127.0.0.1:9/readyz"
        return line

    return run
