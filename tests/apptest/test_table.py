"""Tables: pages, order and selection are the server's, and only what was offered is accepted."""

from __future__ import annotations

import pytest

from app.admin.people import session_list
from app.ui import dialogs
from app.ui.table_parts import TableEvent
from tests import stub_responses
from tests.apptest.administration import Administration
from tests.apptest.tables import event, press, select, send, table, texts
from tests.stub_api import RecordedRequest, StubResponse, problem

PEOPLE = f"{stub_responses.BASE}/people"


def test_a_header_sorts_and_a_second_press_turns_the_order(admin: Administration) -> None:
    at, _ = admin.open("/people")
    assert table(at)["sort"] == {"key": "name", "descending": False}
    orders = []
    for _ in range(3):
        press(at, "sort", "seen")
        orders.append(admin.stub.last("GET").query["sort"])
    assert orders == [["-last_seen_at"], ["last_seen_at"], ["-last_seen_at"]]
    assert table(at)["sort"] == {"key": "seen", "descending": True}
    assert at.query_params["sort"] == "-last_seen_at"
    press(at, "sort", "name")
    assert "sort" not in at.query_params


def test_pages_turn_forward_and_back_and_stand_in_the_address(admin: Administration) -> None:
    at, _ = admin.open("/people")
    assert table(at)["pages"]["text"] == "1 to 25 of 40 people"
    assert (table(at)["pages"]["previous"], table(at)["pages"]["next"]) == (False, True)
    press(at, "next")
    assert table(at)["pages"]["text"] == "26 to 40 of 40 people"
    assert (table(at)["pages"]["previous"], table(at)["pages"]["next"]) == (True, False)
    assert at.query_params["page"] == "2"
    after = at.query_params["after"]
    press(at, "next")
    assert table(at)["pages"]["text"] == "26 to 40 of 40 people", "there is no third page"
    press(at, "previous")
    assert table(at)["pages"]["text"] == "1 to 25 of 40 people"
    assert not {"page", "after"} & set(at.query_params)
    again, _ = admin.open(f"/people?page=2&after={after}")
    assert table(again)["pages"]["text"] == "26 to 40 of 40 people"
    press(again, "previous")
    assert table(again)["pages"]["text"] == "1 to 25 of 40 people"


@pytest.mark.parametrize("query", ["page=2", "page=x&after=y", "page=-3", "rows=7", "sort=password", "page=1&after=x"])
def test_an_address_that_makes_no_sense_shows_the_first_page(admin: Administration, query: str) -> None:
    at, _ = admin.open(f"/people?{query}")
    assert table(at)["pages"]["text"] == "1 to 25 of 40 people"


def test_another_size_and_another_search_start_at_the_first_page(admin: Administration) -> None:
    at, _ = admin.open("/people")
    press(at, "next")
    press(at, "size", "50")
    assert table(at)["pages"]["text"] == "40 people"
    assert admin.stub.last("GET").query["limit"] == ["50"]
    press(at, "size", "7")
    assert admin.stub.last("GET").query["limit"] == ["50"]
    press(at, "size", "25")
    press(at, "next")
    at.text_input(key="q").set_value("Person 1").run()
    assert "cursor" not in admin.stub.last("GET").query


def test_a_cursor_whose_row_is_gone_returns_to_the_first_page(admin: Administration) -> None:
    at, _ = admin.open("/people")
    people = admin.stub.responses["GET", PEOPLE]

    def refuse_cursor(request: RecordedRequest) -> StubResponse:
        if "cursor" in request.query:
            return problem(422, "invalid-input", "Some of the input is not right", problems={"cursor": "Too old."})
        assert callable(people)
        return people(request)

    admin.stub.responses["GET", PEOPLE] = refuse_cursor
    press(at, "next")
    assert not at.warning
    assert table(at)["pages"]["text"] == "1 to 25 of 40 people"


