"""HTTP clients: the only module that creates sessions of ``requests``, and that translates their failures into causes.

No proxy, certificate bundle or password is read from the environment, where they are set for other programs
(decision 37). Certificates are checked against the public authorities and those of ``GATEHOUSE_CA_BUNDLE``.
"""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, LocationParseError, NewConnectionError
from urllib3.exceptions import TimeoutError as PoolTimeout
from urllib3.util import create_urllib3_context

from app.core.failure_reasons import ProviderReason


class AnswerTooLarge(requests.RequestException):
    """The response is larger than any that is expected there."""


_UNTRUSTED: Final = ProviderReason.UNKNOWN_AUTHORITY
_CERTIFICATES: Final[Mapping[int, ProviderReason]] = {
    2: _UNTRUSTED,  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
    18: _UNTRUSTED,  # DEPTH_ZERO_SELF_SIGNED_CERT
    19: _UNTRUSTED,  # SELF_SIGNED_CERT_IN_CHAIN
    20: _UNTRUSTED,  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: _UNTRUSTED,  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
    9: ProviderReason.CERTIFICATE_AHEAD,  # CERT_NOT_YET_VALID
    10: ProviderReason.CERTIFICATE_EXPIRED,  # CERT_HAS_EXPIRED
    62: ProviderReason.WRONG_HOST,  # HOSTNAME_MISMATCH
    64: ProviderReason.WRONG_HOST,  # IP_ADDRESS_MISMATCH
}
"""OpenSSL's verification error (``x509_vfy.h``) → cause."""
_EXACT: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], ProviderReason], ...]] = (
    (AnswerTooLarge, ProviderReason.TOO_LARGE),
    (requests.HTTPError, ProviderReason.STATUS),
    (ssl.SSLError, ProviderReason.TLS),
    (socket.gaierror, ProviderReason.DNS),
    (ConnectionRefusedError, ProviderReason.REFUSED),
    ((requests.Timeout, TimeoutError, PoolTimeout), ProviderReason.TIMEOUT),
)
"""Errors that identify the cause, at any position of the chain."""
_BY_TYPE: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], ProviderReason], ...]] = (
    ((requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, LocationParseError), ProviderReason.ENDPOINT),
    ((UnicodeEncodeError, requests.exceptions.MissingSchema), ProviderReason.ENDPOINT),
    ((ValueError, RecursionError), ProviderReason.NOT_JSON),  # of requests too, whose errors are all OSErrors
    ((OSError, HTTPError), ProviderReason.BROKEN_OFF),
)
"""Other errors, the most specific first."""
_OTHER: Final = ProviderReason.UNEXPECTED
_UNREACHABLE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_MAX_LINKS: Final = 50
_CHUNK_BYTES: Final = 16 * 1024


class PrivateAuthorities(HTTPAdapter):
    """An adapter whose connections trust the authorities in ``ca_bundle`` beside the public ones."""

    def __init__(self, *, ca_bundle: Path | None = None) -> None:
        self._context: ssl.SSLContext | None = None
        if ca_bundle is not None:
            self._context = create_urllib3_context()
            self._context.load_verify_locations(cafile=ca_bundle)
        super().__init__(pool_connections=2, pool_maxsize=16, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """As the library's; ``requests`` adds the public authorities to the context of each connection."""
        super().init_poolmanager(*args, **options | self._options())

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """The same for connections through a proxy."""
        return super().proxy_manager_for(*args, **options | self._options())

    def _options(self) -> dict[str, ssl.SSLContext]:
        return {"ssl_context": self._context} if self._context is not None else {}


class _Unredirected(requests.Session):
    """A session that follows no redirect: a call that allows redirects raises, others return the redirect."""

    def resolve_redirects(self, *args: Any, yield_requests: bool = False, **options: Any) -> Iterator[Any]:
        """As the library's, but ``Response.next`` is not computed, which would raise."""
        return iter(()) if yield_requests else super().resolve_redirects(*args, **options)


def http_session(
    *, ca_bundle: Path | None = None, proxy: str = "", adapter: type[PrivateAuthorities] = PrivateAuthorities
) -> requests.Session:
    """Return a pooled session that keeps no cookie, follows no redirect and ignores the environment.

    Args:
        ca_bundle: Certificates (PEM) of authorities that are trusted in addition to the public ones.
        proxy: Address of a proxy for every request; empty for none.
        adapter: Sends the requests.
    """
    session = _Unredirected()
    session.max_redirects = 0
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "Gatehouse"
    session.proxies = {"http": proxy, "https": proxy} if proxy else {}
    transport = adapter(ca_bundle=ca_bundle)
    session.mount("https://", transport)
    session.mount("http://", transport)
    return session


def read_bounded(response: requests.Response, *, max_bytes: int, deadline: float) -> bytes:
    """Read the whole body of a streamed response, within a size and a time.

    ``requests`` limits only the wait for each byte, so a server that drips bytes would occupy the thread indefinitely.

    Args:
        response: A response whose body has not been read (``stream=True``).
        max_bytes: How long the body may be, unpacked.
        deadline: When the body must be complete, by ``time.monotonic``.

    Returns:
        The body, unpacked.

    Raises:
        AnswerTooLarge: The body is longer; the rest of it has not been read.
        requests.Timeout: The deadline passed first.
        urllib3.exceptions.HTTPError: The connection failed; an ``OSError`` too.
    """
    body = bytearray()
    # ``read1`` returns what has arrived, so the deadline is checked between any two reads of the socket; ``read`` would
    # wait for a full chunk.
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > max_bytes:
            raise AnswerTooLarge
        if time.monotonic() > deadline:
            raise requests.Timeout("the answer took too long")
    return bytes(body)


def ca_bundle_mistake(path: Path) -> str:
    """Return what is wrong with a file of certificates; empty if it is valid."""
    if not path.is_file():
        return "names a file that does not exist"
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        return "names a file without a certificate (PEM: -----BEGIN CERTIFICATE-----)"
    return ""


def cause_of(error: BaseException) -> ProviderReason:
    """Return why a call failed: the first cause that the type of an error in its chain identifies."""
    chain = tuple(_chain(error))
    for link in chain:
        if isinstance(link, requests.exceptions.ProxyError):
            return ProviderReason.PROXY
    for link in chain:
        cause = _of(link)
        if cause is not None:
            return cause
    return next((cause for kinds, cause in _BY_TYPE if any(isinstance(link, kinds) for link in chain)), _OTHER)


def was_never_sent(error: BaseException) -> bool:
    """Return whether a call failed before any of its request was sent: no connection, or no trusted one."""
    unconnected = (requests.ConnectTimeout, NewConnectionError, ssl.SSLCertVerificationError)
    return any(isinstance(link, unconnected) for link in _chain(error))


def _of(link: BaseException) -> ProviderReason | None:
    if isinstance(link, ssl.SSLCertVerificationError):
        return _CERTIFICATES.get(link.verify_code, _UNTRUSTED)
    if isinstance(link, OSError) and link.errno in _UNREACHABLE:
        return ProviderReason.UNREACHABLE
    return next((cause for kinds, cause in _EXACT if isinstance(link, kinds)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, innermost first. The libraries keep some causes in ``args`` and ``reason``."""
    errors: list[BaseException] = [error]
    for link in errors:
        inner = [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
        errors += [
            cause for cause in inner if isinstance(cause, BaseException) and all(cause is not known for known in errors)
        ]
        if len(errors) > _MAX_LINKS:
            break
    return reversed(errors)
