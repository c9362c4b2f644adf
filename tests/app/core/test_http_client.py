"""How calls leave this machine: one rule for every client, about certificates and proxies too; each cause is named.

The servers speak TLS on loopback with certificates of an authority made here.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.__main__ import main
from app.core import settings_loading
from app.core.errors import ConfigurationError, ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.settings import Process, Settings
from app.core.tokens.discovery import Discovery, ProviderMetadata
from component.oidc.bounded_http import bounded_session
from component.oidc.provider import Provider
from tests.authority import Authority
from tests.clock import FakeClock
from tests.issuer import Fault
from tests.provider import FakeProvider
from tests.signin import world
from tests.stack import ROOT

FOREIGN_VARIABLES = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.in_folder(tmp_path)


@contextmanager
def provider_with(authority: Authority, **certificate: Any) -> Iterator[FakeProvider]:
    """A provider on loopback with a certificate of ``authority``."""
    fake = FakeProvider(FakeClock().timestamp)
    fake.tls = authority.server(**certificate)
    with fake:
        yield fake


def spoil_environment(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Set what other programs read; the product must not."""
    empty = folder / "empty.pem"
    empty.write_text("")
    for name in FOREIGN_VARIABLES:
        monkeypatch.setenv(name, str(empty))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    (folder / ".netrc").write_text("machine 127.0.0.1 login another password secret\n")
    monkeypatch.setenv("HOME", str(folder))


@pytest.mark.parametrize("spoilt", [False, True])
def test_signing_in_at_a_provider_with_an_authority_of_ones_own(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: bool
) -> None:
    if spoilt:
        spoil_environment(monkeypatch, tmp_path)
    with provider_with(authority) as fake, world(fake, FakeClock(), ca_bundle=authority.file) as here:
        browser = here.sign_in()
        assert here.cookies.session in browser.cookies
        assert [form.get("client_secret") for form in fake.forms] == ["client-secret"]


def clients(settings: Settings) -> dict[str, Callable[[], object]]:
    """Each client of the provider, in a request to it."""
    return {
        "discovery": Discovery.of(settings).metadata,
        "token endpoint": lambda: Provider(settings, _Known(settings)).exchange("code", "verifier"),
    }


