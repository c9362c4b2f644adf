"""Calls to the remote API as the signed-in person; its problems are raised again as our own error classes.

The token goes to the configured host only, redirects are not followed, path parts are encoded, answers are bounded.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter

from app import access
from app.core import correlation
from app.core.errors import (
    ApiUnavailable,
    ConfigurationError,
    GatehouseError,
    InvalidInput,
    NotHeld,
    PermissionDenied,
    ProviderRefused,
    StepUpRequired,
    TooManyRequests,
    Unauthenticated,
    all_errors,
)
from app.services import services

TIMEOUT_SECONDS: Final = (3.05, 20.0)
_ANSWER_MAX_BYTES: Final = 8 * 1024 * 1024
_NOT_ITS_OWN: Final = "The remote API answered something that is not its own."
_PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call as the API explorer shows it. Never holds the token itself."""

    method: str
    url: str
    with_token: bool
    status: int
    elapsed_ms: float
    content_type: str
    headers: Mapping[str, str]
    body: str


@cache
def _http() -> requests.Session:
    """The pooled connections of this process; cookies are never kept."""
    http = requests.Session()
    http.trust_env = False  # no proxies and no .netrc: the token goes to the configured host only
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=16, max_retries=0)
    http.mount("http://", adapter)
    http.mount("https://", adapter)
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return http


def usage(days: int) -> list[dict[str, Any]]:
    """The usage report: one entry a day, oldest first: day, sign_ins, denials, page_views (path → views)."""
    answer = _json("GET", "/api/v1/reports/usage", params={"days": str(days)})
    return list(answer["days"])


def usage_csv(days: int) -> bytes:
    """The usage report as a CSV file (UTF-8)."""
    return _call("GET", "/api/v1/reports/usage.csv", params={"days": str(days)}).content


def my_sessions() -> list[dict[str, Any]]:
    """The signed-in person's live sessions, newest first."""
    return list(_json("GET", "/api/v1/me/sessions")["sessions"])


def end_my_session(ref: str) -> None:
    """End one of the signed-in person's sessions; raises ``NotFound`` when it is gone already."""
    _call("DELETE", f"/api/v1/me/sessions/{quote(ref, safe='')}")


def end_my_other_sessions() -> int:
    """End all sessions of the signed-in person but this one; returns how many."""
    return int(_json("DELETE", "/api/v1/me/sessions")["ended"])


def explore(method: str, path: str, *, with_token: bool) -> Exchange:
    """Make one call for the API explorer and return what went and came, errors included.

    Raises ``ApiUnavailable`` when nothing answered. ``path`` is one of the explorer's own list.
    """
    answer = _send(method, path, token=_token() if with_token else None)
    return Exchange(
        method=method,
        url=f"{services().settings.remote_api_base_url}{path}",
        with_token=with_token,
        status=answer.status,
        elapsed_ms=answer.elapsed_ms,
        content_type=answer.headers.get("Content-Type", ""),
        headers={name: value for name, value in answer.headers.items() if name.lower() in _SHOWN_HEADERS},
        body=answer.content.decode(errors="replace")[:20_000],
    )


_SHOWN_HEADERS: Final = frozenset(
    {"content-type", "www-authenticate", "x-correlation-id", "cache-control", "retry-after", "etag"}
)


def _token() -> str:
    """The access token of the session that is asking; raises ``Unauthenticated`` for nobody."""
    session = access.current_session()
    if session is None:
        raise Unauthenticated("Sign in to go on.")
    return services().sessions.access_token(session.ref)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back, read whole and bounded."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    elapsed_ms: float


def _json(method: str, path: str, *, params: Mapping[str, str] | None = None) -> dict[str, Any]:
    body = _object(_call(method, path, params=params).content)
    if body is None:
        raise ApiUnavailable(_NOT_ITS_OWN)
    return body


def _call(method: str, path: str, *, params: Mapping[str, str] | None = None) -> _Answer:
    answer = _send(method, path, params=params, token=_token())
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own class of success
        return answer
    raise _problem(answer)


def _send(method: str, path: str, *, token: str | None, params: Mapping[str, str] | None = None) -> _Answer:
    """Send one request and read its answer; raises ``ApiUnavailable``."""
    headers = {correlation.HEADER: correlation.current(), "Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    url = f"{services().settings.remote_api_base_url}{path}"
    content = bytearray()
    begun = time.perf_counter()
    try:
        with _http().request(
            method, url, params=params, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as response:
            for chunk in response.iter_content(65536):
                content += chunk
                if len(content) > _ANSWER_MAX_BYTES:
                    raise ApiUnavailable(_NOT_ITS_OWN)
    except requests.RequestException as error:
        raise ApiUnavailable("The remote API does not answer. Try again in a moment.") from error
    return _Answer(response.status_code, response.headers, bytes(content), (time.perf_counter() - begun) * 1000)


def _object(content: bytes) -> dict[str, Any] | None:
    """The JSON object in ``content``; None when it is anything else."""
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _problem(answer: _Answer) -> GatehouseError:
    """The error a problem document stands for (RFC 9457); ``ApiUnavailable`` for anything that is not one."""
    is_problem = answer.headers.get("Content-Type", "").startswith(_PROBLEM)
    body = _object(answer.content) if is_problem else None
    if body is None:
        return ApiUnavailable(_NOT_ITS_OWN)
    build = _BUILDERS.get(str(body.get("code", "")))
    return build(body) if build is not None else GatehouseError(_detail(body))


def _detail(body: Mapping[str, Any]) -> str:
    return str(body.get("detail") or "")


def _plain_builder(cls: type[GatehouseError]) -> Callable[[Mapping[str, Any]], GatehouseError]:
    return lambda body: cls(_detail(body))


def _problems(body: Mapping[str, Any]) -> dict[str, str]:
    problems = body.get("problems")
    return {str(name): str(text) for name, text in problems.items()} if isinstance(problems, dict) else {}


def _names(body: Mapping[str, Any]) -> list[str]:
    names = body.get("permissions")
    return [str(name) for name in names] if isinstance(names, list) else []


def _seconds(body: Mapping[str, Any]) -> int:
    seconds = body.get("retry_after_seconds")
    return seconds if isinstance(seconds, int) else 1


def _step_up(body: Mapping[str, Any]) -> StepUpRequired:
    age = body.get("max_age")
    return StepUpRequired(
        str(body.get("permission", "")),
        _detail(body),
        max_age_seconds=age if isinstance(age, int) else None,
        acr=str(body.get("acr_values", "")),
    )


_BUILDERS: Final[dict[str, Callable[[Mapping[str, Any]], GatehouseError]]] = {
    **{cls.code: _plain_builder(cls) for cls in all_errors()},
    # Those whose making asks for more than a sentence:
    ConfigurationError.code: lambda body: ConfigurationError([_detail(body)]),
    PermissionDenied.code: lambda body: PermissionDenied(
        str(body.get("permission", "")), str(body.get("reason", "")), _detail(body)
    ),
    StepUpRequired.code: _step_up,
    NotHeld.code: lambda body: NotHeld(_names(body), _detail(body)),
    InvalidInput.code: lambda body: InvalidInput(_problems(body), _detail(body)),
    TooManyRequests.code: lambda body: TooManyRequests(_seconds(body), _detail(body)),
    ProviderRefused.code: lambda body: ProviderRefused(_detail(body), error=str(body.get("error", ""))),
}
"""Error code → how the error is made again from a problem document."""
