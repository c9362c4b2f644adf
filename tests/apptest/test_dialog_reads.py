"""Dialogs and reviews whose reads fail while they are open: what is entered stays, and what was read last is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from streamlit.testing.v1 import AppTest

from app import testing
from tests import stub_responses
from tests.apptest.administration import CARD, Administration, button_keys, page_text
from tests.apptest.stubbed import AdministrationStub
from tests.apptest.tables import press, table
from tests.apptest.test_role_editor import open_review
from tests.stub_api import FAULTS, StubApi, StubResponse

DOWN = {"down": StubResponse(hang_up=True), "429": FAULTS["429"], "503": FAULTS["503"], "html": FAULTS["html"]}
MESSAGE = {
    "down": "Can't reach the server right now",
    "429": "Too many requests",
    "503": "The database does not answer",
    "html": "Can't reach the server right now",
}


@contextmanager
def failing(api: StubApi, fault: str, *paths: str) -> Iterator[None]:
    """Answer the reads of these paths with the fault while the block runs."""
    keys = [("GET", f"{stub_responses.BASE}/{path}") for path in paths]
    usual = {key: api.responses[key] for key in keys}
    api.responses.update(dict.fromkeys(keys, DOWN[fault]))
    yield
    api.responses.update(usual)


@pytest.mark.parametrize("fault", DOWN)
def test_a_grant_keeps_its_choice_and_reason(admin: Administration, fault: str) -> None:
    at, _ = admin.open(CARD)
    at.button(key="add-grant").click().run()
    at.radio(key="add-grant-chosen-role").set_value("developer")
    at.text_input(key="add-grant-reason").set_value("typed").run()
    with failing(admin.stub, fault, "roles", "permissions", "roles/permissions"):
        at.run()
        assert MESSAGE[fault] not in page_text(at), "the choices are those from before"
        at.text_input(key="add-grant-find-role").set_value("dev").run()
        assert MESSAGE[fault] in page_text(at), "and may not be those of another search"
        at.button(key="add-grant-role-failed-retry").click().run()
        at.segmented_control(key="add-grant-kind").set_value("A single permission").run()
        assert MESSAGE[fault] in page_text(at)
        assert at.text_input(key="add-grant-reason").value == "typed"
        at.button(key="add-grant-go").click().run()
        assert "Choose a role or permission first." in page_text(at)
        at.segmented_control(key="add-grant-kind").set_value("A role").run()
        at.text_input(key="add-grant-find-role").set_value("").run()
    assert not at.exception
    at.run()
    assert MESSAGE[fault] not in page_text(at)
    assert at.text_input(key="add-grant-reason").value == "typed"
    at.radio(key="add-grant-chosen-role").set_value("developer").run()
    at.button(key="add-grant-go").click().run()
    assert "add-grant-go" not in button_keys(at)
    assert admin.changes()[-1].json()["role"] == "developer"


@pytest.mark.parametrize("fault", DOWN)
def test_a_choice_stays_while_the_roles_cannot_be_read(admin: Administration, fault: str) -> None:
    at, _ = admin.open(CARD)
    at.button(key="add-grant").click().run()
    at.radio(key="add-grant-chosen-role").set_value("developer")
    at.text_input(key="add-grant-reason").set_value("typed").run()
    with failing(admin.stub, fault, "roles", "roles/permissions"):
        at.run()
        assert at.radio(key="add-grant-chosen-role").value == "developer"
        at.button(key="add-grant-go").click().run()
    assert admin.changes()[-1].json()["role"] == "developer"


@pytest.mark.parametrize(
    ("fault", "message"),
    [("401", "did not accept your sign-in"), ("403", "You may not do this"), ("404", "Not found")],
)
def test_a_user_who_may_not_read_roles_any_more_is_offered_none(
    admin: Administration, fault: str, message: str
) -> None:
    at, _ = admin.open(CARD)
    at.button(key="add-grant").click().run()
    admin.stub.responses["GET", f"{stub_responses.BASE}/roles"] = FAULTS[fault]
    at.run()
    assert not at.radio
    assert message in page_text(at)


def test_a_page_does_not_use_what_a_dialog_of_another_page_has_read() -> None:
    def script() -> None:
        import streamlit as st

        from app.core.errors import ServiceUnavailable
        from app.ui import dialogs

        def down() -> str:
            raise ServiceUnavailable

        def body() -> None:
            dialogs.read_or_last("part", "", lambda: "roles")
            st.text(dialogs.read_or_last("part", "", down)[0])

        dialogs.open_dialog("any", "/page")
        dialogs.show("Any", body)  # type: ignore[arg-type]
        try:
            dialogs.read_or_last("part", "", down)
        except ServiceUnavailable:
            st.text("raised")

    at = AppTest.from_function(script).run()
    assert not at.exception
    assert [text.value for text in at.text] == ["raised", "roles"]


def test_a_dialog_that_is_opened_while_the_api_is_down_offers_to_try_again(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    with failing(admin.stub, "down", "roles"):
        at.button(key="add-grant").click().run()
        assert not at.radio
        assert MESSAGE["down"] in page_text(at)
        at.text_input(key="add-grant-reason").set_value("typed").run()
    at.button(key="add-grant-role-failed-retry").click().run()
    assert len(at.radio(key="add-grant-chosen-role").options) > 1
    assert at.text_input(key="add-grant-reason").value == "typed"


@pytest.mark.parametrize("fault", DOWN)
def test_a_mapping_keeps_its_roles_and_reason(stub: AdministrationStub, fault: str) -> None:
    at = stub.open("mappings.py")
    press(at, "change", table(at)["rows"][0]["id"])
    at.multiselect(key="mapping-roles").set_value([2])
    at.text_input(key="mapping-reason").set_value("renamed").run()
    with failing(stub.api, fault, "roles", "roles/permissions"):
        at.run()
        assert MESSAGE[fault] not in page_text(at)
        assert (at.multiselect(key="mapping-roles").value, at.button(key="mapping-go").disabled) == ([2], False)
        at.multiselect(key="mapping-roles").set_value([1, 2]).run()
        assert MESSAGE[fault] in page_text(at)
        assert at.button(key="mapping-go").disabled, "whether the role may be granted is not known"
        assert at.text_input(key="mapping-reason").value == "renamed"
    at.run()
    assert MESSAGE[fault] not in page_text(at)
    assert at.multiselect(key="mapping-roles").value == [1, 2]
    assert at.text_input(key="mapping-reason").value == "renamed"
    assert not at.button(key="mapping-go").disabled


@pytest.mark.parametrize("fault", DOWN)
def test_a_deletion_keeps_the_other_role_and_the_reason(stub: AdministrationStub, fault: str) -> None:
    at = stub.open("roles.py", {"role": "3"})
    at.button(key="role-delete").click().run()
    at.selectbox(key="delete-move-to").set_value(2)
    at.text_input(key="delete-reason").set_value("no longer needed").run()
    with failing(stub.api, fault, "roles"):
        at.run()
        assert MESSAGE[fault] not in page_text(at)
        assert at.selectbox(key="delete-move-to").value == 2
        assert not at.button(key="delete-go").disabled
    assert at.text_input(key="delete-reason").value == "no longer needed"


@pytest.mark.parametrize("fault", DOWN)
def test_the_review_of_a_role_keeps_the_reason(stub: AdministrationStub, fault: str) -> None:
    at = open_review(stub)
    with failing(stub.api, fault, "roles/3"):
        at.run()
        assert MESSAGE[fault] in page_text(at)
        assert ("Your input is kept." in page_text(at)) is (fault != "429")
        assert not at.text_input
    at.button(key="retry").click().run()
    assert at.text_input(key="role-save-reason").value == "new work"
    at.button(key="role-save").click().run()
    assert stub.sent("PUT")[-1].json()["reason"] == "new work"


def test_a_page_that_fails_keeps_what_it_has_named_and_promises_no_more(stub: AdministrationStub) -> None:
    at = testing.open_app("/access")
    testing.sign_in_as(at, roles=("administrator",))
    testing.open_page(at, "access_matrix.py")
    at.multiselect(key="matrix-roles").set_value([2]).run()
    with failing(stub.api, "down", "guards"):
        at.run()
        assert not at.multiselect
        assert f"{MESSAGE['down']}. Try again in a moment. Your input is kept." in page_text(at).replace("*", "")
    at.button(key="retry").click().run()
    assert at.multiselect(key="matrix-roles").value == [2]
    for query, path in (({"role": "3", "compare": "2"}, "roles/2"), ({"role": "3"}, "roles/3")):
        at = stub.open("roles.py", query)
        with failing(stub.api, "down", path):
            at.run()
            assert MESSAGE["down"] in page_text(at)
            assert "Your input is kept." not in page_text(at), "there is none"


def test_the_search_for_a_mapping_stays_while_the_api_is_down(stub: AdministrationStub) -> None:
    at = stub.open("mappings.py")
    at.text_input(key="q").set_value("Cle").run()
    with failing(stub.api, "down", "mappings"):
        at.run()
        assert page_text(at).count(MESSAGE["down"]) == 1
        assert "token role arrived" not in page_text(at)
        assert at.text_input(key="q").value == "Cle"
    at.run()
    assert "1 token role arrived and is not mapped" in page_text(at)
