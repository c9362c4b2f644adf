"""Discovery of the issuer (OpenID Connect Discovery 1.0 §4): where its endpoints and keys are, read with distrust.

The issuer must name itself exactly, answers are bounded, redirects are not followed, and plain http is accepted only
from an issuer on this machine.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from app.core.errors import ProviderUnavailable
from app.core.settings import is_loopback

WELL_KNOWN: Final = "/.well-known/openid-configuration"
MAX_ANSWER_BYTES: Final = 256 * 1024
MAX_AGE_SECONDS: Final = 3600.0
_CHUNK_BYTES: Final = 16 * 1024
_ADDRESS: Final = re.compile(r"[\x21-\x7e]{1,2048}")
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What the provider says of itself (OpenID Connect Discovery 1.0 §3); every address was checked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    revocation_endpoint: str | None
    userinfo_endpoint: str | None
    iss_parameter_supported: bool
    """Whether its answers carry ``iss`` (RFC 9207)."""
    account_selection_supported: bool = False
    """Whether it says that it knows ``prompt=select_account``; some that do not send the browser round in circles."""


class Discovery:
    """The metadata and key set of one issuer, for any thread.

    Metadata is kept for an hour and read by one caller at a time; the others wait for it. A failure raises
    ``ProviderUnavailable`` and is remembered for ``cooldown_seconds``, in which nothing is sent. Times are ``clock``'s
    seconds; ``timeout_seconds`` bounds connecting, each wait for data, and the whole body.
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
        self._http = requests.Session() if http is None else http
        if http is None and self._plain_http:
            self._http.trust_env = False  # no proxy stands between this machine and itself
        self._lock = threading.Lock()  # held while metadata is read
        self._known: tuple[ProviderMetadata, float] | None = None
        self._metadata_failed_at: float | None = None
        self._jwks_failed_at: float | None = None

    def metadata(self) -> ProviderMetadata:
        """The provider's metadata; raises ``ProviderUnavailable``."""
        known = self._fresh()
        if known is not None:
            return known
        # Connecting, waiting and reading take three timeouts at most; whoever waits longer than that is let go.
        if not self._lock.acquire(timeout=3 * self._timeout_seconds):
            raise ProviderUnavailable
        try:
            known = self._fresh()
            if known is not None:
                return known
            if self._cooling(self._metadata_failed_at):
                raise ProviderUnavailable
            try:
                known = self._read_metadata()
            except ProviderUnavailable:
                self._metadata_failed_at = self._clock()
                raise
            self._known = (known, self._clock())
            return known
        finally:
            self._lock.release()

    def fetch_jwks(self) -> Mapping[str, Any]:
        """The provider's key set, unread (RFC 7517 §5): always fetched. Raises ``ProviderUnavailable``."""
        address = self.metadata().jwks_uri
        if self._cooling(self._jwks_failed_at):
            raise ProviderUnavailable
        try:
            return self._get(address)
        except ProviderUnavailable:
            self._jwks_failed_at = self._clock()
            raise

    def _fresh(self) -> ProviderMetadata | None:
        known = self._known
        return known[0] if known is not None and self._clock() - known[1] < MAX_AGE_SECONDS else None

    def _cooling(self, failed_at: float | None) -> bool:
        return failed_at is not None and self._clock() - failed_at < self._cooldown_seconds

    def _read_metadata(self) -> ProviderMetadata:
        answer = self._get(self._endpoint(self._issuer.rstrip("/") + WELL_KNOWN))
        if answer.get("issuer") != self._issuer:
            raise ProviderUnavailable("The sign-in provider names itself differently than it is configured here.")
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
        """An address to which people, codes and tokens may be sent, or ``ProviderUnavailable``."""
        if isinstance(value, str) and _ADDRESS.fullmatch(value) and "\\" not in value:
            try:
                parts = urlsplit(value)
                plain = parts.hostname and parts.username is None and not parts.fragment and parts.port != 0
            except ValueError:
                plain = False
            if plain and (parts.scheme == "https" or (self._plain_http and _is_plain_loopback(value))):
                return value
        raise ProviderUnavailable("The sign-in provider published an address that is not safe to use.")

    def _get(self, address: str) -> Mapping[str, Any]:
        """A bounded JSON object from ``address``."""
        deadline = time.monotonic() + 2 * self._timeout_seconds
        body = bytearray()
        try:
            with self._http.get(
                address, timeout=self._timeout_seconds, allow_redirects=False, stream=True, headers=_HEADERS
            ) as response:
                packed = response.headers.get("Content-Encoding", "identity") != "identity"
                if response.status_code != requests.codes.ok or packed:
                    raise ProviderUnavailable
                # read1 hands over what has come; read would wait for a full chunk, however slowly it drips.
                while chunk := response.raw.read1(_CHUNK_BYTES):
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
                        raise ProviderUnavailable
            answer = json.loads(body)
        # Beside requests' own: urllib3's from read1, and what hostile addresses or bodies make of either (ValueError,
        # UnicodeError, RecursionError).
        except (requests.RequestException, HTTPError, OSError, ValueError, RecursionError):
            raise ProviderUnavailable from None
        if not isinstance(answer, dict):
            raise ProviderUnavailable
        return answer


def _lists(value: object, name: str) -> bool:
    return isinstance(value, list) and name in value


def _is_plain_loopback(address: str) -> bool:
    try:
        return urlsplit(address).scheme == "http" and is_loopback(address)
    except ValueError:
        return False
