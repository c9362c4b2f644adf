"""Discovery of the issuer's endpoints and keys (OpenID Connect Discovery 1.0 §4), with every response checked.

The issuer must name itself exactly, responses are bounded, redirects are not followed, and plain http is accepted only
from an issuer on this machine.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import requests

from app.core.client_addresses import is_loopback
from app.core.errors import ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.http_client import cause_of, http_session, read_bounded
from app.core.settings import Settings
from app.core.tokens.claims import clean

WELL_KNOWN: Final = "/.well-known/openid-configuration"
MAX_ANSWER_BYTES: Final = 256 * 1024
MAX_AGE_SECONDS: Final = 3600.0
_ADDRESS: Final = re.compile(r"[\x21-\x7e]{1,2048}")
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """The provider's metadata (OpenID Connect Discovery 1.0 §3), with every address checked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    revocation_endpoint: str | None
    userinfo_endpoint: str | None
    iss_parameter_supported: bool
    """Whether its authorization responses carry ``iss`` (RFC 9207)."""
    account_selection_supported: bool = False
    """Whether it announces ``prompt=select_account``; some providers without it redirect in a loop."""


class _Failure(NamedTuple):
    """The last failure, and its time."""

    at: float
    reason: ProviderReason | None
    evidence: str


class Discovery:
    """The metadata and key set of one issuer. Safe to use from any thread.

    Metadata is cached for an hour and fetched by one caller at a time; the others wait. A failure raises
    ``ProviderUnavailable`` and is cached for ``cooldown_seconds``, during which nothing is sent. Times are ``clock``'s
    seconds; ``timeout_seconds`` bounds the connection, each wait for data, and the whole body.
    """

    def __init__(
        self,
        issuer: str,
        *,
        cooldown_seconds: float = 5,
        clock: Callable[[], float] = time.monotonic,
        http: requests.Session | None = None,
        timeout_seconds: float = 5,
    ) -> None:
        self._issuer = issuer
        self._plain_http = _is_plain_loopback(issuer)
        self._cooldown_seconds = cooldown_seconds
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._http = http_session() if http is None else http
        self._lock = threading.Lock()  # held while metadata is read
        self._known: tuple[ProviderMetadata, float] | None = None
        self._metadata_failure: _Failure | None = None
        self._jwks_failure: _Failure | None = None

    @classmethod
    def of(cls, settings: Settings) -> Discovery:
        """Return the discovery of the issuer in these settings, through their proxy and certificates."""
        http = http_session(ca_bundle=settings.ca_bundle, proxy=settings.proxy_to_provider)
        return cls(settings.issuer, cooldown_seconds=settings.jwks_cooldown_seconds, http=http)

    def metadata(self) -> ProviderMetadata:
        """Return the provider's metadata, cached or fetched.

        Raises:
            ProviderUnavailable: if it cannot be fetched, or is not usable.
        """
        known = self._fresh()
        if known is not None:
            return known
        # Connecting, waiting and reading take three timeouts at most; no caller waits longer than that.
        if not self._lock.acquire(timeout=3 * self._timeout_seconds):
            raise ProviderUnavailable(reason=ProviderReason.TIMEOUT)
        try:
            known = self._fresh()
            if known is not None:
                return known
            self._check_cooldown(self._metadata_failure)
            try:
                known = self._read_metadata()
            except ProviderUnavailable as error:
                self._metadata_failure = _Failure(self._clock(), error.reason, error.evidence)
                raise
            self._known = (known, self._clock())
            return known
        finally:
            self._lock.release()

    def fetch_jwks(self) -> Mapping[str, Any]:
        """Fetch the provider's key set (RFC 7517 §5), unchecked.

        Raises:
            ProviderUnavailable: if it cannot be fetched.
        """
        address = self.metadata().jwks_uri
        self._check_cooldown(self._jwks_failure)
        try:
            return self._get(address)
        except ProviderUnavailable as error:
            self._jwks_failure = _Failure(self._clock(), error.reason, error.evidence)
            raise

    def _fresh(self) -> ProviderMetadata | None:
        known = self._known
        return known[0] if known is not None and self._clock() - known[1] < MAX_AGE_SECONDS else None

    def _check_cooldown(self, failure: _Failure | None) -> None:
        """Raise the last failure again during its cooldown."""
        if failure is None:
            return
        left = failure.at + self._cooldown_seconds - self._clock()
        if left > 0:
            seconds = math.ceil(left)
            raise ProviderUnavailable(reason=failure.reason, evidence=failure.evidence, retry_after_seconds=seconds)

    def _read_metadata(self) -> ProviderMetadata:
        answer = self._get(self._endpoint(self._issuer.rstrip("/") + WELL_KNOWN))
        if answer.get("issuer") != self._issuer:
            evidence = f"It names itself {clean(answer, 'issuer', 200) or 'nothing'}; configured is {self._issuer}"
            raise ProviderUnavailable(reason=ProviderReason.ISSUER, evidence=evidence)
        return ProviderMetadata(
            issuer=self._issuer,
            authorization_endpoint=self._endpoint(answer.get("authorization_endpoint")),
            token_endpoint=self._endpoint(answer.get("token_endpoint")),
            jwks_uri=self._endpoint(answer.get("jwks_uri")),
            end_session_endpoint=self._optional(answer.get("end_session_endpoint")),
            revocation_endpoint=self._optional(answer.get("revocation_endpoint")),
            userinfo_endpoint=self._optional(answer.get("userinfo_endpoint")),
            iss_parameter_supported=answer.get("authorization_response_iss_parameter_supported") is True,
            account_selection_supported=_lists(answer.get("prompt_values_supported"), "select_account"),
        )

    def _optional(self, value: object) -> str | None:
        return None if value is None else self._endpoint(value)

    def _endpoint(self, value: object) -> str:
        """An address that browsers, codes and tokens may be sent to; raises ``ProviderUnavailable`` otherwise."""
        if isinstance(value, str) and _ADDRESS.fullmatch(value) and "\\" not in value:
            try:
                parts = urlsplit(value)
                plain = parts.hostname and parts.username is None and not parts.fragment and parts.port != 0
            except ValueError:
                plain = False
            if plain and (parts.scheme == "https" or (self._plain_http and _is_plain_loopback(value))):
                return value
        raise ProviderUnavailable(reason=ProviderReason.ENDPOINT)

    def _get(self, address: str) -> Mapping[str, Any]:
        """Fetch a bounded JSON object from ``address``."""
        try:
            answer = json.loads(self._body(address))
        except ProviderUnavailable:
            raise
        # Whatever it is: the libraries below raise more than they document for hostile addresses and bodies.
        except Exception as error:  # noqa: BLE001
            raise ProviderUnavailable(reason=cause_of(error), evidence=f"Asked was {address}") from None
        if not isinstance(answer, dict):
            raise ProviderUnavailable(reason=ProviderReason.NOT_JSON, evidence=f"Asked was {address}")
        return answer

    def _body(self, address: str) -> bytes:
        deadline = time.monotonic() + 2 * self._timeout_seconds
        with self._http.get(
            address, timeout=self._timeout_seconds, allow_redirects=False, stream=True, headers=_HEADERS
        ) as response:
            packed = response.headers.get("Content-Encoding", "identity") != "identity"
            if response.status_code != requests.codes.ok or packed:
                evidence = f"{address} answers {response.status_code}"
                raise ProviderUnavailable(reason=ProviderReason.STATUS, evidence=evidence)
            return read_bounded(response, max_bytes=MAX_ANSWER_BYTES, deadline=deadline)


def _lists(value: object, name: str) -> bool:
    return isinstance(value, list) and name in value


def _is_plain_loopback(address: str) -> bool:
    try:
        return urlsplit(address).scheme == "http" and is_loopback(address)
    except ValueError:
        return False
