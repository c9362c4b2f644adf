"""The HTTP clients of the product: one rule for certificates and proxies, and a reason for each fault."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.core import settings_loading
from app.core.errors import ConfigurationError, ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.settings import ProcessKind, Settings
from app.core.tokens.discovery import Discovery, ProviderMetadata
from component.oidc.bounded_http import bounded_session
from component.oidc.provider import Provider
from tests.app.core.http_client.certificates import CERTIFICATES, provider_with
from tests.authority import Authority
from tests.clock import FakeClock
from tests.signin import sign_in_world
from tests.stack import ROOT

FOREIGN_VARIABLES = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"}


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
    with provider_with(authority) as fake, sign_in_world(fake, FakeClock(), ca_bundle=authority.file) as here:
        client = here.sign_in()
        assert here.cookies.session in client.cookies
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
        settings_loading.load(ProcessKind.CLI)
    assert any(mistake.startswith(expected) for mistake in caught.value.mistakes)