class _Known(Discovery):
    """Discovery that was read already, while the certificate was good."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.issuer)

    def metadata(self) -> ProviderMetadata:
        """Everything is at the issuer."""
        return ProviderMetadata(
            issuer=self._issuer,
            authorization_endpoint=f"{self._issuer}authorize",
            token_endpoint=f"{self._issuer}token",
            jwks_uri=f"{self._issuer}jwks",
            end_session_endpoint=None,
            revocation_endpoint=None,
            userinfo_endpoint=None,
            iss_parameter_supported=False,
        )


CERTIFICATES: dict[str, tuple[dict[str, Any], bool, ProviderReason]] = {
    "unknown authority": ({}, False, ProviderReason.UNKNOWN_AUTHORITY),
    "expired": ({"since_days": -9, "until_days": -1}, True, ProviderReason.CERTIFICATE_EXPIRED),
    "not yet valid": ({"since_days": 1, "until_days": 9}, True, ProviderReason.CERTIFICATE_AHEAD),
    "another host": ({"names": ("provider.example",)}, True, ProviderReason.WRONG_HOST),
    "another address": ({"names": ("127.0.0.2",)}, True, ProviderReason.WRONG_HOST),
}


@pytest.mark.parametrize("client", ["discovery", "token endpoint"])
@pytest.mark.parametrize(("certificate", "trusted", "reason"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_every_client_names_each_fault_of_a_certificate(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    client: str,
    certificate: dict[str, Any],
    trusted: bool,
    reason: ProviderReason,
) -> None:
    for name in FOREIGN_VARIABLES:  # would be valid, and is not read
        monkeypatch.setenv(name, str(authority.file))
    with provider_with(authority, **certificate) as fake:
        settings = Settings(
            _env_file=None,
            oidc_issuer=fake.url,
            ca_bundle=authority.file if trusted else None,
            auth0_client_id="client",
        )
        with pytest.raises(ProviderUnavailable) as caught:
            clients(settings)[client]()
    assert caught.value.reason is reason


def test_public_authorities_are_trusted_beside_ones_own(authority: Authority) -> None:
    with provider_with(authority) as fake:
        session = bounded_session(Settings(_env_file=None, oidc_issuer=fake.url, ca_bundle=authority.file))
        assert session.get(f"{fake.url}.well-known/jwks.json").status_code == 200
        adapter: Any = session.get_adapter(fake.url)
        subjects = {
            dict(part[0] for part in each["subject"]).get("commonName") for each in adapter._context.get_ca_certs()
        }
    assert "A private authority" in subjects
    assert len(subjects) > 50


def test_the_proxy_of_the_settings_is_used_for_a_provider_elsewhere_only() -> None:
    elsewhere = Settings(_env_file=None, oidc_issuer="https://id.example/", provider_proxy="http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable) as caught:
        Discovery.of(elsewhere).metadata()
    assert caught.value.reason is ProviderReason.PROXY
    here = elsewhere.model_copy(update={"oidc_issuer": "https://127.0.0.1:9/"})
    with pytest.raises(ProviderUnavailable) as caught:
        Discovery.of(here).metadata()
    assert caught.value.reason is ProviderReason.REFUSED


def test_no_other_module_makes_a_client_of_its_own() -> None:
    """Else it has a rule of its own. The local tenant shares no code with the product."""
    makers = re.compile(
        r"requests\.(?:Session|get|post|put|delete|patch|head|request)\(|\(requests\.Session\):"
        r"|urlopen\(|PoolManager\(|httpx\."
    )
    modules = {
        str(path.relative_to(ROOT))
        for folder in ("app", "component", "remote_api", "pages", "db")
        for path in (ROOT / folder).rglob("*.py")
        if makers.search(path.read_text(encoding="utf-8"))
    }
    assert modules == {"app/core/http_client.py", "component/dev_tenant/tenant.py"}


# Settings


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("GATEHOUSE_CA_BUNDLE", "no-such-file.pem", "GATEHOUSE_CA_BUNDLE names a file that does not exist."),
        ("GATEHOUSE_CA_BUNDLE", "empty.pem", "GATEHOUSE_CA_BUNDLE names a file without a certificate"),
        ("GATEHOUSE_PROVIDER_PROXY", "proxy.example.com:3128", "GATEHOUSE_PROVIDER_PROXY must be an address such as"),
        (
            "GATEHOUSE_PROVIDER_PROXY",
            "socks5://proxy.example.com",
            "GATEHOUSE_PROVIDER_PROXY must be an address such as",
        ),
    ],
)
def test_a_setting_that_cannot_work_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        settings_loading.load(Process.CLI)
    assert any(mistake.startswith(expected) for mistake in caught.value.mistakes)


# The doctor


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


def test_the_doctor_names_each_fault_of_a_certificate_with_what_to_do(
    authority: Authority, doctor: Callable[..., str]
) -> None:
    for certificate, trusted, reason in CERTIFICATES.values():
        environment = {"GATEHOUSE_CA_BUNDLE": str(authority.file)} if trusted else {"GATEHOUSE_CA_BUNDLE": ""}
        with provider_with(authority, **certificate) as fake:
            assert doctor(fake.url, **environment).startswith(f"WRONG provider: {reason.sentence}")


def test_the_doctor_finds_nothing_wrong_with_what_works(authority: Authority, doctor: Callable[..., str]) -> None:
    with provider_with(authority) as fake:
        line = doctor(fake.url, GATEHOUSE_CA_BUNDLE=str(authority.file))
    assert line == "ok    provider: discovery answers for exactly this issuer, with keys that can be used"


def test_the_doctor_says_which_variable_of_others_is_not_read(authority: Authority, doctor: Callable[..., str]) -> None:
    with provider_with(authority) as fake:
        line = doctor(fake.url, REQUESTS_CA_BUNDLE=str(authority.file))
    assert " REQUESTS_CA_BUNDLE is set, and not read: use GATEHOUSE_CA_BUNDLE." in line


def _no_such_name(monkeypatch: pytest.MonkeyPatch, fake: FakeProvider) -> str:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    return "https://no-such-name.example/"


def _refused(monkeypatch: pytest.MonkeyPatch, fake: FakeProvider) -> str:
    fake.stop()
    return fake.url


def _not_tls(monkeypatch: pytest.MonkeyPatch, fake: FakeProvider) -> str:
    return fake.url.replace("http://", "https://")


def _no_usable_key(monkeypatch: pytest.MonkeyPatch, fake: FakeProvider) -> str:
    fake.issuer.published = []
    return fake.url


def _faulty(fault: Fault) -> Callable[[pytest.MonkeyPatch, FakeProvider], str]:
    def spoil(monkeypatch: pytest.MonkeyPatch, fake: FakeProvider) -> str:
        fake.issuer.discovery_fault = fault
        return fake.url

    return spoil


NETWORK: dict[str, tuple[Callable[[pytest.MonkeyPatch, FakeProvider], str], ProviderReason]] = {
    "unknown host": (_no_such_name, ProviderReason.DNS),
    "refused": (_refused, ProviderReason.REFUSED),
    "no TLS there": (_not_tls, ProviderReason.TLS),
    "another issuer": (_faulty(Fault.WRONG_ISSUER), ProviderReason.ISSUER),
    "no usable key": (_no_usable_key, ProviderReason.NO_KEYS),
}


@pytest.mark.parametrize(("spoil", "reason"), NETWORK.values(), ids=NETWORK)
def test_the_doctor_names_each_fault_of_the_network_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    doctor: Callable[..., str],
    spoil: Callable[[pytest.MonkeyPatch, FakeProvider], str],
    reason: ProviderReason,
) -> None:
    with FakeProvider(FakeClock().timestamp) as fake, monkeypatch.context() as patch:
        issuer = spoil(patch, fake)
        if reason is ProviderReason.DNS:
            with pytest.raises(ProviderUnavailable) as caught:
                Discovery(issuer).metadata()
            assert caught.value.reason is reason
            return
        line = doctor(issuer)
    assert line.startswith(f"WRONG provider: {reason.sentence}")
    if reason is ProviderReason.ISSUER:
        assert line.endswith(f"It names itself https://another-issuer.test/; configured is {fake.url}")


def _break_off(peer: socket.socket) -> None:
    peer.sendall(_http(b"{", length=99))
    peer.close()


def _http(body: bytes, status: str = "200 OK", *, length: int | None = None) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {length or len(body)}\r\nConnection: close\r\n\r\n".encode() + body


ANSWERS: dict[str, tuple[Callable[[socket.socket], object], ProviderReason]] = {
    "hangs up": (lambda peer: peer.close(), ProviderReason.BROKEN_OFF),
    "says nothing": (lambda peer: None, ProviderReason.TIMEOUT),
    "a page": (lambda peer: peer.sendall(_http(b"<html>It works!</html>")), ProviderReason.NOT_JSON),
    "a list": (lambda peer: peer.sendall(_http(b"[]")), ProviderReason.NOT_JSON),
    "an error": (lambda peer: peer.sendall(_http(b"{}", "404 Not Found")), ProviderReason.STATUS),
    "a redirect": (lambda peer: peer.sendall(_http(b"{}", "302 Found")), ProviderReason.STATUS),
    "too much": (lambda peer: peer.sendall(_http(b" " * 400_000)), ProviderReason.TOO_LARGE),
    "breaks off": (_break_off, ProviderReason.BROKEN_OFF),
}


@pytest.mark.parametrize(("answer", "reason"), ANSWERS.values(), ids=ANSWERS)
def test_each_answer_that_is_none(answer: Callable[[socket.socket], object], reason: ProviderReason) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        peers: list[socket.socket] = []

        def serve() -> None:
            peer, _ = server.accept()
            peers.append(peer)
            peer.recv(65_536)
            answer(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(ProviderUnavailable) as caught:
            Discovery(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_seconds=0.5).metadata()
        thread.join(5)
        for peer in peers:
            peer.close()
    assert caught.value.reason is reason
