"""``gatehouse doctor`` names each fault of the network and of certificates."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from app.core.errors import ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.tokens.discovery import Discovery
from tests.app.core.http_client.certificates import CERTIFICATES, provider_with
from tests.authority import Authority
from tests.clock import FakeClock
from tests.issuer import Fault
from tests.provider import FakeProvider


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
def test_each_invalid_response_has_a_reason(answer: Callable[[socket.socket], object], reason: ProviderReason) -> None:
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
