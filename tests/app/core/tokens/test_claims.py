"""The readers of single claims, on both sides of each of their limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.errors import TokenInvalid
from app.core.failure_reasons import ClaimReason, TokenReason
from app.core.tokens import claims as read
from app.core.tokens.hashes import at_hash, constant_time_equal
from tests.issuer import ABSENT

LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [(ABSENT, ""), ("a", "a"), ("a" * 255, "a" * 255), ("Zoë 💥", "Zoë 💥"), (" ", " "), ("ë" * 255, "ë" * 255)],
)
def test_identifiers_are_unchanged(value: Any, text: str) -> None:
    claims = {} if value is ABSENT else {"sub": value}
    assert read.identifier(claims, "sub") == text


@pytest.mark.parametrize("value", ["", None, 7, True, "a" * 256, "ë" * 256, "a\x00", "ë\x85", "a\u2028b"])
def test_anything_else_is_no_identifier(value: Any) -> None:
    with pytest.raises(TokenInvalid) as caught:
        read.identifier({"sub": value}, "sub")
    assert caught.value.reason is TokenReason.IDENTIFIER


def test_the_limit_of_an_identifier_is_the_callers() -> None:
    assert read.identifier({"jti": "abc"}, "jti", limit=3) == "abc"
    with pytest.raises(TokenInvalid):
        read.identifier({"jti": "abcd"}, "jti", limit=3)


@pytest.mark.parametrize("name", ["sid", "org_id"])
def test_two_identifiers_may_be_empty(name: str) -> None:
    assert [read.identifier({name: value}, name) for value in (None, "")] == ["", ""]
    values: list[Any] = [0, False, [], " \n"]
    for value in values:
        with pytest.raises(TokenInvalid):
            read.identifier({name: value}, name)


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 1, 1_800_000_000, LAST_DAY.timestamp()])
def test_times_are_numbers_of_seconds(value: float) -> None:
    seconds = read.seconds({"exp": value}, "exp")
    assert seconds == value
    assert type(seconds) is float


@pytest.mark.parametrize(
    "value", [None, True, False, "0", [0], -1, -0.5, LAST_DAY.timestamp() + 1, float("nan"), float("inf"), 10**30]
)
def test_anything_else_is_no_time(value: Any) -> None:
    with pytest.raises(TokenInvalid) as caught:
        read.seconds({"exp": value}, "exp")
    assert caught.value.reason is TokenReason.TIME_MALFORMED


def test_an_absent_time_is_none_and_an_instant_is_utc() -> None:
    assert read.seconds({"iat": 1}, "exp") is None
    assert read.instant(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert read.instant(LAST_DAY.timestamp()) == LAST_DAY


def test_audiences_are_a_text_or_a_list_of_texts() -> None:
    assert read.audiences({"aud": "a"}) == ("a",)
    assert read.audiences({"aud": ["a", "b"]}) == ("a", "b")
    assert read.audiences({"aud": []}) == ()
    for value in (None, 7, {"a": 1}, ["a", 7], [None]):
        with pytest.raises(TokenInvalid) as caught:
            read.audiences({"aud": value})
        assert caught.value.reason is TokenReason.AUDIENCE_MALFORMED


def test_members_are_dropped_beyond_the_callers_limit() -> None:
    def read_roles(value: Any) -> read.ClaimMembers:
        return read.members({"roles": value}, "roles", ClaimReason.ROLES, otherwise=None, limit=3)

    assert read_roles(["abc", "ëëë"]) == (frozenset({"abc", "ëëë"}), None)
    assert read_roles(["ab\x00"]) == (frozenset(), (ClaimReason.ROLES, 1, "with control characters"))
    assert read_roles("abcd") == (frozenset(), (ClaimReason.ROLES, 1, "longer than 3 characters"))
    assert read_roles(["abc", "abcd", "abcde"]) == (
        frozenset({"abc"}),
        (ClaimReason.ROLES, 2, "longer than 3 characters"),
    )
    assert read_roles(7) == read_roles(None) == read_roles("") == (frozenset(), None)
    names = ["a" * 255, "b" * 256]
    usable = read.members({"roles": names}, "roles", ClaimReason.ROLES, otherwise=None)
    assert usable == (frozenset({"a" * 255}), (ClaimReason.ROLES, 1, "longer than 255 characters"))


def test_words_are_separated_by_spaces_only() -> None:
    assert read.words({"scope": "a  b\u00a0c "}, "scope").members == {"a", "b\u00a0c"}
    assert read.words({"scope": ["a b", "c"]}, "scope").members == {"a", "b", "c"}
    assert read.words({}, "scope") == (frozenset(), None)
    assert read.words({"scope": "a" * 255}, "scope").members == {"a" * 255}
    with pytest.raises(TokenInvalid) as caught:
        read.words({"scope": 7}, "scope")
    assert caught.value.reason is TokenReason.SCOPE


def test_texts_for_display_are_cleaned_before_they_are_cut() -> None:
    assert read.clean({"name": " \x00ab\u202ecd "}, "name", 3) == "abc"
    assert read.clean({"name": "abc"}, "name", 3) == "abc"
    assert read.clean({"name": 7}, "name", 3) == read.clean({}, "name", 3) == ""


def picture_of(value: Any) -> str:
    return read.picture({"picture": value})


def test_pictures_are_plain_https_of_bounded_length() -> None:
    longest = "https://example.com/" + "a" * (2048 - 20)
    for address in (longest, "https://example.com", "https://example.com:8443/a.png?b=c#d", "HTTPS://example.com/"):
        assert picture_of(address) == address
    for address in (
        longest + "a",
        "https://example.com:0/",
        "https://user@example.com/",
        "https://@example.com/",
        "https:/example.com/",
        "https:///example.com",
        "https://example.com:port/",
        "ftp://example.com/",
        "https://example.com/{a}",
        "https://example.com/`",
        "",
    ):
        assert picture_of(address) == "", address


def test_methods_are_texts_of_bounded_length() -> None:
    assert read.methods({"amr": ["pwd", "a" * 255, "a" * 256, 7, "", "a\x00"]}) == {"pwd", "a" * 255}
    assert read.methods({"amr": "pwd"}) == read.methods({}) == frozenset()


@pytest.mark.parametrize(
    ("sub", "client_id", "grant_type", "machine"),
    [
        ("auth0|ann", "app", "client-credentials", True),
        ("robot@clients", "", None, True),
        ("auth0|robot@clients", "app", None, False),
        ("robot", "robot", None, True),
        ("robot", "app", None, False),
        ("", "", None, False),
        ("auth0|ann", "app", "password", False),
    ],
)
def test_a_machine_is_a_client_itself(sub: str, client_id: str, grant_type: Any, machine: bool) -> None:
    assert read.is_machine(sub, client_id, grant_type) is machine


def test_at_hash_is_that_of_the_specification() -> None:
    """OIDC Core, appendix A.3."""
    access_token = "jHkWEdUXMU1BwAsC4v" + "tUsZwnNvTIxEl0z9K3" + "vx5KF0Y"
    assert at_hash(access_token) == "77QmUPtjPfzWtF2AnpK9RQ"


def test_comparison_takes_any_value_and_any_text() -> None:
    assert constant_time_equal("n-1", "n-1")
    assert constant_time_equal("\ud800", "\ud800")
    for value in ("n-2", "", "N-1", None, 7, b"n-1", ["n-1"], "\ud800"):
        assert constant_time_equal(value, "n-1") is False
