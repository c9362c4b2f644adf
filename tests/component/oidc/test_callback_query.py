"""The query of a sign-in request: repeated parameters count as absent, and an oversized query as empty."""

from __future__ import annotations

import pytest

from component.oidc.callback_query import parse_query


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        ("code=a&state=b", {"code": "a", "state": "b"}),
        ("code=a&error=", {"code": "a", "error": ""}),
        ("code=a&state=b&state=b", {"code": "a"}),
        ("code=a%26b+c", {"code": "a&b c"}),
        ("&".join(f"name{number}=1" for number in range(100)), {f"name{number}": "1" for number in range(100)}),
        ("&".join(f"name{number}=1" for number in range(101)), {}),
        ("code=" + "x" * 16_379, {"code": "x" * 16_379}),
        ("code=" + "x" * 16_380, {}),
    ],
    ids=["empty", "two", "no value", "repeated", "encoded", "100", "101", "the longest", "too long"],
)
def test_the_parameters_of_a_query(text: str, parameters: dict[str, str]) -> None:
    assert parse_query(text) == parameters
