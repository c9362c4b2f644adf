"""Overview: what needs attention, the numbers, and the latest changes."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from app import testing
from tests import stub_responses
from tests.apptest.administration import PATHS, Administration, page_text
from tests.apptest.tables import press, table, texts
from tests.stub_api import json_of


def test_what_needs_attention_links_to_the_page_for_it(admin: Administration) -> None:
    at, _ = admin.open("/admin")
    shown = page_text(at)
    for text in (
        "Only one permanent administrator", "1 role of the sign-in provider not mapped",
        "1,000+ people without a role", "1 permission not assigned", "1 permission not required anywhere",
        "1 role not assigned",
    ):  # fmt: skip
        assert text in shown
    assert "3 things to clean up" in expanders(at), "what is unused is no warning"
    links = page_links(at)
    assert links["people", "See administrators"] == "role=administrator"


def test_a_broken_audit_is_the_first_point_for_those_who_may_read_the_audit(admin: Administration) -> None:
    at, _ = admin.open("/admin")
    assert "The end of the audit" not in page_text(at)
    admin.stub.responses["GET", f"{stub_responses.BASE}/audit/chain"] = json_of(stub_responses.chain(sealed=False))
    at, _ = admin.open("/admin")
    for file in ("overview.py", "home.py"):
        testing.open_page(at, file)
        shown = page_text(at)
        assert "**The end of the audit is not as Gatehouse left it**" in shown
        assert shown.index("The end of the audit") < shown.index("Only one permanent administrator")
        assert page_links(at)["audit", "Verify all events"] == ""
    without, _ = admin.open("/admin", roles=(), permissions=("read:statistics",))
    assert "The end of the audit" not in page_text(without)
    assert not without.warning, "the state of the audit is not read for them"


def test_every_number_is_a_link_to_what_it_counts(admin: Administration) -> None:
    at, _ = admin.open("/admin")
    at.segmented_control(key="span").set_value("7 days").run()
    assert {label: (page, query) for (page, label), query in page_links(at).items() if label.startswith("**")} == {
        "**100,000** people": ("people", ""),
        "**1** blocked": ("people", "state=Blocked"),
        "**12** machines": ("people", "kind=Machines"),
        "**1,000+** sessions now": ("sessions", ""),
        "**6** roles": ("roles", ""),
        "**87** sign-ins in 7 days": ("audit", "kind=app%3Asession%3Abegin&since=2026-01-24"),
        "**30** refusals in 7 days": ("audit", "outcome=refused&since=2026-01-24"),
    }
    without, _ = admin.open("/admin", roles=(), permissions=("read:statistics",))
    assert not page_links(without)
    assert "**100,000** people" in page_text(without)


def test_recent_changes_say_what_changed_and_open_their_event(admin: Administration) -> None:
    at, _ = admin.open("/admin")
    [[change, _]] = texts(table(at))
    assert change == "Ada granted Bruno the role viewer, no expiry. Reason: joined"
    assert table(at)["rows"][0]["href"] == "audit?event=9"
    press(at, "open", "9")
    assert at.title[0].value == "Event 9"
    assert at.query_params["event"] == "9"


def expanders(at: AppTest) -> list[str]:
    return [expander.label for expander in at.expander]


def page_links(at: AppTest) -> dict[tuple[str, str], str]:
    """Page and label → the query of each link on the page."""
    links = [link.proto for link in at.get("page_link")]
    return {(link.page, link.label.replace("\\", "")): link.query_string for link in links}


def test_an_overview_without_anything_to_report(admin: Administration) -> None:
    quiet = stub_responses.statistics(
        unused_roles=[], permissions_held_by_nobody=[], permissions_asked_nowhere=[], unmapped_token_roles=[],
        people_without_roles=0, blocked_people=0, administrators=2,
    )  # fmt: skip
    admin.stub.responses["GET", f"{stub_responses.BASE}/statistics"] = json_of({**quiet, "days": []})
    admin.stub.responses["GET", f"{stub_responses.BASE}/audit"] = stub_responses.page("events", [])
    at, _ = admin.open("/admin")
    shown = page_text(at)
    assert "Nothing. Access does not depend on one person, and everyone has a role." in shown
    assert not expanders(at)
    assert shown.count("none in this time span.") == 2
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
    assert ("roles", "**1,005** roles") in page_links(at)
