"""The tenant as an installation: its private files, restarts, and every error that must prevent its start."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from app.core.permissions import CATALOGUE
from app.core.permissions import ROLES as CATALOGUE_ROLES
from component.dev_tenant import TenantConfig, TenantError, TenantUser, create_app, tenant_of
from component.dev_tenant.people import PEOPLE, PERMISSIONS, ROLES
from tests.component.dev_tenant.support import AUDIENCE, ROLES_CLAIM, answer, call, running, tenant_client
from tests.ports import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]


def config(state_dir: Path, **changes: Any) -> TenantConfig:
    known: dict[str, Any] = {"issuer": "http://localhost:9000/", "state_dir": state_dir}
    return TenantConfig(**(known | changes))


def make(state_dir: Path, **changes: Any) -> None:
    tenant_of(create_app(config(state_dir, **changes))).close()


def start(state_dir: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    names = ("GATEHOUSE_ENV", "GATEHOUSE_AUTH0_DOMAIN", "AUTH0_DOMAIN", "GATEHOUSE_OIDC_ISSUER")
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.Popen(
        [sys.executable, "-m", "component.dev_tenant", "--state-dir", str(state_dir), *arguments],
        cwd=ROOT,
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refuses(state_dir: Path, *arguments: str, **environment: str) -> str:
    """The error of a tenant that refuses to start: one sentence on one line, exit status 2, and no file."""
    out, error = (process := start(state_dir, *arguments, **environment)).communicate(timeout=20)
    assert process.returncode == 2, error
    assert out == ""
    assert error.count("\n") == 1
    assert "Traceback" not in error
    return error


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_stored_file_is_private(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running(state) as tenant, tenant_client(tenant) as client:
        client.tokens()
        assert mode(state) == 0o700
        assert {path.name for path in state.iterdir()} >= {"client.json", "keys.json", "state.sqlite"}
        assert {mode(path) for path in state.iterdir()} == {0o600}


def test_files_that_were_opened_to_others_are_closed_again(tmp_path: Path) -> None:
    make(tmp_path)
    for path in tmp_path.iterdir():
        path.chmod(0o644)
    tmp_path.chmod(0o755)
    make(tmp_path)
    assert mode(tmp_path) == 0o700
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}


def test_client_json_has_fixed_names_and_values_of_its_installation(tmp_path: Path) -> None:
    make(tmp_path / "one")
    make(tmp_path / "two")
    first, second = (json.loads((tmp_path / name / "client.json").read_text()) for name in ("one", "two"))
    names = {"client_id", "client_secret", "machine_client_id", "machine_client_secret"}
    assert set(first) == {"issuer", "audience"} | names
    assert first["issuer"] == "http://localhost:9000/"
    assert first["audience"] == AUDIENCE
    assert not {first[name] for name in names} & {second[name] for name in names}
    assert all(len(first[name]) >= 43 for name in names if "secret" in name)


def test_another_port_or_audience_keeps_ids_and_secrets(tmp_path: Path) -> None:
    make(tmp_path)
    before = json.loads((tmp_path / "client.json").read_text())
    make(tmp_path, issuer="http://127.0.0.1:9001/", audience="https://other.example/api")
    after = json.loads((tmp_path / "client.json").read_text())
    assert after == before | {"issuer": "http://127.0.0.1:9001/", "audience": "https://other.example/api"}
    assert mode(tmp_path / "client.json") == 0o600


def test_no_secret_is_kept_in_clear_in_the_state_file(tmp_path: Path) -> None:
    with running(tmp_path) as tenant, tenant_client(tenant) as client:
        code = client.code()
        tokens = tenant.exchange(code).json()
        cookies = list(client.http.cookies.get_dict().values())
        secrets = [code, tokens["refresh_token"], tokens["access_token"], tokens["id_token"], *cookies]
        stored = b"".join(path.read_bytes() for path in tmp_path.glob("state.sqlite*"))
        assert not [secret for secret in secrets if secret.encode() in stored]
        assert tenant.tenant.credentials.client_secret not in repr(tenant.tenant.credentials)


def test_a_restart_ends_no_session(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port=port) as tenant, tenant_client(tenant) as client:
        tokens = client.tokens("ada")
        pending = client.begin(prompt="login")
        code = answer(client.authorize())["code"]
        client.post("/u/login", state=client.begin(prompt="login"), person="ada")
        form = {"action": "make-up", "new_name": "Gil", "new_email": "gil@made-up.example", "new_roles": "viewer"}
        with tenant_client(tenant) as other:
            assert "code" in answer(other.post("/u/login", state=other.begin(), **form))
        cookies = client.http.cookies
    with running(tmp_path, port=port) as tenant, tenant_client(tenant) as client:
        client.http.cookies = cookies
        assert "code" in answer(client.authorize(prompt="none"))
        assert tenant.exchange(code).status_code == 200
        assert "code" in answer(client.post("/u/login", state=pending, person="ada"))
        assert tenant.verify(tokens["access_token"], audience=AUDIENCE)
        assert tenant.refresh(tokens["refresh_token"]).status_code == 200
        assert tenant.refresh(tokens["refresh_token"]).status_code == 403
        assert [person.name for person in tenant.tenant.store.people()][-1] == "Gil"


@pytest.mark.parametrize("name", ["client.json", "keys.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null", '"x"', '{"keys": [{"kty": "RSA"}]}', "[" * 100_000])
def test_a_damaged_file_is_named_in_one_sentence(tmp_path: Path, name: str, content: str) -> None:
    make(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(TenantError, match=r"^The file .* is damaged: .*\.$") as caught:
        make(tmp_path)
    assert name in str(caught.value)


def test_a_damaged_or_foreign_state_file_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"not a database at all, but long enough to look like one" * 50)
    with pytest.raises(TenantError, match=r"state\.sqlite is damaged"):
        make(tmp_path)
    (tmp_path / "state.sqlite").unlink()
    connection = sqlite3.connect(tmp_path / "state.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(TenantError, match=r"state\.sqlite is damaged"):
        make(tmp_path)


def test_a_weak_or_public_key_is_not_used(tmp_path: Path) -> None:
    make(tmp_path)
    keys = json.loads((tmp_path / "keys.json").read_text())
    public = [{name: key[name] for name in ("kty", "n", "e", "kid")} for key in keys["keys"]]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": public}))
    with pytest.raises(TenantError, match=r"keys\.json is damaged"):
        make(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://localhost:9000"},
        {"issuer": "http://localhost:9000/x/"},
        {"issuer": "http://tenant.example/"},
        {"issuer": "http://localhost.evil.example:9000/"},
        {"issuer": "http://user@localhost:9000/"},
        {"issuer": "http://localhost:port/"},
        {"issuer": "http://0.0.0.0:9000/"},
        {"issuer": "ftp://localhost/"},
        {"app_url": "https://app.example"},
        {"app_url": "http://localhost:8501/"},
        {"app_url": "http://localhost:8501/app"},
        {"audience": ""},
        {"audience": "two words"},
        {"dialect": "access_token"},
    ],
)
def test_only_loopback_and_well_formed_configurations_exist(tmp_path: Path, changes: dict[str, str]) -> None:
    with pytest.raises(TenantError, match=r"\.$"):
        config(tmp_path, **changes)


@pytest.mark.parametrize("issuer", ["http://localhost:9000/", "http://127.0.0.1:9000/", "http://[::1]:9000/"])
def test_every_loopback_name_may_be_the_issuer(tmp_path: Path, issuer: str) -> None:
    assert config(tmp_path, issuer=issuer).issuer == issuer


def test_a_sign_in_works_on_127_0_0_1_too(tmp_path: Path) -> None:
    with running(tmp_path, host="127.0.0.1") as tenant, tenant_client(tenant) as client:
        tokens = client.tokens()
        assert tenant.verify(tokens["access_token"], audience=AUDIENCE)["iss"].startswith("http://127.0.0.1:")
        assert tenant.refresh(tokens["refresh_token"]).status_code == 200


def test_extra_people_are_known(tmp_path: Path) -> None:
    extra = TenantUser(key="gus", name="Gus", email="gus@gatehouse.example", roles=frozenset({"viewer"}))
    with running(tmp_path, extra_people=(extra,)) as tenant, tenant_client(tenant) as client:
        token = client.tokens("gus")["access_token"]
        assert tenant.verify(token, audience=AUDIENCE)[ROLES_CLAIM] == ["viewer"]


def test_access_can_be_set_for_known_people_only(tmp_path: Path) -> None:
    tenant = tenant_of(create_app(config(tmp_path)))
    try:
        with pytest.raises(KeyError):
            tenant.set_access("unknown", roles={"viewer"})
    finally:
        tenant.close()


def test_people_roles_and_permissions_agree_with_the_catalogue() -> None:
    assert [person.key for person in PEOPLE] == ["ada", "bruno", "chiyo", "dev", "gita", "eva", "frank"]
    assert all(person.email == f"{person.key}@gatehouse.example" for person in PEOPLE)
    assert set(PERMISSIONS) <= {permission.value for permission in CATALOGUE.values()}
    assert set(ROLES) == set(CATALOGUE_ROLES)
    assert set().union(*(person.roles for person in PEOPLE)) == set(ROLES)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::", "", "localhost.evil.example"])  # noqa: S104 - refused
def test_the_command_line_serves_loopback_only(tmp_path: Path, host: str) -> None:
    assert "only runs on this machine" in refuses(tmp_path / "state", "--host", host)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("GATEHOUSE_ENV", "production", "never runs in production"),
        ("GATEHOUSE_ENV", " Production ", "never runs in production"),
        ("AUTH0_DOMAIN", "example.eu.auth0.com", "beside a real tenant"),
        ("GATEHOUSE_OIDC_ISSUER", "https://id.example/", "beside a real tenant"),
    ],
)
def test_it_never_starts_in_production_or_beside_a_real_tenant(
    tmp_path: Path, name: str, value: str, part: str
) -> None:
    assert part in refuses(tmp_path / "state", "--port", str(free_port()), **{name: value})
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_a_port_that_does_not_exist_is_refused(tmp_path: Path, port: str) -> None:
    assert "port" in refuses(tmp_path / "state", "--port", port)


def test_a_damaged_file_is_reported_in_one_sentence_on_the_command_line_too(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "keys.json").write_text("{")
    assert "is damaged" in refuses(tmp_path, "--port", str(free_port()))


def test_a_taken_port_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert refuses(tmp_path, "--port", port).startswith(f"Port {port} is taken")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_a_signal_stops_it(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    process = start(tmp_path / "state", "--port", str(port), AUTH0_DOMAIN="", GATEHOUSE_ENV="development")
    try:

        def is_ready() -> bool:
            assert process.poll() is None
            try:
                return call("GET", f"http://localhost:{port}/healthz").status_code == 200
            except requests.ConnectionError:
                return False

        wait_until(is_ready)
        with requests.Session() as idle:
            idle.trust_env = False
            idle.get(f"http://localhost:{port}/.well-known/jwks.json", timeout=5)
            process.send_signal(number)
            assert process.wait(10) == 0  # the idle connection does not keep it
    finally:
        process.kill()
        out, error = process.communicate(timeout=10)
    assert f"http://localhost:{port}/" in out
    assert error == ""
    written = json.loads((tmp_path / "state" / "client.json").read_text())
    assert written["client_secret"] not in out
