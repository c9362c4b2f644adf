"""Addresses, stores and the variables of a hosted app, with the exact sentence of each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core import settings_loading
from app.core.errors import ConfigurationError
from app.core.permissions import declare
from app.core.settings import ProcessKind, Settings
from app.core.variables import known_variables

AUTH0 = {
    "AUTH0_DOMAIN": "acme.eu.auth0.com",
    "AUTH0_CLIENT_ID": "client",
    "AUTH0_CLIENT_SECRET": "client-secret",
    "AUTH0_AUDIENCE": "https://acme.example/api",
}
PLAIN = "must be an http or https address without query or password, such as https://app.example.com."


@pytest.fixture(autouse=True)
def _only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known_variables(Settings):
        monkeypatch.delenv(name, raising=False)


def mistakes(
    patch: pytest.MonkeyPatch, state: Path, process: ProcessKind = ProcessKind.APP, /, **variables: str
) -> tuple[str, ...]:
    """The mistakes of an installation with these variables."""
    for name, value in (AUTH0 | variables).items():
        patch.setenv(name, value)
    try:
        settings_loading.read(process, state=state, env_file=None)
    except ConfigurationError as error:
        return error.mistakes
    finally:
        declare({}, {})
    return ()


@pytest.mark.parametrize(
    ("address", "mistake"),
    [
        ("http://[::1", "is not an address."),
        ("https://app.example.com:99999", "is not an address."),
        ("ftp://app.example.com", PLAIN),
        ("https://", PLAIN),
        ("http://localhost/?q=1", PLAIN),
        ("http://localhost/#top", PLAIN),
        ("http://user@localhost", PLAIN),
        ("http://localhost/below", "must not have a path: use a host name of its own."),
        ("http://app.example.com", "is plain http and not on this machine: use https."),
        ("http://localhost:8501", ""),
        ("http://127.0.0.1/", ""),
    ],
)
def test_what_is_wrong_with_an_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str, mistake: str
) -> None:
    reported = mistakes(monkeypatch, tmp_path, GATEHOUSE_APP_BASE_URL=address)
    named = [text for text in reported if "set GATEHOUSE_ENV=production" not in text]
    assert named == ([f"GATEHOUSE_APP_BASE_URL {mistake}"] if mistake else [])


def test_at_least_one_algorithm_is_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sentence = "GATEHOUSE_TOKEN_ALGORITHMS must name at least one algorithm."
    assert mistakes(monkeypatch, tmp_path, GATEHOUSE_TOKEN_ALGORITHMS=",") == (sentence,)
    assert mistakes(monkeypatch, tmp_path, GATEHOUSE_TOKEN_ALGORITHMS="ES256") == ()


@pytest.mark.parametrize("claim", ["roles", "http://[acme.example/roles"])
def test_a_claim_of_roles_is_namespaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, claim: str) -> None:
    sentence = "GATEHOUSE_AUTH0_ROLES_CLAIM must be a namespaced claim, such as https://acme.example/roles."
    assert sentence in mistakes(monkeypatch, tmp_path, GATEHOUSE_AUTH0_ROLES_CLAIM=claim)


def test_an_issuer_may_have_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert mistakes(monkeypatch, tmp_path, GATEHOUSE_OIDC_ISSUER="https://login.example.com/tenant/1") == ()
    (mistake,) = mistakes(monkeypatch, tmp_path, GATEHOUSE_OIDC_ISSUER="https://login.example.com/tenant?x")
    assert mistake == f"GATEHOUSE_OIDC_ISSUER {PLAIN}"
    (mistake,) = mistakes(monkeypatch, tmp_path, GATEHOUSE_OIDC_ISSUER="https://[::1")
    assert mistake == "GATEHOUSE_OIDC_ISSUER is not an address."


@pytest.mark.parametrize("store", ["nothing://", "redis+async://localhost", "async+memory://"])
def test_only_the_api_needs_its_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: str) -> None:
    variables = {"GATEHOUSE_RATE_LIMIT_STORAGE": store}
    sentence = "is no store that calls can be counted in, such as memory:// or redis://host:6379."
    (mistake,) = mistakes(monkeypatch, tmp_path, ProcessKind.API, **variables)
    assert mistake == f"GATEHOUSE_RATE_LIMIT_STORAGE {sentence}"
    assert mistakes(monkeypatch, tmp_path, ProcessKind.APP, **variables) == ()


def test_an_api_without_a_shared_store_counts_in_its_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert mistakes(monkeypatch, tmp_path, ProcessKind.API) == ()


def test_a_hosted_script_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "none.py"
    reported = mistakes(monkeypatch, tmp_path / "state", GATEHOUSE_APP=str(script))
    assert f"GATEHOUSE_APP names {script}, and there is no such file." in reported


def test_the_mistakes_of_the_hosted_app_are_among_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "app" / "shop.py"
    script.parent.mkdir()
    script.touch()
    file = script.with_name("gatehouse.toml")
    file.write_text("enter = 7\n")
    reported = mistakes(monkeypatch, tmp_path / "state", GATEHOUSE_APP=str(script))
    assert any(text.startswith(f"{file}: ") for text in reported)
    file.unlink()
    file.mkdir()
    assert f"{file} cannot be read: IsADirectoryError." in mistakes(monkeypatch, tmp_path / "state")


def test_a_variable_of_the_hosted_app_itself_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "app" / "shop.py"
    script.parent.mkdir()
    script.touch()
    monkeypatch.delenv("AUTH0_AUDIENCE", raising=False)
    for name in ("AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET", "AUTH0_AUDIENCE"):
        monkeypatch.setitem(AUTH0, name, "")
    reported = mistakes(monkeypatch, tmp_path / "state", GATEHOUSE_APP=str(script))
    assert reported[-1] == (
        "AUTH0_DOMAIN in the environment counts for Gatehouse: unset it if it is the hosted app's own."
    )
    assert "GATEHOUSE_AUTH0_AUDIENCE is required with a real tenant." in reported


def test_production_beside_a_hosted_app_names_its_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "app" / "shop.py"
    script.parent.mkdir()
    script.touch()
    sentence = (
        "GATEHOUSE_DATABASE_URL is required in production beside a hosted app: without it Gatehouse would start with a "
        "new, empty SQLite database."
    )
    production = {"GATEHOUSE_ENV": "production", "GATEHOUSE_APP": str(script)}
    assert sentence in mistakes(monkeypatch, tmp_path / "state", **production)
    assert sentence not in mistakes(monkeypatch, tmp_path / "state", GATEHOUSE_DATABASE_URL="sqlite:///x", **production)
