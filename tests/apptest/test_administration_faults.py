"""Roles, matrix, mappings and audit while the remote API fails: the page explains it and keeps the input."""

from __future__ import annotations

import json
import threading

import pytest

from app import api_transport
from tests.apptest.administration import notice
from tests.apptest.stubbed import AdministrationStub, event, page, page_text, problem_text
from tests.apptest.tables import press, table, tables, texts
from tests.apptest.test_faults import HOSTILE
from tests.ports import free_port
from tests.stub_api import FAULTS, StubResponse, json_of
from tests.stub_responses import chain

FAULTY = ["401", "403", "404", "409", "412", "422", "428", "429", "500", "500 html", "503", "html", "list", "cut"]


READS = [
    ("roles.py", {}, "roles"),
    ("roles.py", {"role": "3"}, "roles/3"),
    ("roles.py", {"role": "3", "compare": "2"}, "roles/2"),
    ("roles.py", {"role": "3"}, "people"),
    ("roles.py", {"edit": "new"}, "permissions"),
    ("access_matrix.py", {}, "guards"),
    ("access_matrix.py", {}, "roles/permissions"),
    ("mappings.py", {}, "mappings"),
    ("audit.py", {}, "audit"),
    ("audit.py", {}, "audit/kinds"),
    ("audit.py", {}, "audit/chain"),
    ("audit.py", {"event": "9"}, "audit/9"),
]


CASES = [(*read, fault) for read in READS for fault in ("403", "429", "500", "html")]
CASES += [(*READS[0], fault) for fault in FAULTY if fault not in {"403", "429", "500", "html"}]


@pytest.mark.parametrize(("file", "query", "path", "fault"), CASES, ids=str)
def test_a_page_explains_why_it_cannot_be_loaded(
    stub: AdministrationStub, file: str, query: dict[str, str], path: str, fault: str
) -> None:
    stub.answer("GET", path, FAULTS[fault])
    at = stub.open(file, query)
    shown = problem_text(at)
    assert any(
        message in shown
        for message in ("Something went wrong", "does not answer", "not accept", "not valid", "may not", "Not found",
                         "must stay", "meanwhile", "not right", "Name the version", "Too many", "No such role",
                         "reach the server", "no event with this number")
    ), shown  # fmt: skip
    assert "Traceback" not in shown
    assert "<h1>" not in page_text(at)


@pytest.mark.parametrize(
    ("file", "retry"),
    [
        ("roles.py", "roles-failed-retry"),
        ("access_matrix.py", "retry"),
        ("mappings.py", "mappings-failed-retry"),
        ("audit.py", "retry"),
    ],
)
def test_the_api_is_down(stub: AdministrationStub, file: str, retry: str) -> None:
    settings = stub.services.settings.model_copy(update={"remote_api_base_url": f"http://localhost:{free_port()}"})
    object.__setattr__(stub.services, "settings", settings)
    at = stub.open(file)
    assert "Can't reach the server right now" in problem_text(at)
    assert at.button(key=retry).label == "Try again"


def test_the_api_does_not_respond(stub: AdministrationStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_transport, "TIMEOUT_SECONDS", (5.0, 0.2))
    over = threading.Event()
    late = StubResponse(200, b"{}", {"Content-Type": "application/json"}, until=over, off_contract=True)
    stub.answer("GET", "roles", late)
    at = stub.open("roles.py")
    over.set()
    assert "Can't reach the server right now" in problem_text(at)


def test_a_mapping_change_shows_its_effect_and_keeps_the_input_after_faults(stub: AdministrationStub) -> None:
    at = stub.open("mappings.py")
    assert "1 token role arrived and is not mapped" in page_text(at)
    press(at, "change", table(at)["rows"][0]["id"])
    at.multiselect(key="mapping-roles").set_value([2]).run()
    shown = page_text(at)
    assert (
        "- Saving grants the role **viewer** at once to 12 people whose last sign-in contained the token role "
        "**Clerks**."
    ) in shown
    assert (
        "- Saving revokes the role **clerk** at once from 12 people whose last sign-in contained the token role "
        "**Clerks**, unless another grant includes the same."
    ) in shown
    at.text_input(key="mapping-reason").set_value("renamed").run()
    for fault in ("429", "500", "html", "422"):
        stub.answer("PUT", "mappings", FAULTS[fault])
        at.button(key="mapping-go").click().run()
        problem_text(at)
        assert at.text_input(key="mapping-reason").value == "renamed"
        assert at.multiselect(key="mapping-roles").value == [2]
    stub.answer("PUT", "mappings", FAULTS["412"])
    stub.mappings[0] |= {"roles": [{"id": 1, "name": "administrator"}], "version": "m7"}
    at.button(key="mapping-go").click().run()
    assert "The mapping of the token role **Clerks** was changed meanwhile," in page_text(at)
    changed = {**stub.mappings[0], "roles": [{"id": 2, "name": "viewer"}], "version": "m8"}
    stub.answer("PUT", "mappings", json_of({"mapping": changed, "people_changed": 12}))
    at.button(key="mapping-go").click().run()
    put = stub.sent("PUT")[-1]
    assert put.headers["if-match"] == '"m7"'
    assert put.json() == {"token_role": "Clerks", "roles": [2], "reason": "renamed"}
    assert notice(at) == (
        "Mapped the token role **Clerks** to the role **viewer** (before: the role **administrator**). It changed the "
        "permissions of 12 people."
    )
    at.button(key="undo").click().run()
    assert stub.sent("PUT")[-1].json()["roles"] == [1]
    assert stub.sent("PUT")[-1].headers["if-match"] == '"m8"'


