"""The query of sign-in requests, validated: no repeated parameter, nothing oversized, text from outside cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request

from app.core.errors import ProviderRefused
from component.http.error_pages import REFUSED
from component.oidc.provider import cleaned_error, cleaned_text

_MAX_QUERY_CHARACTERS: Final = 16_384


def provider_refusal(query: Mapping[str, str]) -> ProviderRefused:
    """The provider's error response (OIDC Core §3.1.2.6). Auth0 sends ``unauthorized`` for a blocked user, too."""
    error = cleaned_error(query["error"])
    description = cleaned_text(query.get("error_description"))
    if error in {"unauthorized", "access_denied"} and "user is blocked" in description.lower():
        error, description = "user_blocked", ""
    return ProviderRefused(description, error=error if error in REFUSED else "")


def query_of(request: Request) -> dict[str, str]:
    """The parameters of a request's query, as ``parse_query`` has them."""
    return parse_query(request.url.query)


def parse_query(text: str) -> dict[str, str]:
    """The parameters of a query; a repeated one counts as absent (RFC 6749 §3.1), and so does an oversized query."""
    if len(text) > _MAX_QUERY_CHARACTERS:
        return {}
    try:
        parameters = parse_qs(text, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return {}
    return {name: values[0] for name, values in parameters.items() if len(values) == 1}
