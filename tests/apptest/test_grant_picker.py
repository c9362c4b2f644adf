"""The picker of a role or permission in the dialog that grants."""

from __future__ import annotations

from tests.apptest.administration import CARD, Administration


def test_the_only_role_that_a_search_leaves_is_chosen(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    at.button(key="add-grant").click().run()
    chosen = at.radio(key="add-grant-chosen-role")
    assert (len(chosen.options) > 1, chosen.value) == (True, None)
    at.text_input(key="add-grant-find-role").set_value("developer").run()
    assert at.radio(key="add-grant-chosen-role").value == "developer"
