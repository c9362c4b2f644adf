"""Gatehouse reads its own variables only: what a hosted app's environment and ``.env`` hold is the app's."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.core import settings_loading, variables
from app.core.errors import ConfigurationError
from app.core.settings import ProcessKind, Settings
from app.core.state import default_folder, make_private_folder
from app.core.variables import RETIRED, known_variables, variable

HOSTED_APPS_FILE = """\
DATABASE_URL=postgresql://shop:hush@db.example/shop
AUTH0_DOMAIN=shop.eu.auth0.com
AUTH0_CLIENT_ID=shop
DEFAULT_ROLE=administrator
TOKEN_ALGORITHMS=HS256
APP_BASE_URL=ftp://shop
"""
PRODUCTION = {
    "GATEHOUSE_ENV": "production",
    "GATEHOUSE_SECRET": "kJ8dW2mQ9xZ4vB7nR1tY6uH3pL5sG0aF-cE_iO",
    "GATEHOUSE_APP_BASE_URL": "https://app.acme.example",
    "GATEHOUSE_REMOTE_API_BASE_URL": "https://api.acme.example",
}


@pytest.fixture(autouse=True)
def _only_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*known_variables(Settings), *RETIRED):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script of a hosted app, with an ``.env`` beside it; it is started from its own folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / ".env").write_text(HOSTED_APPS_FILE)
    (folder / "main.py").write_text("import streamlit as st\nst.title('Shop')\n")
    monkeypatch.chdir(folder)
    return folder / "main.py"


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("process", [ProcessKind.CLI, ProcessKind.API])
def test_the_env_file_of_a_hosted_app_sets_nothing(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process: ProcessKind
) -> None:
    monkeypatch.setenv("GATEHOUSE_OIDC_ISSUER", "http://127.0.0.1:9/")
    monkeypatch.setenv("GATEHOUSE_AUTH0_AUDIENCE", "https://ours.example/api")
    settings = settings_loading.load(process, app=shop)
    folder = default_folder(shop)
    assert settings.database_url == f"sqlite:///{folder}/gatehouse.sqlite3"
    assert (settings.auth0_domain, settings.auth0_client_id, settings.default_role) == (None, None, None)
    assert (settings.token_algorithms, settings.app_base_url) == (("RS256",), "http://localhost:8501")
    assert listing(shop.parent) == {".env", "main.py"}
    assert (folder / "secret").is_file()
    assert folder.is_relative_to(tmp_path / "data" / "gatehouse")


def test_neither_parent_folders_nor_the_environment_are_read(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = shop.parent / "src" / "ui"
    deep.mkdir(parents=True)
    shop.rename(deep / "main.py")
    for line in HOSTED_APPS_FILE.splitlines():
        name, _, value = line.partition("=")
        if not name.startswith("AUTH0"):
            monkeypatch.setenv(name, value)
    settings = settings_loading.read(ProcessKind.CLI, app=deep / "main.py")
    assert settings.local_tenant
    assert "postgresql" not in settings.database_url
    assert settings.default_role is None


def test_prefixed_variables_count_in_a_hosted_apps_file_too(shop: Path) -> None:
    with (shop.parent / ".env").open("a") as file:
        file.write("GATEHOUSE_AUTH0_DOMAIN=ours.eu.auth0.com\nGATEHOUSE_SESSION_IDLE_SECONDS=600\n")
    settings = settings_loading.read(ProcessKind.CLI, app=shop)
    assert (settings.issuer, settings.session_idle_seconds) == ("https://ours.eu.auth0.com/", 600)
    assert settings.auth0_client_id is None


def test_the_app_named_in_the_environment_or_in_its_own_file_makes_the_file_a_hosted_apps(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (shop.parent / ".env").open("a") as file:
        file.write("GATEHOUSE_APP=main.py\n")
    assert settings_loading.read(ProcessKind.CLI).auth0_domain is None
    (shop.parent / ".env").write_text(HOSTED_APPS_FILE)
    monkeypatch.setenv("GATEHOUSE_APP", "main.py")
    assert settings_loading.read(ProcessKind.CLI).auth0_domain is None


def test_the_aliases_count_in_the_environment_and_in_the_folder_gatehouse_is_installed_for(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".env").write_text("AUTH0_DOMAIN=ours.eu.auth0.com\n")
    monkeypatch.chdir(home)
    assert settings_loading.read(ProcessKind.CLI, app=shop).issuer == "https://ours.eu.auth0.com/"
    monkeypatch.setenv("AUTH0_DOMAIN", "environment.eu.auth0.com")
    assert settings_loading.read(ProcessKind.CLI, app=shop).issuer == "https://environment.eu.auth0.com/"
    monkeypatch.setenv("GATEHOUSE_AUTH0_DOMAIN", "prefixed.eu.auth0.com")
    assert settings_loading.read(ProcessKind.CLI, app=shop).issuer == "https://prefixed.eu.auth0.com/"


def test_the_aliases_count_in_the_source_tree_also_for_an_app_inside_it(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variables, "SOURCE_TREE", shop.parent)
    (shop.parent / ".env").write_text("AUTH0_DOMAIN=ours.eu.auth0.com\n")
    assert settings_loading.read(ProcessKind.CLI, app=shop).issuer == "https://ours.eu.auth0.com/"


def test_an_alias_in_the_environment_that_is_the_apps_own_is_explained(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH0_DOMAIN", "shop.eu.auth0.com")
    with pytest.raises(ConfigurationError) as caught:
        settings_loading.read(ProcessKind.API, app=shop)
    assert caught.value.mistakes == (
        "GATEHOUSE_AUTH0_AUDIENCE is required with a real tenant.",
        "AUTH0_DOMAIN in the environment counts for Gatehouse: unset it if it is the hosted app's own.",
    )


@pytest.mark.parametrize("old", RETIRED)
def test_a_retired_name_in_our_own_file_is_refused_with_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"{old}=hush\n")
    with pytest.raises(ConfigurationError) as caught:
        settings_loading.read(ProcessKind.CLI)
    (mistake,) = caught.value.mistakes
    assert mistake == (
        f"{old} in .env is not read: the setting is called GATEHOUSE_{old}. Rename it; if it is meant for something "
        f"else, set GATEHOUSE_{old} beside it."
    )
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", "sqlite://")
    if old == "DATABASE_URL":
        assert settings_loading.read(ProcessKind.CLI).database_url == "sqlite://"
    assert list(tmp_path.iterdir()) == [tmp_path / ".env"]


def test_production_without_a_hosted_app_refuses_retired_names_in_the_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {**PRODUCTION, "DATABASE_URL": "postgresql://old"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="DATABASE_URL in the environment is not read"):
        settings_loading.read(ProcessKind.CLI)
    monkeypatch.delenv("GATEHOUSE_ENV")
    monkeypatch.delenv("GATEHOUSE_APP_BASE_URL")
    assert "postgresql" not in settings_loading.read(ProcessKind.CLI).database_url


def test_production_beside_a_hosted_app_does_not_start_on_a_new_empty_database(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GATEHOUSE_APP", str(shop))
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", "")  # counts as not set
    monkeypatch.setenv("DATABASE_URL", "postgresql://shop:hush@db.example/shop")
    with pytest.raises(ConfigurationError) as caught:
        settings_loading.read(ProcessKind.CLI)
    (mistake,) = caught.value.mistakes
    assert mistake == (
        "GATEHOUSE_DATABASE_URL is required in production beside a hosted app: without it Gatehouse would start with a "
        "new, empty SQLite database."
    )
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", "postgresql://ours.example/gatehouse")
    assert settings_loading.read(ProcessKind.CLI).database_url == "postgresql://ours.example/gatehouse"


def test_every_setting_has_a_variable_with_the_prefix() -> None:
    assert all(re.fullmatch(r"GATEHOUSE_[A-Z][A-Z0-9_]+", variable(field)) for field in Settings.model_fields)
    assert {f"GATEHOUSE_{old}" for old in RETIRED} <= set(known_variables(Settings))


def test_reading_makes_nothing_and_loading_a_state_folder_for_its_owner_that_git_ignores(
    shop: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    settings_loading.read(ProcessKind.CLI, app=shop, state=state)
    assert not state.exists()
    settings = settings_loading.load(ProcessKind.CLI, app=shop, state=state)
    assert listing(state) == {".gitignore", "secret"}
    assert (state / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert settings.database_url == f"sqlite:///{state}/gatehouse.sqlite3"


@pytest.mark.parametrize("names", [(), ("secret",), ("gatehouse.sqlite3", "gatehouse.sqlite3-wal", "secret", "tenant")])
def test_a_folder_that_holds_only_state_is_kept_out_of_git(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).touch()
    tmp_path.chmod(0o755)
    make_private_folder(tmp_path)
    assert listing(tmp_path) == {".gitignore", *names}
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert stat.S_IMODE((tmp_path / ".gitignore").stat().st_mode) == 0o600
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("names", [(".gitignore",), ("secret", ".gitignore"), ("app.py",), ("secret", "secrets.toml")])
def test_a_folder_with_a_gitignore_or_with_other_files_stays_as_it_is(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_text("!keep\n", encoding="utf-8")
    make_private_folder(tmp_path)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == dict.fromkeys(
        names, "!keep\n"
    )


def test_git_sees_no_state_beside_an_app(shop: Path) -> None:
    """As an app's repository does, when its owner adds everything."""
    subprocess.run(["git", "init", "--quiet", shop.parent], check=True)
    settings_loading.load(ProcessKind.CLI, app=shop, state=shop.parent / "var")
    assert (shop.parent / "var" / "secret").exists()
    listed = subprocess.run(
        ["git", "-C", shop.parent, "status", "--porcelain", "--untracked-files=all"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "main.py" in listed
    assert "var" not in listed


@pytest.mark.parametrize("place", [".", "main.py", ".."])
def test_the_state_is_never_mixed_with_the_files_of_the_app(shop: Path, place: str) -> None:
    with pytest.raises(ConfigurationError, match="GATEHOUSE_STATE names"):
        settings_loading.load(ProcessKind.CLI, app=shop, state=Path(place))
    assert listing(shop.parent) == {".env", "main.py"}


def test_each_script_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {default_folder(tmp_path / path) for path in ("a/app.py", "b/app.py", "a/app2.py")}
    assert len(folders) == 3
    assert default_folder(tmp_path / "a" / ".." / "a" / "app.py") in folders
    assert default_folder(None) == Path("var")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # counts as not set, by the specification
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder(tmp_path / "app.py").parent == tmp_path / ".local" / "share" / "gatehouse"


def test_on_macos_the_folder_is_that_of_application_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = tmp_path / "Library" / "Application Support" / "gatehouse"
    assert default_folder(tmp_path / "app.py").parent == expected
