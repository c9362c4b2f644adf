"""Guards of the component's events and of its front end."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal, TextRemoval

REMOVALS: Final[list[Removal | TextRemoval]] = [
    Removal(
        guard="a delegated API call requires its permission",
        at="app.component_events:call_api",
        without="@access.requires(...)",
        test="tests/apptest/test_component_events.py::test_the_host_checks_the_permission_first[roles0]",
    ),
    Removal(
        guard="only listed API calls can be delegated",
        at="app.component_events:call_api",
        without="not is_offered(...)",
        instead="False",
        test="tests/apptest/test_component_events.py::test_any_other_host_scheme_path_or_method_is_refused_and_audited",
    ),
    Removal(
        guard="a delegated response must not contain the token",
        at="app.api_client:explore",
        without="token is not None and token.encode() in response.content",
        instead="False",
        test="tests/apptest/test_component_events.py::test_a_token_in_a_response_never_reaches_the_browser",
    ),
    Removal(
        guard="a component's undeclared events are refused",
        at="component.event_channel:EventChannel._event",
        without="not isinstance(event, ContractViolation) and event.name not in allowed",
        instead="False",
        test="tests/component/test_events.py::test_an_event_that_this_component_does_not_accept_is_refused",
    ),
    Removal(
        guard="an event is handled once",
        at="component.event_channel:EventChannel._read",
        without="if number <= self.acknowledged: ...",
        instead="self.acknowledged = number - 1",
        test="tests/component/test_events.py::test_a_burst_is_handled_in_order_and_each_once",
    ),
    Removal(
        guard="the rate of events is limited",
        at="component.event_channel:EventChannel._read",
        without="not self._is_within_limit()",
        instead="False",
        test="tests/component/test_events.py::test_a_flood_is_cut_off_with_one_error_and_passes",
    ),
    TextRemoval(
        guard="scripted input is no user activity",
        file="component/frontend/user-activity.js",
        without="void (event.isTrusted && counts(event) && this.record())",
        instead="void (counts(event) && this.record())",
        test="tests/component/test_frontend.py::test_its_functions",
    ),
    TextRemoval(
        guard="only a failed request shows that the server is unreachable",
        file="component/frontend/reachability.js",
        without='      await this.request("/auth/session", {',
        instead='      if (navigator.onLine === false) return false\n      await this.request("/auth/session", {',
        test="tests/component/test_frontend.py::test_its_functions",
    ),
    Removal(
        guard="an event of a table counts only if the table offered it",
        at="app.ui.table:Table._press",
        without="(name == OPEN and offered.href) or (name in offered.actions and name in state.row_actions)",
        instead="True",
        test="tests/apptest/test_table.py::test_what_the_table_does_not_offer_is_ignored[revoke-7]",
    ),
    Removal(
        guard="a row's action counts only if the table draws it",
        at="app.ui.table:Table._press",
        without="name in state.row_actions",
        test="tests/apptest/test_table.py::test_an_action_that_the_table_does_not_draw_is_not_returned",
    ),
    Removal(
        guard="an action for selected rows counts only if the table offered it",
        at="app.ui.table:Table._press",
        without="name in state.bulk",
        test="tests/apptest/test_table.py::test_what_the_table_does_not_offer_is_ignored[erase-]",
    ),
    Removal(
        guard="rows of another page cannot be selected",
        at="app.ui.table:Table._receive",
        without="for row in state.rows.values() if state.bulk else (): ...",
        instead="state.selected.update(dict.fromkeys(selection.rows, 'a row'))",
        test="tests/apptest/test_table.py::test_rows_of_another_page_cannot_be_selected",
    ),
    Removal(
        guard="a selection made on another page selects nothing",
        at="app.ui.table:Table._receive",
        without="selection.page == str(state.turns)",
        test="tests/apptest/test_people_bulk_changes.py::test_the_selection_of_an_earlier_page_is_not_taken_for_one_of_this",
    ),
]
