"""Overview: what needs attention, the numbers, and the latest changes."""

from __future__ import annotations

from tests import stub_responses
from tests.apptest.administration import PATHS, Administration, page_text
from tests.stub_api import json_of


def test_what_needs_attention_links_to_the_page_for_it(admin: Administration) -> None:
    at, _ = admin.open("/admin")
    shown = page_text(at)
    for text in (
        "Only one permanent administrator", "1 role of the sign-in provider not mapped",
        "1,000+ people without a role", "1 permission not assigned", "1 permission not required anywhere",
        "1 role not assigned", "1 person blocked",
    ):  # fmt: skip
        assert text in shown
    assert {metric.label: metric.value for metric in at.metric} == {
        "People": "100,000", "Machines": "12", "Sessions now": "1,000+", "Roles": "6",
    }  # fmt: skip
    links = {(link.proto.page, link.proto.label): link.proto.query_string for link in at.get("page_link")}
    assert links["people", "See administrators"] == "role=administrator"


def test_an_overview_without_anything_to_report(admin: Administration) -> None:
    quiet = stub_responses.statistics(
        unused_roles=[], permissions_held_by_nobody=[], permissions_asked_nowhere=[], unmapped_token_roles=[],
        people_without_roles=0, blocked_people=0, administrators=2,
    )  # fmt: skip
    admin.stub.responses["GET", f"{stub_responses.BASE}/statistics"] = json_of({**quiet, "days": []})
    admin.stub.responses["GET", f"{stub_responses.BASE}/audit"] = stub_responses.page("events", [])
    at, _ = admin.open("/admin")
    shown = page_text(at)
    assert "Nothing. All roles and all required permissions are assigned." in shown
    assert shown.count("None in this time span.") == 2
    assert "No changes yet." in shown


def test_the_paths_of_the_tested_pages_are_those_of_the_navigation() -> None:
    from app.navigation import BY_FILE

    assert {file: f"/{BY_FILE[file].path}" for file in PATHS} == PATHS


def test_capped_counts_are_marked(admin: Administration) -> None:
    many_roles = stub_responses.statistics(unused_roles=[f"role-{n}" for n in range(20)], administrators=0)
    admin.stub.responses["GET", f"{stub_responses.BASE}/statistics"] = json_of(
        {**many_roles, "roles": 1005, "sessions": 1000}
    )
    at, _ = admin.open("/admin")
    assert "20+ roles not assigned" in page_text(at)
    assert "No administrator was appointed here" in page_text(at)
    assert {metric.label: metric.value for metric in at.metric}["Roles"] == "1,005"
