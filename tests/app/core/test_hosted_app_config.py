"""The configuration of a hosted app in ``gatehouse.toml``: permissions and roles of the catalogue, and all mistakes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core import settings_loading
from app.core.assurance import MULTI_FACTOR, SignInRequirement
from app.core.errors import ConfigurationError
from app.core.hosted_app_config import HostedAppConfig, load_hosted_app_config
from app.core.permissions import ADMINISTRATOR, CATALOGUE, REQUIREMENTS, ROLES, Permission, declare
from app.core.settings import ProcessKind, Settings

SHOP = """
enter = "open:shop"

[permissions]
"open:shop" = { sentence = "Come into the shop.", roles = ["viewer", "clerk"] }
"read:orders" = { sentence = "See the orders.", roles = ["analyst"] }
"refund:orders" = { sentence = "Pay an order back.", roles = ["clerk"], max_age_seconds = 300, second_factor = true }
"count:orders" = "Count them."

[roles]
clerk = "Works at the counter."

[pages]
"/" = "signed-in"
"/orders" = "read:orders"
"""


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = list(CATALOGUE), dict(ROLES), dict(REQUIREMENTS)
    yield
    declare({}, {})
    assert (list(CATALOGUE), dict(ROLES), dict(REQUIREMENTS)) == before


def declared(folder: Path, text: str) -> HostedAppConfig:
    (folder / "gatehouse.toml").write_text(text)
    return load_hosted_app_config(folder / "app.py")


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        declared(folder, text)
    return [mistake.removeprefix(f"{folder}/gatehouse.toml: ") for mistake in caught.value.mistakes]


def test_declared_permissions_and_roles_are_in_the_catalogue(tmp_path: Path) -> None:
    own = len(CATALOGUE)
    config = declared(tmp_path, SHOP)
    assert [p.value for p in CATALOGUE.values()][own:] == ["open:shop", "read:orders", "refund:orders", "count:orders"]
    assert len(CATALOGUE) == own + 4
    assert "read:orders" in CATALOGUE
    permission = CATALOGUE.get("read:orders")
    assert permission is not None
    assert permission.sentence == "See the orders."
    assert permission.declared_by_app
    assert not Permission.READ_REPORTS.declared_by_app
    assert not permission.by_scope
    assert REQUIREMENTS["refund:orders"] == SignInRequirement(300, MULTI_FACTOR)
    assert ROLES["clerk"] == ("Works at the counter.", frozenset({"open:shop", "refund:orders"}))
    assert ROLES["analyst"][0].startswith("Works with the numbers")
    assert {Permission.READ_REPORTS, "read:orders"} < ROLES["analyst"][1]
    assert ROLES[ADMINISTRATOR][1] == frozenset(CATALOGUE)
    assert config.enter == "open:shop"
    assert config.pages == {"": None, "orders": "read:orders"}
    assert not config.inline_scripts


def test_a_declared_permission_is_like_a_built_in_one(tmp_path: Path) -> None:
    declared(tmp_path, SHOP)
    permission = CATALOGUE.get("read:orders")
    assert isinstance(permission, Permission)
    assert permission in CATALOGUE
    assert "read:orders" in CATALOGUE
    assert (str(permission), permission.value, f"{permission}") == ("read:orders", "read:orders", "read:orders")
    assert pickle.loads(pickle.dumps(permission)) is permission  # noqa: S301 - our own bytes
    assert copy.deepcopy(permission) is permission
    assert {permission: 1}["read:orders"] == 1
    with pytest.raises(AttributeError, match="immutable"):
        permission.by_scope = True


def test_without_a_file_earlier_declarations_are_removed(tmp_path: Path) -> None:
    declared(tmp_path, SHOP)
    (tmp_path / "gatehouse.toml").unlink()
    assert load_hosted_app_config(tmp_path / "order_desk.py") == HostedAppConfig(title="Order desk")
    assert "read:orders" not in CATALOGUE
    assert "read:orders" not in CATALOGUE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[permissions]\n'read:orders' = ''", "needs a sentence"),
        ("[permissions]\n'read:orders' = 3", "needs a sentence"),
        ("[permissions]\n'Read Orders' = 'See.'", "action:resource"),
        ("[permissions]\n'read:reports' = 'See.'", "Gatehouse's own"),
        ("[permissions]\n'read:orders' = { sentence = 'See.', roles = ['analist'] }", "'analist' of 'read:orders'"),
        ("[permissions]\n'read:orders' = { sentence = 'See.', roles = 'analyst' }", "list of names"),
        ("[permissions]\n'read:orders' = { sentence = 'See.', roles = ['administrator'] }", "every permission already"),
        ("[permissions]\n'read:orders' = { sentence = 'See.', rolls = [] }", "'rolls', which means nothing"),
        ("[permissions]\n'read:orders' = { sentence = 'See.', max_age_seconds = 0 }", "max_age_seconds"),
        ("[permissions]\n'read:orders' = { sentence = 'See.', second_factor = 1 }", "second_factor"),
        ("[roles]\nviewer = 'Reads.'", "Gatehouse's own"),
        ("[roles]\n'The Boss' = 'Rules.'", "lower-case"),
        ("[roles]\nclerk = ''", "a line that describes it"),
        ("[pages]\norders = 'signed-in'", "its address"),
        ("[pages]\n'/a/b' = 'signed-in'", "its address"),
        ("[pages]\n'/orders' = 'read:order'", "'read:order', which is not declared"),
        ("[pages]\n'/orders' = 'manage:everything'", "not declared"),
        ("enter = 'read:reports'", "not declared"),
        ("title = 1", "title must be a line of at most 60 characters"),
        (f"title = '{'x' * 61}'", "title must be a line of at most 60 characters"),
        ('title = "two\\nlines"', "title must be a line of at most 60 characters"),
        (f"icon = '{'x' * 17}'", "icon must be a line of at most 16 characters"),
        ("inline_scripts = 'yes'", "true or false"),
        ("pages = 3", "[pages] must be a table"),
        ("secrets = 1", "'secrets', which means nothing"),
    ],
)
def test_each_mistake_is_named_and_then_nothing_is_declared(tmp_path: Path, text: str, expected: str) -> None:
    errors = mistakes(tmp_path, text)
    assert len(errors) == 1
    assert expected in errors[0]
    assert errors[0].endswith(".")
    assert not any(permission.declared_by_app for permission in CATALOGUE.values())


def test_an_app_has_a_title_and_an_icon_or_the_name_of_its_script(tmp_path: Path) -> None:
    (tmp_path / "gatehouse.toml").write_text("title = 'Our shop'\nicon = '🛒'")
    config = load_hosted_app_config(tmp_path / "app.py")
    assert (config.title, config.icon) == ("Our shop", "🛒")
    (tmp_path / "gatehouse.toml").write_text("")
    assert load_hosted_app_config(tmp_path / "order-desk_2.py").title == "Order desk 2"
    folder = tmp_path / "our shop"
    folder.mkdir()
    assert load_hosted_app_config(folder / "streamlit_app.py").title == "Our shop"


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    assert len(mistakes(tmp_path, "enter = 'x'\n[permissions]\n'A' = ''\n[pages]\n'x' = 'y'")) == 5


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not TOML"):
        declared(tmp_path, "[permissions")


def test_a_file_beside_an_app_gives_nothing_of_gatehouses_own(tmp_path: Path) -> None:
    """Neither by naming a permission of ours, nor by adding one to a role."""
    assert mistakes(tmp_path, "[permissions]\n'export:reports' = { sentence = 'See.', roles = ['viewer'] }")
    with pytest.raises(ValueError, match="itself"):
        declare({"export:reports": ("See.", None)}, {})
    with pytest.raises(ValueError, match="not declared"):
        declare({}, {"viewer": ("", frozenset({"export:reports"}))})


def test_every_process_declares_by_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gatehouse.toml").write_text(SHOP)
    (tmp_path / "shop.py").write_text("")
    monkeypatch.setenv("GATEHOUSE_APP", str(tmp_path / "shop.py"))
    for process in ProcessKind:
        declare({}, {})
        _load(process, tmp_path)
        assert "read:orders" in CATALOGUE, process
    (tmp_path / "gatehouse.toml").write_text("[pages]\nx = 'y'")
    with pytest.raises(ConfigurationError) as caught:
        _load(ProcessKind.API, tmp_path)
    assert len(caught.value.mistakes) == 2
    monkeypatch.setenv("GATEHOUSE_APP", str(tmp_path / "none.py"))
    with pytest.raises(ConfigurationError, match=r"GATEHOUSE_APP names .*no such file"):
        _load(ProcessKind.CLI, tmp_path)
    monkeypatch.delenv("GATEHOUSE_APP")
    _load(ProcessKind.API, tmp_path)
    assert "read:orders" not in CATALOGUE


def _load(process: ProcessKind, folder: Path) -> Settings:
    state = folder / "state"
    (state / "tenant").mkdir(parents=True, exist_ok=True)
    (state / "tenant" / "client.json").write_text(
        '{"issuer": "http://localhost:9000/", "audience": "a", "client_id": "c", "client_secret": "s"}'
    )
    return settings_loading.load(process, state=state, env_file=None)
