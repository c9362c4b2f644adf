"""The address behind "Sign in", as a run of a script builds it."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
from app.core.assurance import SignInRequirement
from app.sign_in import sign_in_url
from component.events import SignInMode
st.text(sign_in_url({arguments}))
"""


def login_query(arguments: str, *, url: str = "http://localhost:8501/reports", **query: str) -> dict[str, str]:
    """The query of the address; each parameter at most once."""
    at = AppTest.from_string(SCRIPT.format(arguments=arguments))
    at.context = {"url": url}
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    parts = urlsplit(at.text[0].value)
    assert (parts.scheme, parts.netloc, parts.path) == ("", "", "/auth/login")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        ("", {}),
        ("SignInMode.POPUP", {"mode": "popup"}),
        ("SignInMode.SILENT", {"silent": "1"}),
        ("another_account=True", {"another": "1"}),
        (
            "connection='google-oauth2', organization='org', login_hint='a@b.eu', screen_hint='signup', ui_locales='d'",
            {
                "connection": "google-oauth2",
                "organization": "org",
                "login_hint": "a@b.eu",
                "screen_hint": "signup",
                "ui_locales": "d",
            },
        ),
        ("step_up=SignInRequirement(max_age_seconds=300, acr='urn:x')",
         {"step_up": "1", "max_age": "300", "acr_values": "urn:x"}),
        # values of a wrong form are omitted
        ("connection='a b', organization='a/b', login_hint='x\\n', screen_hint='x', ui_locales=';'", {}),
    ],
)  # fmt: skip
def test_the_address_has_only_the_requested_parameters(arguments: str, extra: dict[str, str]) -> None:
    assert login_query(arguments) == {"return_to": "/reports"} | extra


def test_the_address_returns_to_the_page_with_its_query() -> None:
    query = login_query("", range="7 days", town="Zürich&x=1")
    assert query["return_to"] == "/reports?range=7+days&town=Z%C3%BCrich%26x%3D1"
    assert login_query("", url="http://localhost:8501/")["return_to"] == "/"
    assert login_query("return_to='/csv?a=1'", range="7 days")["return_to"] == "/csv?a=1"
    assert login_query("return_to='//evil.example/x'")["return_to"] == "/"
