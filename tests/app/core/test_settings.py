"""Settings: every mistake at once, in plain words, with the variable's name; each process asks for what it needs."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest
from pydantic import Field

from app.core import settings_loading
from app.core.errors import ConfigurationError
from app.core.settings import ProcessKind, Settings
from app.core.variables import known_variables

SECRET = "kJ8dW2mQ9xZ4vB7nR1tY6uH3pL5sG0aF-cE_iO"
AUTH0 = {
    "AUTH0_DOMAIN": "acme.eu.auth0.com",
    "AUTH0_CLIENT_ID": "client",
    "AUTH0_CLIENT_SECRET": "client-secret",
    "AUTH0_AUDIENCE": "https://acme.example/api",
}
PRODUCTION = AUTH0 | {
    "GATEHOUSE_ENV": "production",
    "GATEHOUSE_SECRET": SECRET,
    "GATEHOUSE_APP_BASE_URL": "https://app.acme.example",
    "GATEHOUSE_REMOTE_API_BASE_URL": "https://api.acme.example",
}


@pytest.fixture(autouse=True)
def _only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known_variables(Settings):
        monkeypatch.delenv(name, raising=False)


def load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, process: ProcessKind = ProcessKind.APP, /, **variables: str
) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return settings_loading.load(process, state=tmp_path, env_file=None)


def mistakes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, process: ProcessKind = ProcessKind.APP, /, **variables: str
) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(monkeypatch, tmp_path, process, **variables)
    return caught.value.mistakes


def test_four_variables_connect_an_auth0_tenant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = load(monkeypatch, tmp_path, **AUTH0)
    assert settings.issuer == "https://acme.eu.auth0.com/"
    assert settings.audience == "https://acme.example/api"
    assert settings.client_secret == "client-secret"
    assert settings.redirect_uri == "http://localhost:8501/auth/callback"
    assert not settings.local_tenant


def test_every_mistake_is_reported_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    errors = mistakes(
        monkeypatch,
        tmp_path,
        GATEHOUSE_ENV="production",
        GATEHOUSE_SECRET="short",
        AUTH0_DOMAIN="https://acme.eu.auth0.com",
        GATEHOUSE_APP_BASE_URL="http://app.acme.example",
        GATEHOUSE_REMOTE_API_BASE_URL="ftp://api",
        GATEHOUSE_TOKEN_ALGORITHMS="RS256,none",
        GATEHOUSE_AUTH0_ROLES_CLAIM="roles",
        GATEHOUSE_TRUSTED_PROXIES="not-an-address",
        GATEHOUSE_SESSION_IDLE_SECONDS="90000",
        GATEHOUSE_DEFAULT_ROLE="administrator",
    )
    named = {re.match(r"[A-Z0-9_]+", mistake).group() for mistake in errors if re.match(r"[A-Z0-9_]+", mistake)}  # type: ignore[union-attr]
    assert named == {
        "GATEHOUSE_SECRET",
        "AUTH0_DOMAIN",
        "GATEHOUSE_APP_BASE_URL",
        "GATEHOUSE_REMOTE_API_BASE_URL",
        "GATEHOUSE_TOKEN_ALGORITHMS",
        "GATEHOUSE_AUTH0_ROLES_CLAIM",
        "GATEHOUSE_TRUSTED_PROXIES",
        "GATEHOUSE_SESSION_IDLE_SECONDS",
        "GATEHOUSE_DEFAULT_ROLE",
        "AUTH0_AUDIENCE",
        "AUTH0_CLIENT_ID",
        "AUTH0_CLIENT_SECRET",
    }
    assert all(mistake.endswith((".", "alone.")) for mistake in errors)


def test_wrong_types_are_named_too_and_values_are_never_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    errors = mistakes(
        monkeypatch, tmp_path, GATEHOUSE_TOKEN_LEEWAY_SECONDS="ninety-nine-red", GATEHOUSE_ENV="staging-secret"
    )
    assert {mistake.split(":")[0] for mistake in errors} == {"GATEHOUSE_TOKEN_LEEWAY_SECONDS", "GATEHOUSE_ENV"}
    assert not any("ninety-nine-red" in mistake or "staging-secret" in mistake for mistake in errors)


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("", "required"),
        ("short", "shorter than 32"),
        ("a" * 48, "default or a simple word"),
        ("changeme-changeme-changeme-changeme", "default or a simple word"),
        (f"{SECRET},short", "number 2"),
    ],
)
def test_production_refuses_a_weak_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret: str, expected: str
) -> None:
    (error,) = mistakes(monkeypatch, tmp_path, **(PRODUCTION | {"GATEHOUSE_SECRET": secret}))
    assert error.startswith("GATEHOUSE_SECRET")
    assert expected in error


@pytest.mark.parametrize("process", [ProcessKind.APP, ProcessKind.API])
def test_production_refuses_the_local_tenant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, process: ProcessKind
) -> None:
    variables = {name: value for name, value in PRODUCTION.items() if not name.startswith("AUTH0")}
    (error,) = mistakes(monkeypatch, tmp_path, process, **variables)
    assert error.startswith("AUTH0_DOMAIN")


@pytest.mark.parametrize("name", ["GATEHOUSE_APP_BASE_URL", "GATEHOUSE_REMOTE_API_BASE_URL"])
def test_addresses_below_which_our_paths_begin_have_no_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    sentence = f"{name} must not have a path: use a host name of its own."
    assert mistakes(monkeypatch, tmp_path, **AUTH0, **{name: "http://localhost:8888/api"}) == (sentence,)
    assert load(monkeypatch, tmp_path, **AUTH0, **{name: "http://localhost:8888/"}).remote_api_base_url


@pytest.mark.parametrize("name", ["GATEHOUSE_APP_BASE_URL", "GATEHOUSE_REMOTE_API_BASE_URL", "GATEHOUSE_OIDC_ISSUER"])
def test_production_refuses_plain_http(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (error,) = mistakes(monkeypatch, tmp_path, **(PRODUCTION | {name: "http://localhost:8000"}))
    assert error == f"{name} must begin with https:// in production."


def test_development_refuses_addresses_of_other_machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (error,) = mistakes(monkeypatch, tmp_path, **AUTH0, GATEHOUSE_APP_BASE_URL="https://app.acme.example")
    assert error.startswith("GATEHOUSE_APP_BASE_URL is not on this machine")


def test_a_good_production_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = load(monkeypatch, tmp_path, **PRODUCTION)
    assert settings.production
    assert settings.secure_cookies
    assert settings.secrets == (SECRET,)
    assert SECRET not in repr(settings)


def test_each_process_asks_only_for_what_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    api_only = {"GATEHOUSE_OIDC_ISSUER": "http://127.0.0.1:9100/", "AUTH0_AUDIENCE": "https://acme.example/api"}
    settings = load(monkeypatch, tmp_path, ProcessKind.API, **api_only)
    assert (settings.issuer, settings.auth0_client_id) == ("http://127.0.0.1:9100/", None)
    names = {mistake.split()[0] for mistake in mistakes(monkeypatch, tmp_path, ProcessKind.APP, **api_only)}
    assert names == {"AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"}


def test_a_development_secret_is_made_once_for_its_owner_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = load(monkeypatch, tmp_path, **AUTH0)
    assert first.secrets == load(monkeypatch, tmp_path).secrets
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    (tmp_path / "secret").write_text("x")
    (error,) = mistakes(monkeypatch, tmp_path)
    assert "damaged" in error


def test_the_local_tenants_client_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (error,) = mistakes(monkeypatch, tmp_path)
    assert "component.dev_tenant" in error
    (tmp_path / "tenant").mkdir()
    client = tmp_path / "tenant" / "client.json"
    client.write_text("{")
    (error,) = mistakes(monkeypatch, tmp_path)
    assert "damaged" in error
    client.write_text(
        json.dumps({"issuer": "http://localhost:9009/", "audience": "a", "client_id": "b", "client_secret": "c"})
    )
    settings = load(monkeypatch, tmp_path)
    assert (settings.issuer, settings.audience, settings.auth0_client_id, settings.client_secret) == (
        "http://localhost:9009/", "a", "b", "c",
    )  # fmt: skip
    api = load(monkeypatch, tmp_path, ProcessKind.API)
    assert (api.issuer, api.audience, api.client_secret) == ("http://localhost:9009/", "a", "")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (
        load(monkeypatch, tmp_path, **AUTH0, GATEHOUSE_DEFAULT_ROLE="", GATEHOUSE_TOKEN_LEEWAY_SECONDS="").default_role
        is None
    )


def test_lists_are_split_at_commas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = load(
        monkeypatch,
        tmp_path,
        **AUTH0,
        GATEHOUSE_TOKEN_ALGORITHMS="RS256, ES256",
        GATEHOUSE_TRUSTED_PROXIES="10.0.0.0/8",
    )
    assert settings.token_algorithms == ("RS256", "ES256")
    assert settings.trusted_proxies == ("10.0.0.0/8",)


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("\n".join(f"{name}={value}" for name, value in AUTH0.items()) + "\nGATEHOUSE_DEFAULT_ROLE=viewer\n")
    monkeypatch.setenv("AUTH0_DOMAIN", "other.eu.auth0.com")
    settings = settings_loading.load(ProcessKind.APP, state=tmp_path, env_file=file)
    assert (settings.issuer, settings.default_role) == ("https://other.eu.auth0.com/", "viewer")
    assert "AUTH0_CLIENT_ID" not in os.environ


@pytest.mark.parametrize("rate", ["600", "0 per minute", "600 per week", "600/minute", "-1 per hour", "1 per minute;"])
def test_a_rate_is_a_number_and_a_unit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rate: str) -> None:
    (mistake,) = mistakes(monkeypatch, tmp_path, ProcessKind.API, **AUTH0, GATEHOUSE_API_CHANGE_RATE_LIMIT=rate)
    assert mistake.startswith("GATEHOUSE_API_CHANGE_RATE_LIMIT: ")
    assert "such as 600 per minute" in mistake


def test_a_value_that_does_not_match_its_pattern_is_refused_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class WithPattern(Settings):
        default_role: str = Field("viewer", pattern="^[a-z]+$", description="Role of every user.")

    monkeypatch.setattr(settings_loading, "Settings", WithPattern)
    (mistake,) = mistakes(monkeypatch, tmp_path, **AUTH0, GATEHOUSE_DEFAULT_ROLE="secret 1")
    assert mistake == (
        "GATEHOUSE_DEFAULT_ROLE: The value does not have the required form, ^[a-z]+$. It is: Role of every user."
    )
