"""Roles, matrix, mappings and audit while the remote API fails: explained on the page, and nothing typed is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from app import api_transport
from app.core.clock import utc_now
from app.core.policy import Source
from app.core.records import NewGrant
from tests.apptest.stubbed import Told, chain, event, told, words
from tests.apptest.test_faults import HOSTILE
from tests.ports import free_port
from tests.stub_api import FAULTS, StubResponse, json_of, problem

FAULTY = ["401", "403", "404", "409", "412", "422", "428", "429", "500", "500 html", "503", "html", "list", "cut"]
READS = [
    ("roles.py", {}, "roles"),
    ("roles.py", {"role": "3"}, "roles/3"),
    ("roles.py", {"role": "3", "compare": "2"}, "roles/2"),
    ("roles.py", {"role": "3", "edit": "yes"}, "permissions"),
    ("access_matrix.py", {}, "guards"),
    ("access_matrix.py", {}, "roles/permissions"),
    ("mappings.py", {}, "mappings"),
    ("audit.py", {}, "audit"),
    ("audit.py", {}, "audit/kinds"),
    ("audit.py", {}, "audit/chain"),
    ("audit.py", {"event": "9"}, "audit/9"),
]


@pytest.fixture
def stub() -> Iterator[Told]:
    with told() as ready:
        yield ready


def explained(at: AppTest) -> str:
    """What the page says went wrong; a page that says nothing, or shows a bug, fails."""
    assert not at.exception
    said = [element.value for element in [*at.error, *at.warning]]
    return "\n".join(said).replace("\\", "") or words(at)


CASES = [(*read, fault) for read in READS for fault in ("403", "429", "500", "html")]
CASES += [(*READS[0], fault) for fault in FAULTY if fault not in {"403", "429", "500", "html"}]


@pytest.mark.parametrize(("file", "query", "path", "fault"), CASES, ids=str)
def test_what_cannot_be_read_is_explained(stub: Told, file: str, query: dict[str, str], path: str, fault: str) -> None:
    stub.answer("GET", path, FAULTS[fault])
    at = stub.open(file, query)
    said = explained(at)
    assert any(
        expected in said
        for expected in ("Something went wrong", "does not answer", "not accept", "not valid", "may not", "Not found",
                         "must stay", "meanwhile", "not right", "Name the version", "Too many", "No such role",
                         "no event with this number")
    ), said  # fmt: skip
    assert "Traceback" not in said
    assert "<h1>" not in words(at)


@pytest.mark.parametrize("file", ["roles.py", "access_matrix.py", "mappings.py", "audit.py"])
def test_the_api_is_down(stub: Told, file: str) -> None:
    settings = stub.services.settings.model_copy(update={"remote_api_base_url": f"http://localhost:{free_port()}"})
    object.__setattr__(stub.services, "settings", settings)
    at = stub.open(file)
    assert "The remote API does not answer" in explained(at)
    assert at.button(key="retry").label == "Try again"


def test_the_api_is_silent(stub: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_transport, "TIMEOUT_SECONDS", (5.0, 0.2))
    over = threading.Event()
    stub.answer("GET", "roles", StubResponse(200, b"{}", {"Content-Type": "application/json"}, until=over))
    at = stub.open("roles.py")
    over.set()
    assert "The remote API does not answer" in explained(at)


def reviewing(stub: Told) -> AppTest:
    """An edit of the role clerk, at its review, with a reason."""
    at = stub.open("roles.py", {"role": "3", "edit": "yes"})
    for name, wanted in (("export:reports", True), ("read:people", False)):
        (box,) = [box for box in at.checkbox if str(box.key).endswith(f"-has-{name}")]
        box.set_value(wanted)
    at.text_input[0].set_value("front clerk")
    at.run()
    at.button(key="role-review").click().run()
    return at.text_input(key="role-save-reason").set_value("new work").run()


def test_the_review_says_what_saving_does(stub: Told) -> None:
    said = words(reviewing(stub))
    for sentence in (
        "**Name:** clerk :material/arrow_forward: front clerk",
        "**34 people hold** this role.",
        "**2 live sessions** are affected",
        "Added: 1 permission",
        "30 people gain it. Some have it already through analyst.",
        "Removed: 1 permission",
        "1 person loses it. :material/warning: Another role gives it too: auditor. Who holds that keeps it.",
    ):
        assert sentence in said


def test_what_is_saved_is_what_was_reviewed_and_can_be_taken_back(stub: Told) -> None:
    at = reviewing(stub)
    saved = {**stub.roles[2], "name": "front clerk", "permissions": ["read:reports", "export:reports"], "version": "v4"}
    stub.answer("PUT", "roles/3", json_of(saved))
    at.button(key="role-save").click().run()
    (put,) = stub.sent("PUT")
    assert put.headers["if-match"] == '"v3"'
    assert put.json() == {
        "name": "front clerk",
        "description": "Is clerk.",
        "permissions": ["export:reports", "read:reports"],
        "reason": "new work",
    }
    assert "was changed: 1 added and 1 removed" in words(at)
    at.button(key="undo").click().run()
    back = stub.sent("PUT")[-1]
    assert back.headers["if-match"] == '"v4"'
    assert back.json()["permissions"] == ["read:people", "read:reports"]
    assert back.json()["name"] == "clerk"
    assert "is as it was before" in words(at)


def test_nothing_is_saved_without_a_reason(stub: Told) -> None:
    at = reviewing(stub)
    at.text_input(key="role-save-reason").set_value("  ").run()
    at.button(key="role-save").click().run()
    assert "Say why" in explained(at)
    assert stub.sent("PUT") == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (FAULTS["401"], "did not accept your sign-in"),
        (FAULTS["403"], "permission that you do not have"),
        (problem(403, "not-held", "You can grant only what you have yourself", permissions=["export:reports"]),
         "what you do not hold: download the usage report as a file"),
        (problem(409, "name-taken", "The name is taken", "A role that looks like it is there."), "The name is taken"),
        (problem(409, "last-administrator", "The last administrator must stay"), "must stay"),
        (FAULTS["422"], "It is too long."),
        (FAULTS["428"], "Name the version"),
        (FAULTS["429"], "Wait 7 seconds"),
        (FAULTS["500"], "Something went wrong"),
        (FAULTS["html"], "may have been kept all the same"),
        (FAULTS["503"], "does not answer"),
    ],
)  # fmt: skip
def test_a_save_that_fails_says_why_and_keeps_everything(stub: Told, given: StubResponse, said: str) -> None:
    at = reviewing(stub)
    stub.answer("PUT", "roles/3", given)
    at.button(key="role-save").click().run()
    assert said in explained(at)
    assert at.text_input(key="role-save-reason").value == "new work"
    assert "Added: 1 permission" in words(at)
    at.button(key="role-back").click().run()
    assert at.text_input[0].value == "front clerk"
    ticked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.value}
    assert ticked == {"export:reports", "read:reports"}


def test_a_role_changed_meanwhile_shows_both_and_loses_neither(stub: Told) -> None:
    at = reviewing(stub)
    stub.answer("PUT", "roles/3", FAULTS["412"])
    theirs = {**stub.roles[2], "description": "Theirs.", "permissions": ["read:people", "read:roles"], "version": "v9"}
    stub.answer("GET", "roles/3", json_of(theirs))
    at.button(key="role-save").click().run()
    said = words(at)
    assert "Somebody changed this role while you were at it" in said
    assert "**What it is for:** Is clerk. :material/arrow_forward: Theirs." in said
    assert "See roles, the permissions in them" in said
    assert "**Name:** clerk :material/arrow_forward: front clerk" in said
    assert "Download the usage report as a file" in said
    at.button(key="meanwhile-on-top").click().run()
    stub.answer("PUT", "roles/3", json_of(theirs))
    at.text_input(key="role-save-reason").set_value("new work").run()
    at.button(key="role-save").click().run()
    put = stub.sent("PUT")[-1]
    assert put.headers["if-match"] == '"v9"'
    assert put.json() == {
        "name": "front clerk",
        "description": "Theirs.",
        "permissions": ["export:reports", "read:roles"],
        "reason": "new work",
    }


def test_theirs_can_be_kept_instead(stub: Told) -> None:
    at = reviewing(stub)
    stub.answer("PUT", "roles/3", FAULTS["412"])
    at.button(key="role-save").click().run()
    at.button(key="meanwhile-theirs-only").click().run()
    assert at.title[0].value == "clerk"
    assert len(stub.sent("PUT")) == 1


def test_a_role_deleted_meanwhile_can_be_made_anew_from_the_edit(stub: Told) -> None:
    at = reviewing(stub)
    stub.answer("POST", "roles/3/review", FAULTS["404"])
    at.run()
    assert "Somebody deleted this role meanwhile" in explained(at)
    at.button(key="role-as-new").click().run()
    assert at.title[0].value == "Make a role"
    assert at.text_input[0].value == "front clerk"
    ticked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.value}
    assert ticked == {"export:reports", "read:reports"}


def test_a_role_is_deleted_only_with_a_place_for_its_people(stub: Told) -> None:
    at = stub.open("roles.py", {"role": "3"})
    at.button(key="role-delete").click().run()
    assert "34 people hold it" in words(at)
    assert at.button(key="delete-go").disabled
    at.selectbox(key="delete-move-to").set_value(2).run()
    at.text_input(key="delete-reason").set_value("nobody does it").run()
    stub.answer("DELETE", "roles/3", FAULTS["429"])
    at.button(key="delete-go").click().run()
    assert "Wait 7 seconds" in explained(at)
    assert at.text_input(key="delete-reason").value == "nobody does it"
    assert at.selectbox(key="delete-move-to").value == 2
    stub.answer("DELETE", "roles/3", json_of({"moved": 34}))
    at.button(key="delete-go").click().run()
    gone = stub.sent("DELETE")[-1]
    assert gone.query == {"move_to": ["2"], "reason": ["nobody does it"]}
    assert gone.headers["if-match"] == '"v3"'
    assert "34 people got viewer instead" in words(at)
    assert at.title[0].value == "Roles"


def test_a_mapping_change_says_what_it_does_and_survives_faults(stub: Told) -> None:
    at = stub.open("mappings.py")
    assert "1 token role arrived and is mapped nowhere" in words(at)
    at.button(key="mapping-change-0").click().run()
    at.multiselect(key="mapping-roles").set_value([2]).run()
    said = words(at)
    assert "12 people whose last sign-in brought it get viewer, at once." in said
    assert "12 people whose last sign-in brought it lose clerk at once, unless they have it in another way too." in said
    at.text_input(key="mapping-reason").set_value("renamed").run()
    for fault in ("429", "500", "html", "422"):
        stub.answer("PUT", "mappings", FAULTS[fault])
        at.button(key="mapping-go").click().run()
        explained(at)
        assert at.text_input(key="mapping-reason").value == "renamed"
        assert at.multiselect(key="mapping-roles").value == [2]
    stub.answer("PUT", "mappings", FAULTS["412"])
    stub.mappings[0] |= {"roles": [{"id": 1, "name": "administrator"}], "version": "m7"}
    at.button(key="mapping-go").click().run()
    assert "It was changed meanwhile" in explained(at)
    changed = {**stub.mappings[0], "roles": [{"id": 2, "name": "viewer"}], "version": "m8"}
    stub.answer("PUT", "mappings", json_of({"mapping": changed, "people_changed": 12}))
    at.button(key="mapping-go").click().run()
    put = stub.sent("PUT")[-1]
    assert put.headers["if-match"] == '"m7"'
    assert put.json() == {"token_role": "Clerks", "roles": [2], "reason": "renamed"}
    assert "It changed what 12 people may do." in words(at)
    at.button(key="undo").click().run()
    assert stub.sent("PUT")[-1].json()["roles"] == [1]
    assert stub.sent("PUT")[-1].headers["if-match"] == '"m8"'


@pytest.mark.parametrize("fault", ["403", "429", "500", "html", "cut"])
def test_an_export_that_fails_offers_no_file(stub: Told, fault: str) -> None:
    at = stub.open("audit.py")
    given = FAULTS[fault]
    if fault == "cut":
        given = StubResponse(200, b"seq,at\n1,x\n", {"Content-Type": "text/csv"}, cut=True)
    stub.answer("GET", "audit/export", given)
    at.button(key="audit-prepare").click().run()
    explained(at)
    assert not at.get("download_button")
    assert not at.button(key="audit-prepare").disabled


def test_verifying_says_what_it_found(stub: Told) -> None:
    at = stub.open("audit.py")
    for answer, said in (
        (json_of(chain(verified=True, good=True, events=9)), "All 9 events are whole"),
        (json_of(chain(verified=True, good=False, events=9, problems=["Event 4 was changed."])), "Event 4 was"),
        (json_of(chain(verified=False, good=True, events=5)), "not been followed to its end"),
        (FAULTS["429"], "being verified already"),
        (FAULTS["500"], "Something went wrong"),
    ):
        stub.api.responses["GET", "/api/v1/audit/chain"] = lambda wanted, answer=answer: (  # type: ignore[misc]
            answer if "full" in wanted.query else json_of(chain())
        )
        at.button(key="audit-verify").click().run()
        assert not at.exception
        assert said in words(at)


def test_a_broken_end_of_the_audit_is_an_alarm(stub: Told) -> None:
    stub.answer("GET", "audit/chain", json_of(chain(sealed=False, boundary_seq=3)))
    assert "not as Gatehouse left it" in explained(stub.open("audit.py"))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_texts_are_text(stub: Told, name: str) -> None:
    stub.roles[2] |= {"name": name, "description": name, "token_roles": [name]}
    stub.answer("GET", "roles/3", json_of(stub.roles[2]))
    stub.mappings[0] |= {"token_role": name, "roles": [{"id": 3, "name": name}]}
    stub.events[:] = [
        event(sentence=name, actor=name, target=name, reason=name, address=name, kind=name, details={"x": name})
    ]
    for file, query in (
        ("roles.py", {}), ("roles.py", {"role": "3"}), ("roles.py", {"role": "3", "compare": "2"}),
        ("roles.py", {"role": "3", "edit": "yes"}), ("access_matrix.py", {}), ("mappings.py", {}), ("audit.py", {}),
        ("audit.py", {"name": name}),
    ):  # fmt: skip
        at = stub.open(file, query)
        assert not at.exception
        assert "does not understand" not in words(at)
        labels = [str(getattr(block, "label", "")) for block in at.get("expander")]
        assert labels or file != "audit.py"
        for text in [*labels, *(element.value for element in [*at.markdown, *at.title, *at.caption, *at.warning])]:
            assert "<script" not in text.replace("\\<", "")
            assert "](https" not in text
            assert "\u202e" not in text
            assert len(text) < 6000


def test_a_right_taken_away_while_one_is_at_it_saves_nothing(stub: Told) -> None:
    at = reviewing(stub)
    with stub.services.storage.unit_of_work() as unit:
        unit.revoke_grant(NewGrant(subject=stub.who, source=Source.ADMIN, by="t", role="administrator"), utc_now())
        unit.add_grant(NewGrant(subject=stub.who, source=Source.ADMIN, by="t", role="auditor"), utc_now())
        unit.commit()
    at.button(key="role-save").click().run()
    assert stub.sent("PUT") == []
    assert "needs a permission that you do not have" in explained(at)


def test_what_one_may_not_change_is_not_offered(stub: Told) -> None:
    at = stub.open("roles.py", roles=("auditor",))
    assert "role-make" not in {button.key for button in at.button}
    at = stub.open("roles.py", {"role": "3"}, roles=("auditor",))
    assert {button.key for button in at.button} == {"role-compare"}
    at = stub.open("mappings.py", roles=("auditor",))
    assert not [button for button in at.button if str(button.key).startswith("mapping-change")]


def test_what_one_does_not_hold_is_locked_before_trying(stub: Told) -> None:
    at = stub.open("roles.py", {"role": "3", "edit": "yes"}, roles=("auditor",))
    assert "needs a permission that you do not have" in explained(at)
    held = ("read:roles", "manage:roles", "read:reports")
    at = stub.open("roles.py", {"role": "3", "edit": "yes"}, roles=(), permissions=held)
    locked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.disabled}
    assert locked == {"export:reports"}
    assert "you cannot give it" in words(at)
