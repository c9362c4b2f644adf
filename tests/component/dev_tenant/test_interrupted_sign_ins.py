"""Sign-ins that a restart, another tab or a damaged file interrupts, and what the tenant stores then."""

from __future__ import annotations

from pathlib import Path

import pytest

from component.dev_tenant import TenantConfig, TenantError, create_app, tenant_of
from component.dev_tenant import pages as tenant_pages
from component.dev_tenant.grant_types import CodeGrant
from component.dev_tenant.oauth import Refusal
from component.dev_tenant.people import PEOPLE
from component.dev_tenant.server import Client, TenantRequest
from component.dev_tenant.store import Store
from tests.component.dev_tenant.support import TenantClient, answer, heading, running, tenant_client
from tests.ports import free_port


def test_a_sign_in_whose_client_is_gone_after_a_restart_ends_with_an_error(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port=port) as tenant, tenant_client(tenant) as client:
        token, cookies = client.begin(), client.http.cookies
    (tmp_path / "client.json").unlink()  # the next start makes new ids
    with running(tmp_path, port=port) as tenant, tenant_client(tenant) as client:
        client.http.cookies = cookies
        parameters = answer(client.post("/u/login", state=token, person="ada"))
        assert parameters["error"] == "invalid_client"
        assert parameters["iss"] == tenant.issuer
        assert "code" not in parameters


def test_the_page_of_a_step_leads_to_the_list_of_people_before_a_person_was_picked(client: TenantClient) -> None:
    token = client.begin()
    response = client.get(client.running.url("/u/step"), state=token)
    assert response.status_code == 303
    assert response.headers["Location"] == client.running.url(f"/u/login?state={token}")


@pytest.mark.parametrize("form", [{"action": "cancel"}, {"person": "ada"}])
def test_a_sign_in_that_another_tab_completed_meanwhile_is_over(
    client: TenantClient, monkeypatch: pytest.MonkeyPatch, form: dict[str, str]
) -> None:
    token, store = client.begin(), client.running.tenant.store
    update_pending = store.update_pending

    def second(form_token: str, pending: object) -> bool:
        assert update_pending(form_token, None), "the other tab is faster"
        assert pending is None
        return update_pending(form_token, None)

    monkeypatch.setattr(store, "update_pending", second)
    response = client.post("/u/login", state=token, **form)
    assert (response.status_code, heading(response)) == (400, "This sign-in is over")
    assert "Location" not in response.headers


def test_the_number_of_made_up_people_is_limited(client: TenantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = sum(person.made_up for person in client.running.tenant.store.people())
    monkeypatch.setattr(tenant_pages, "_MAX_INVENTED_SUBJECTS", made_up + 1)
    form = {"action": "make-up", "new_name": "Gil"}
    assert "code" in answer(client.post("/u/login", state=client.begin(), **form, new_email="gil@limit.example"))
    response = client.post("/u/login", state=client.begin(prompt="login"), **form, new_email="jo@limit.example")
    assert response.status_code == 400
    assert f"There are {made_up + 1} made-up people already: pick one of them." in response.text
    again = client.post("/u/login", state=client.begin(prompt="login"), **form, new_email="gil@limit.example")
    assert "code" in answer(again), "one of them may change"


def test_no_code_is_stored_without_a_session() -> None:
    request = TenantRequest("GET", {"code_challenge": ["c"]})
    request.user = PEOPLE[0]
    with pytest.raises(Refusal) as caught:
        CodeGrant(request, server=None).save_authorization_code("a-code", request)
    assert caught.value.error == "server_error"


def test_a_client_is_represented_without_its_secret() -> None:
    assert repr(Client("an-id", "a-secret", ("client_credentials",))) == "Client('an-id')"


def test_a_request_has_the_first_value_of_each_parameter() -> None:
    request = TenantRequest("GET", {"a": ["1", "2"], "b": ["3"], "c": []})
    assert request.args == request.form == {"a": "1", "b": "3"}
    assert request.payload.datalist == {"a": ["1", "2"], "b": ["3"], "c": []}


def config(state_dir: Path) -> TenantConfig:
    return TenantConfig(issuer="http://localhost:9000/", state_dir=state_dir)


def test_a_state_folder_that_cannot_be_made_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "state"
    with pytest.raises(TenantError) as caught:
        create_app(config(folder))
    assert str(caught.value) == f"The folder {folder} cannot be made or used: Not a directory."


def test_a_state_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.mkdir()
    with pytest.raises(TenantError) as caught:
        create_app(config(tmp_path))
    assert str(caught.value).startswith(f"The file {path} is damaged: ")


def test_a_change_that_fails_is_undone_and_the_next_one_works(tmp_path: Path) -> None:
    app = create_app(config(tmp_path))
    store: Store = tenant_of(app).store
    try:
        session, cookie = store.sign_in("", person="ada", auth_at=1, mfa=False)

        def fail() -> None:
            with store.change() as db:
                db.execute("DELETE FROM sessions")
                raise KeyError(session.sid)

        with pytest.raises(KeyError):
            fail()
        assert store.session(cookie) == session
        assert store.end_session(session.sid) == session
        assert store.session(cookie) is None
    finally:
        store.close()