def test_a_selection_lasts_over_pages_and_searches(admin: Administration) -> None:
    at, _ = admin.open("/people")
    select(at, [3, 5])
    assert (table(at)["selected"], table(at)["selectedElsewhere"]) == (["3", "5"], 0)
    press(at, "next")
    select(at, [30])
    assert (table(at)["selected"], table(at)["selectedElsewhere"]) == (["30"], 2)
    press(at, "previous")
    select(at, [5])
    assert (table(at)["selected"], table(at)["selectedElsewhere"]) == (["5"], 1)
    press(at, "clear")
    assert (table(at)["selected"], table(at)["selectedElsewhere"]) == ([], 0)


def test_an_event_is_handled_once(admin: Administration) -> None:
    at, _ = admin.open("/people")
    state = {"event": event("sort", "seen")}
    for _ in range(2):  # a front end sends its state in every run
        send(at, state)
        assert table(at)["sort"] == {"key": "seen", "descending": True}
        assert table(at)["handled"] == state["event"]["id"]
    at.run()
    assert table(at)["sort"] == {"key": "seen", "descending": True}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("open", "99"), ("open", ""), ("grant", "99"), ("revoke", "7"), ("erase", ""), ("sort", "state"), ("sort", "x"),
        ("previous", ""), ("size", "1000000"), ("", ""), ("open", "x" * 500),
    ],
)  # fmt: skip
def test_what_the_table_does_not_offer_is_ignored(
    admin: Administration, kind: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(dialogs, "open_dialog", lambda *arguments: opened.append(arguments))
    at, _ = admin.open("/people")
    select(at, [3])
    before = table(at)
    press(at, kind, value)
    after = table(at)
    assert not at.exception
    assert "person" not in at.query_params
    assert opened == []
    assert {**after, "handled": "", "page": ""} == {**before, "handled": "", "page": ""}


@pytest.mark.parametrize("kind", ["grant", "revoke", "block", "unblock", "end"])
def test_an_action_for_selected_rows_needs_one(admin: Administration, kind: str) -> None:
    at, _ = admin.open("/people")
    press(at, kind)
    assert "admin_dialog" not in at.session_state
    select(at, [3])
    press(at, kind)
    assert "admin_dialog" in at.session_state


def test_a_table_without_bulk_actions_takes_no_selection(admin: Administration) -> None:
    at, _ = admin.open("/people", roles=["auditor"])
    assert table(at)["selects"] is False
    select(at, [3])
    assert (table(at)["selected"], table(at)["selectedElsewhere"]) == ([], 0)


def test_an_action_that_the_table_does_not_draw_is_not_returned(
    admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows name their actions even where the administrator is offered none."""
    events: list[TableEvent | None] = []
    monkeypatch.setattr(session_list, "_handle", lambda event, *_: events.append(event))
    at, _ = admin.open("/sessions", roles=["auditor"])
    assert (table(at)["rows"][0]["actions"], table(at)["rowActions"]) == (["end-session"], [])
    press(at, "end-session", "ref-1")
    assert events == [None, None]
    at, _ = admin.open("/sessions")
    press(at, "end-session", "ref-1")
    assert events[2:] == [None, TableEvent("end-session", "ref-1")]


def test_rows_of_another_page_cannot_be_selected(admin: Administration) -> None:
    at, _ = admin.open("/people")
    select(at, [3, 30, "x", "<script>"])
    assert (table(at)["selected"], table(at)["selectedElsewhere"]) == (["3"], 0)


def test_texts_are_on_one_line_and_bounded(admin: Administration) -> None:
    name = "\u202eevil\n\x00" + "x" * 500
    admin.stub.responses["GET", PEOPLE] = stub_responses.page("people", [stub_responses.person(7, name)])
    at, _ = admin.open("/people")
    [[text, *_]] = texts(table(at))
    assert text.startswith("evil  x")
    assert len(text) <= 700
    assert len(table(at)["rows"][0]["label"]) == 80
