"""What every list has in common: cursors, capped totals, declared filters and sorts only, strict and bounded values."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.core.administration_records import MAX_ROWS
from app.core.policy import Source
from tests.remote_api.world import ApiWorld, Caller

LISTS: Final = {
    # path: (member with the rows, filters and a good value of each)
    "/people": (
        "people",
        {
            "q": "a",
            "state": "active",
            "role": "viewer",
            "without_roles": "false",
            "machine": "true",
            "permission": "read:reports",
            "through": "direct",
            "source": "token",
            "seen_after": "2026-01-31T12:00:00Z",
            "seen_before": "2026-01-31T12:00:00+01:00",
            "sort": "name",
        },
    ),
    "/roles": ("roles", {"q": "a", "sort": "-people"}),
    "/permissions": ("permissions", {"q": "a"}),
    "/mappings": ("mappings", {"q": "a", "unmapped": "true", "sort": "-people"}),
    "/sessions": ("sessions", {"q": "a", "person": "1", "sort": "-since"}),
    "/audit": (
        "events",
        {
            "name": "a",
            "actor": "a",
            "target": "a",
            "kind": "app:session:begin",
            "outcome": "done",
            "since": "2026-01-31T12:00:00Z",
            "until": "2026-01-31T12:00:00.5+01:00",
            "sort": "at",
        },
    ),
}
TEXTS: Final = (("/people", "q"), ("/people", "role"), ("/roles", "q"), ("/permissions", "q"), ("/mappings", "q"),
                ("/sessions", "q"), ("/audit", "name"), ("/audit", "actor"), ("/audit", "target"),
                ("/audit", "kind"))  # fmt: skip
HOSTILE: Final = (
    "%", "_", "\\", "'", '"', "' OR 1=1 --", "a' UNION SELECT * FROM people --", "*", "?", "[a-z]", "a\u0308",
    "\U0001f469\u200d\U0001f4bb", "\ufdfa" * 20, "ﬁ", "İ", "ß", "{actor}", "<b>x</b>", "%00", "a" * 200,
)  # fmt: skip
REFUSED_TEXTS: Final = ("\x00", "a\nb", "\x1b[31m", "\x7f", "\u202eevil", "\u2066a", "\ufeff", "a" * 801)


def page(answer: Any, rows: str) -> tuple[list[Any], str | None]:
    """Rows and cursor of an answer that must be a page."""
    assert answer.status_code == 200, answer.text
    body = answer.json
    assert body.keys() == {rows, "next", "total", "total_capped"}
    assert body["total_capped"] is (body["total"] >= 1000)
    return body[rows], body["next"]


@pytest.mark.parametrize("path", LISTS)
def test_every_filter_is_declared_and_every_other_refused(admin: Caller, path: str) -> None:
    rows, filters = LISTS[path]
    for name, value in filters.items():
        page(admin.get(path, **{name: value}), rows)
    page(admin.get(path, **filters), rows)
    for name in ("id", "secret_hash", "sealed_tokens", "email_key", "order", "sort_by", "offset", "page", "q[]", "Q"):
        answer = admin.get(path, **{name: "1"})
        assert (answer.status_code, answer.json["code"]) == (422, "invalid-input"), name
        assert name not in answer.json["problems"] or name in filters, "what was sent is not repeated"


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/people", "state", "dead"),
        ("/people", "state", ""),
        ("/people", "machine", "yes"),
        ("/people", "machine", "1"),
        ("/people", "machine", "True"),
        ("/people", "without_roles", ""),
        ("/people", "permission", ""),
        ("/people", "permission", "read"),
        ("/people", "permission", "Read:Reports"),
        ("/people", "permission", "read:reports,read:people"),
        ("/people", "permission", "read:reports' OR 1=1 --"),
        ("/people", "through", "role"),
        ("/people", "through", "Direct"),
        ("/people", "source", "gift"),
        ("/people", "source", ""),
        ("/people", "seen_after", "7d"),
        ("/people", "seen_after", "2026-01-31"),
        ("/people", "seen_before", "1969-12-31T23:59:59Z"),
        ("/people", "sort", "secret_hash"),
        ("/people", "sort", "name desc"),
        ("/people", "sort", "email"),
        ("/people", "sort", "name,-first_seen_at"),
        ("/mappings", "unmapped", "on"),
        ("/mappings", "sort", "-roles"),
        ("/roles", "sort", "description"),
        ("/sessions", "sort", "-expires_at"),
        ("/audit", "sort", "kind"),
        ("/sessions", "person", "0"),
        ("/sessions", "person", "-1"),
        ("/sessions", "person", "1.0"),
        ("/sessions", "person", "1e3"),
        ("/sessions", "person", "٣"),
        ("/sessions", "person", " 1"),
        ("/sessions", "person", "1_0"),
        ("/sessions", "person", "007"),
        ("/sessions", "person", "9223372036854775808"),
        ("/sessions", "person", "9" * 400),
        ("/audit", "outcome", "broken"),
        ("/audit", "since", "2026-01-31"),
        ("/audit", "since", "2026-01-31T12:00:00"),
        ("/audit", "since", "1700000000"),
        ("/audit", "since", "2026-13-31T12:00:00Z"),
        ("/audit", "since", "1969-12-31T23:59:59Z"),
        ("/audit", "since", "0001-01-01T00:00:00+14:00"),
        ("/audit", "until", "9999-12-31T23:59:59-14:00"),
        ("/audit", "until", "now"),
        ("/statistics", "days", "0"),
        ("/statistics", "days", "366"),
        ("/statistics", "days", "abc"),
        ("/audit/chain", "full", "1"),
        ("/audit/export", "format", "xlsx"),
        ("/roles/permissions", "role", "x"),
    ],
)
def test_values_are_read_strictly(admin: Caller, path: str, name: str, value: str) -> None:
    answer = admin.get(path, **{name: value})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")
    assert any(field.startswith(name) for field in answer.json["problems"])


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "-1", str(MAX_ROWS + 1), "1e2", "", "all", "9" * 30, "1.5"])
def test_sizes_are_bounded(admin: Caller, path: str, limit: str) -> None:
    answer = admin.get(path, limit=limit)
    assert (answer.status_code, list(answer.json["problems"])) == (422, ["limit"])


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "cursor",
    ["x", "AAAA", "bnVsbA", "W10", "e30", "WzEsMl0", "../..", "a" * 3000, "a" * 3001, "é", "\x00", "' OR 1=1", "MQ=="],
)  # fmt: skip
def test_a_foreign_cursor_is_refused(admin: Caller, path: str, cursor: str) -> None:
    answer = admin.get(path, cursor=cursor)
    assert (answer.status_code, list(answer.json["problems"])) == (422, ["cursor"])


@pytest.mark.parametrize("where", TEXTS, ids=" ".join)
def test_hostile_texts_find_nothing_and_break_nothing(admin: Caller, where: tuple[str, str]) -> None:
    path, name = where
    for text in HOSTILE:
        page(admin.get(path, **{name: text[:100] if name == "kind" else text}), LISTS[path][0])
    for text in REFUSED_TEXTS:
        answer = admin.get(path, **{name: text})
        assert answer.status_code == 422, ascii(text)
        assert any(field.startswith(name) for field in answer.json["problems"])


def test_a_query_that_is_not_utf_8(admin: Caller) -> None:
    for raw in ("q=%FF%FE", "q=%ED%A0%80", "q=%F4%90%80%80", "%FF=1", "q=a&q=b", "q"):
        answer = admin.world.call(f"/api/v1/people?{raw}", admin.signed_in.token)
        assert answer.status_code in {200, 422}, raw
    assert admin.world.call("/api/v1/people?q=" + "a" * 5000, admin.signed_in.token).status_code == 400


def test_people_are_walked_by_cursor_each_once(world: ApiWorld, admin: Caller) -> None:
    names = {f"auth0|{number:02}" for number in range(23)}
    for name in names:
        world.person(name)
    for sort in ("name", "-name", "-last_seen_at", "last_seen_at", "-first_seen_at", "first_seen_at"):
        subjects: list[str] = []
        cursor, pages = "", 0
        while True:
            rows, following = page(admin.get("/people", limit=5, cursor=cursor, sort=sort), "people")
            subjects += [row["subject"]["subject"] for row in rows]
            pages += 1
            if following is None:
                break
            cursor = following
        assert len(subjects) == len(set(subjects)) == 24
        assert (set(subjects), pages) == (names | {"auth0|root"}, 5)
    assert admin.get("/people", limit=5, cursor=cursor, sort="name").status_code == 422, "a cursor is for its own query"
    assert admin.get("/people", cursor=cursor, q="a", sort="-first_seen_at").status_code == 422
    assert admin.get("/roles", cursor=cursor).status_code == 422


def test_people_who_have_a_permission(world: ApiWorld, admin: Caller) -> None:
    world.person("auth0|reads", roles=("viewer",))
    world.grant(world.person("auth0|direct"), permission="read:reports")
    world.grant(world.person("auth0|other"), permission="explore:api", source=Source.REQUEST)

    def subjects(**filters: str) -> set[str]:
        rows, _ = page(admin.get("/people", **filters), "people")
        return {row["subject"]["subject"] for row in rows}

    assert subjects(permission="read:reports") == {"auth0|root", "auth0|reads", "auth0|direct"}
    assert subjects(permission="read:reports", through="direct") == {"auth0|direct"}
    assert subjects(permission="read:reports", role="viewer") == {"auth0|reads"}
    assert subjects(permission="no:such") == subjects(permission="no:such", through="direct") == set()
    assert subjects(role="no such role", permission="read:reports") == set()
    assert subjects(through="direct") == subjects(), "without a permission it has no effect"
    assert subjects(source="scope") == set()
    assert subjects(source="request") == {"auth0|other"}
    assert subjects(source="request", permission="read:reports") == set()


def test_totals_stop_counting(world: ApiWorld, admin: Caller) -> None:
    with world.database.unit_of_work() as unit:
        for number in range(1005):
            unit.record_subject(world.subject(f"auth0|{number}"), world.clock(), machine=False)
        unit.commit()
    body = admin.get("/people", limit=1).json
    assert (body["total"], body["total_capped"], len(body["people"])) == (1000, True, 1)
