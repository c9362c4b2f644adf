"""Variables that are nearly called like a setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.__main__ import main
from app.core.settings import Settings
from app.core.unknown_settings import unknown_settings
from app.core.variables import RETIRED, known_variables


@pytest.fixture
def env(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AUTH0_DOMIAN", "AUTH0_DOMAIN"),
        ("AUTH0_CLIENTID", "AUTH0_CLIENT_ID"),
        ("GATEHOUSE_SECRETS", "GATEHOUSE_SECRET"),
        ("GATEHOUSE_SESSION_IDLE_SECOND", "GATEHOUSE_SESSION_IDLE_SECONDS"),
        ("GATEHOUSE_DATABASEURL", "GATEHOUSE_DATABASE_URL"),
        ("GATEHOUSE_OICD_ISSUER", "GATEHOUSE_OIDC_ISSUER"),
    ],
)
def test_a_typing_mistake_is_reported_with_the_right_name_and_without_its_value(
    env: Path, name: str, meant: str
) -> None:
    env.write_text(f"{name}=hush\n")
    (warning,) = unknown_settings({}, env)
    assert warning == f"{name} in {env} is not a setting and has no effect. Did you mean {meant}?"
    (warning,) = unknown_settings({name: "hush"}, env.with_name("none"))
    assert warning == f"{name} in the environment is not a setting and has no effect. Did you mean {meant}?"


def test_a_setting_in_both_places_is_reported_once(env: Path) -> None:
    env.write_text("AUTH0_DOMIAN=x\n")
    assert len(unknown_settings({"AUTH0_DOMIAN": "x"}, env)) == 1


def test_an_unknown_name_is_reported_only_in_gatehouses_own_file(env: Path) -> None:
    env.write_text("AUTH0_COLOUR=green\nGITHUB_TOKEN=x\n")
    assert unknown_settings({}, env) == [f"AUTH0_COLOUR in {env} is not a setting and has no effect."]
    assert unknown_settings({"AUTH0_COLOUR": "green"}, env.with_name("none")) == []


def test_without_the_prefix_a_near_miss_counts_in_our_own_file_only(env: Path) -> None:
    env.write_text("SESSION_IDLE_SECOND=1\nOICD_ISSUER=x\n")
    first, second = unknown_settings({}, env)
    assert first.endswith("is not a setting and has no effect. Did you mean GATEHOUSE_SESSION_IDLE_SECONDS?")
    assert second == f"OICD_ISSUER in {env} is not a setting and has no effect. Did you mean GATEHOUSE_OIDC_ISSUER?"
    assert unknown_settings({"SESSION_IDLE_SECOND": "1"}, env.with_name("none")) == []
    hosted = {"GATEHOUSE_APP": str(env.with_name("app.py"))}
    assert unknown_settings(hosted, env) == []


@pytest.mark.parametrize("hosted", [True, False])
def test_every_retired_name_in_the_environment_is_reported(env: Path, hosted: bool) -> None:
    app = {"GATEHOUSE_APP": str(env.with_name("app.py"))} if hosted else {}
    warnings = [f"{old} in the environment is not read: the setting is called GATEHOUSE_{old}." for old in RETIRED]
    assert unknown_settings(app | dict.fromkeys(RETIRED, "hush"), env) == warnings
    env.write_text("".join(f"GATEHOUSE_{old}=x\n" for old in RETIRED if old != "DATABASE_URL"))
    assert unknown_settings(app | dict.fromkeys(RETIRED, "hush") | {"GATEHOUSE_DATABASE_URL": "sqlite://"}, env) == []


@pytest.mark.parametrize("arguments", [["migrate"], ["people", "list", "--json"], ["purge"], ["audit", "checkpoint"]])
def test_every_command_reports_retired_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    (tmp_path / "app.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("GATEHOUSE_APP", "app.py")
    monkeypatch.setenv("DATABASE_URL", "postgresql://shop:hush@db.example/shop")
    main(arguments)
    sentence = "DATABASE_URL in the environment is not read: the setting is called GATEHOUSE_DATABASE_URL.\n"
    assert capsys.readouterr().err.count(sentence) == 1


@pytest.mark.parametrize("verb", ["dev", "doctor", "serve"])
def test_a_refused_start_reports_retired_names_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEHOUSE_SESSION_IDLE_SECONDS", "soon")
    monkeypatch.setenv("DATABASE_URL", "postgresql://shop:hush@db.example/shop")
    assert main([verb]) == 2
    sentence = "DATABASE_URL in the environment is not read: the setting is called GATEHOUSE_DATABASE_URL.\n"
    assert capsys.readouterr().err.count(sentence) == 1


def test_an_alias_in_the_file_of_a_hosted_app_is_reported_with_the_right_name(env: Path) -> None:
    env.write_text("AUTH0_DOMAIN=hush\nDATABASE_URL=hush\n")
    warnings = [f"AUTH0_DOMAIN in {env} belongs to the hosted app: Gatehouse reads GATEHOUSE_AUTH0_DOMAIN there."]
    assert unknown_settings({"GATEHOUSE_APP": str(env.with_name("app.py"))}, env) == warnings
    assert unknown_settings({}, env) == []


def test_every_setting_and_what_others_use_is_left_alone(env: Path) -> None:
    env.write_text("".join(f"{name}=x\n{name.lower()}=x\n" for name in known_variables(Settings)))
    others = ("PATH", "HOME", "SESSION_MANAGER", "DATABASE_NAME", "TOKEN", "PGDATABASE", "APP_ENV", "DOMAIN", "SECRET")
    assert unknown_settings(dict.fromkeys(others, "x"), env) == []


def test_doctor_reports_unknown_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "GATEHOUSE_OIDC_ISSUER": "http://127.0.0.1:9/",
        "AUTH0_AUDIENCE": "a",
        "AUTH0_CLIENT_ID": "c",
        "AUTH0_CLIENT_SECRET": "s",
        "GATEHOUSE_REMOTE_API_BASE_URL": "http://127.0.0.1:9",
        "GATEHOUSE_DEFAULT_ROLES": "viewer",
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["doctor"]) == 1
    output = capsys.readouterr().out
    warning = "GATEHOUSE_DEFAULT_ROLES in the environment is not a setting and has no effect."
    assert f"CHECK {warning} Did you mean GATEHOUSE_DEFAULT_ROLE?" in output