@pytest.mark.parametrize("fault", ["403", "429", "500", "html", "cut"])
def test_a_failed_export_offers_no_file(stub: AdministrationStub, fault: str) -> None:
    stub.events[:] = [event(seq) for seq in range(1, 4)]
    stub.answer("GET", "audit", page("events", stub.events, total=1000, total_capped=True))
    stub.answer("GET", "audit/chain", json_of(chain(seq=1_000_000)))
    at = stub.open("audit.py")
    response = FAULTS[fault]
    if fault == "cut":
        response = StubResponse(200, b"seq,at\n1,x\n", {"Content-Type": "text/csv"}, cut=True)
    stub.answer("GET", "audit/export", response)
    at.button(key="audit-prepare").click().run()
    problem_text(at)
    assert not at.get("download_button")
    assert not at.button(key="audit-prepare").disabled


def test_the_result_of_verifying_the_audit_is_shown(stub: AdministrationStub) -> None:
    at = stub.open("audit.py")
    for answer, expected in (
        (json_of(chain(verified=True, good=True, events=9)), "All 9 events are intact"),
        (json_of(chain(verified=True, good=False, events=9, problems=["Event 4 was changed."])), "Event 4 was"),
        (json_of(chain(verified=False, good=True, events=5)), "not been followed to its end"),
        (FAULTS["429"], "being verified already"),
        (FAULTS["500"], "Something went wrong"),
    ):
        stub.api.responses["GET", "/api/v1/audit/chain"] = lambda request, answer=answer: (  # type: ignore[misc]
            answer if "full" in request.query else json_of(chain())
        )
        at.button(key="audit-verify").click().run()
        assert not at.exception
        assert expected in page_text(at)


def test_a_broken_end_of_the_audit_is_reported(stub: AdministrationStub) -> None:
    stub.answer("GET", "audit/chain", json_of(chain(sealed=False, boundary_seq=3)))
    assert "not as Gatehouse left it" in problem_text(stub.open("audit.py"))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_texts_are_shown_as_text(stub: AdministrationStub, name: str) -> None:
    stub.roles[2] |= {"name": name, "description": name, "token_roles": [name]}
    stub.answer("GET", "roles/3", json_of(stub.roles[2]))
    stub.mappings[0] |= {"token_role": name, "roles": [{"id": 3, "name": name}]}
    stub.events[:] = [
        event(sentence=name, actor=name, target=name, reason=name, address=name, kind=name, details={"x": name})
    ]
    for file, query in (
        ("roles.py", {}), ("roles.py", {"role": "3"}), ("roles.py", {"role": "3", "compare": "2"}),
        ("roles.py", {"role": "3", "edit": "yes"}), ("access_matrix.py", {}), ("mappings.py", {}), ("audit.py", {}),
        ("audit.py", {"name": name}), ("audit.py", {"target": name}), ("audit.py", {"event": "9"}),
    ):  # fmt: skip
        at = stub.open(file, query)
        assert not at.exception
        assert "does not understand" not in page_text(at)
        rows = [text for payload in tables(at).values() for texts_of_row in texts(payload) for text in texts_of_row]
        assert rows or file != "audit.py" or "event" in query
        assert not [text for text in rows if "\u202e" in text or "\n" in text]
        for text in [
            *(
                element.value
                for element in [*at.markdown, *at.title, *at.header, *at.subheader, *at.caption, *at.warning]
            )
        ]:
            assert "<script" not in text.replace("\\<", "")
            assert "](https" not in text
            assert "\u202e" not in text
            assert len(text) < 6000
        for payload in tables(at).values():
            assert "\u202e" not in json.dumps(payload, ensure_ascii=False)


def test_controls_without_the_permission_are_not_offered(stub: AdministrationStub) -> None:
    at = stub.open("roles.py", roles=("auditor",))
    assert "new-role" not in {button.key for button in at.button}
    at = stub.open("roles.py", {"role": "3"}, roles=("auditor",))
    assert {button.key for button in at.button} == {"all-roles", "role-compare"}
    assert not at.checkbox
    at = stub.open("mappings.py", roles=("auditor",))
    assert (table(at)["rowActions"], table(at)["rows"][0]["actions"]) == ([], [])
