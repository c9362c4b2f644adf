"""The guide to Auth0 is exact: its Actions run, its settings load, its commands exist, its addresses are the app's."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from app.cli.command import InstallationCommand
from app.core import settings_loading
from app.core.assurance import MULTI_FACTOR, SignInRequirement, has_context
from app.core.settings import ProcessKind, Settings
from component.oidc.authorization_parameters import step_up_parameters
from component.routes.backchannel_logout import PATH as BACK_CHANNEL_PATH
from tests.app.cli.command_line import invoke
from tests.docs.tables import ROOT
from tests.node import node

TEXT: Final = (ROOT / "docs" / "how-to" / "connect-auth0.md").read_text(encoding="utf-8")
ACTIONS: Final = dict(re.findall(r"^<!-- run: action ([\w-]+) -->\n```js\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))
HARNESS: Final = """
const calls = []
const record = (name) => (...values) => { calls.push([name, ...values]) }
const api = {
  accessToken: { setCustomClaim: record("accessToken") },
  idToken: { setCustomClaim: record("idToken") },
  multifactor: { enable: record("multifactor") },
}
exports.onExecutePostLogin(JSON.parse(process.argv[2]), api).then(() => console.log(JSON.stringify(calls)))
"""


def calls_of(action: str, event: dict[str, Any], folder: Path) -> list[list[Any]]:
    """What the Action of the guide calls of Auth0's `api` object for an event."""
    file = folder / "action.cjs"
    file.write_text(ACTIONS[action] + HARNESS, encoding="utf-8")
    done = subprocess.run([node(), file, json.dumps(event)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    calls: list[list[Any]] = json.loads(done.stdout)
    return calls


def test_every_block_of_javascript_is_an_action_that_is_run() -> None:
    assert ACTIONS.keys() == {"roles", "second-factor"}
    assert TEXT.count("```js") == len(ACTIONS)


@pytest.mark.parametrize(
    ("event", "roles"),
    [
        ({"authorization": {"roles": ["viewer", "Sales"]}}, ["viewer", "Sales"]),
        ({"authorization": {"roles": []}}, []),
        ({"authorization": {}}, []),
        ({}, []),
    ],
)
def test_the_action_for_roles_sets_the_claim_that_gatehouse_reads(
    event: dict[str, Any], roles: list[str], tmp_path: Path
) -> None:
    claim = Settings.model_fields["auth0_roles_claim"].default
    assert calls_of("roles", event, tmp_path) == [["accessToken", claim, roles]]


def test_the_action_for_the_second_factor_requests_it_where_gatehouse_does(tmp_path: Path) -> None:
    sent = step_up_parameters(SignInRequirement(acr=MULTI_FACTOR))["acr_values"]
    event = {"transaction": {"acr_values": sent.split()}}
    assert calls_of("second-factor", event, tmp_path) == [["multifactor", "any", {"allowRememberBrowser": False}]]
    assert has_context(MULTI_FACTOR, achieved="", methods=frozenset({"mfa"})), "what Auth0 answers with"


@pytest.mark.parametrize("event", [{}, {"transaction": {}}, {"transaction": {"acr_values": ["urn:other"]}}])
def test_the_action_for_the_second_factor_leaves_other_sign_ins_alone(event: dict[str, Any], tmp_path: Path) -> None:
    assert calls_of("second-factor", event, tmp_path) == []


def test_the_settings_of_the_guide_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (block,) = re.findall(r"^<!-- run: settings -->\n```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    values = dict(line.split("=", 1) for line in block.splitlines())
    for name, value in values.items():
        monkeypatch.setenv(name, value.replace("…", "value-of-the-dashboard"))
    monkeypatch.chdir(tmp_path)
    settings = settings_loading.read(ProcessKind.APP)
    assert not settings.local_tenant
    assert settings.issuer == f"https://{values['AUTH0_DOMAIN']}/"
    assert f"| Identifier | `{settings.auth0_audience}` " in TEXT
    assert f"| Allowed Callback URLs | `{settings.redirect_uri}` |" in TEXT
    assert f"| Allowed Logout URLs | `{settings.app_base_url}` " in TEXT


def test_the_back_channel_address_is_a_route_of_the_app() -> None:
    (path,) = set(re.findall(r"`https://app\.example\.com(/[\w/-]+)`", TEXT))
    assert path == BACK_CHANNEL_PATH


def test_the_commands_of_the_guide_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InstallationCommand, "invoke", lambda *_: None)  # they are parsed, and not run
    commands = re.findall(r"^\.venv/bin/gatehouse (.*)$", TEXT, re.MULTILINE)
    assert [command.split()[:2] for command in commands] == [
        ["bootstrap-admin", "--email"],
        ["bootstrap-admin", "--subject"],
    ]
    for command in commands:
        assert invoke(*shlex.split(command)).exit_code == 0
