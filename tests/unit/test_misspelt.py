"""Variables that are nearly called like a setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import commands
from app.core.misspelt import misspelt
from app.core.settings import Settings


@pytest.fixture
def env(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AUTH0_DOMIAN", "AUTH0_DOMAIN"),
        ("AUTH0_CLIENTID", "AUTH0_CLIENT_ID"),
        ("GATEHOUSE_SECRETS", "GATEHOUSE_SECRET"),
        ("SESSION_IDLE_SECOND", "SESSION_IDLE_SECONDS"),
        ("DATABASEURL", "DATABASE_URL"),
        ("OICD_ISSUER", "OIDC_ISSUER"),
    ],
)
def test_a_near_miss_is_told_with_what_was_meant_and_without_its_value(env: Path, name: str, meant: str) -> None:
    env.write_text(f"{name}=hush\n")
    (told,) = misspelt({}, env)
    assert told == f"{name} in {env} is no setting, and changes nothing. Did you mean {meant}?"
    (told,) = misspelt({name: "hush"}, env.with_name("none"))
    assert told == f"{name} in the environment is no setting, and changes nothing. Did you mean {meant}?"


def test_one_that_is_in_both_is_told_once(env: Path) -> None:
    env.write_text("AUTH0_DOMIAN=x\n")
    assert len(misspelt({"AUTH0_DOMIAN": "x"}, env)) == 1


def test_one_of_ours_that_is_like_none_is_told_where_only_ours_are_written(env: Path) -> None:
    env.write_text("AUTH0_COLOUR=green\nGITHUB_TOKEN=x\n")
    assert misspelt({}, env) == [f"AUTH0_COLOUR in {env} is no setting, and changes nothing."]
    assert misspelt({"AUTH0_COLOUR": "green"}, env.with_name("none")) == []


def test_every_setting_and_what_others_use_is_left_alone(env: Path) -> None:
    env.write_text("".join(f"{name.upper()}=x\n{name}=x\n" for name in Settings.model_fields))
    others = ("PATH", "HOME", "SESSION_MANAGER", "DATABASE_NAME", "TOKEN", "PGDATABASE", "APP_ENV", "DOMAIN", "SECRET")
    assert misspelt(dict.fromkeys(others, "x"), env) == []


def test_doctor_tells_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "OIDC_ISSUER": "http://127.0.0.1:9/",
        "AUTH0_AUDIENCE": "a",
        "AUTH0_CLIENT_ID": "c",
        "AUTH0_CLIENT_SECRET": "s",
        "REMOTE_API_BASE_URL": "http://127.0.0.1:9",
        "DEFAULT_ROLES": "viewer",
    }.items():
        monkeypatch.setenv(name, value)
    assert commands.doctor() == 1
    said = capsys.readouterr().out
    assert (
        "CHECK DEFAULT_ROLES in the environment is no setting, and changes nothing. Did you mean DEFAULT_ROLE?" in said
    )
