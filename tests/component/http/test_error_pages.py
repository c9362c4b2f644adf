"""Failed sign-ins: the errors of the provider, the pages that explain them, and that no session is issued."""

from __future__ import annotations

import pytest
import structlog

from app.core.principal import Subject
from tests.provider import ProviderResponse
from tests.signin import SignInWorld, query

ERRORS = [
    ("access_denied", "", 403, "Sign-in was cancelled"),
    ("access_denied", "No entry on <b>Sundays</b>", 403, "No entry on &lt;b&gt;Sundays&lt;/b&gt;"),
    ("unauthorized", "user is blocked", 403, "Your account is blocked"),
    ("unauthorized", "not on the list", 403, "not on the list"),
    ("login_required", "", 400, "Sign in to continue"),
    ("consent_required", "", 400, "One more step"),
    ("interaction_required", "", 400, "One more step"),
    ("mfa_required", "", 400, "One more step"),
    ("server_error", "", 503, "had a fault"),
    ("temporarily_unavailable", "", 503, "busy"),
    ("too_many_requests", "", 503, "Too many attempts"),
    ("something_new", "", 400, "Sign-in was refused by the provider"),
    ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", 400, "&lt;img src=x onerror=alert(1)&gt;"),
]


@pytest.mark.parametrize(("error", "description", "status", "shown"), ERRORS)
def test_errors_of_the_provider_are_explained_in_plain_words(
    installation: SignInWorld, error: str, description: str, status: int, shown: str
) -> None:
    client = installation.client()
    state = query(installation.begin(client, "/reports%3Fa%3D1"))["state"]
    answer = client.get(installation.fake.answer(state, error=error, error_description=description))
    assert answer.status == status
    assert shown in answer.text
    assert 'href="/auth/login?return_to=%2Freports%3Fa%3D1"' in answer.text
    assert "<script" not in answer.text
    assert "<b>" not in answer.text
    assert not installation.cookies.logins(client.cookies)  # an ended session stays ended
    (event,) = installation.audit("app:login:refuse")
    assert "<" not in f"{event['reason']}{event['actor']}{event['details']}"
    assert event["correlation_id"] in answer.text


def test_an_incomplete_answer_is_refused(installation: SignInWorld) -> None:
    for parameters in ({}, {"code": "c" * 5000}):
        client = installation.client()
        state = query(installation.begin(client))["state"]
        assert client.get(installation.fake.answer(state, **parameters)).status == 400
    client = installation.client()
    callback = installation.fake.approve(installation.begin(client))
    assert client.get(callback + "&code=another").status == 400  # a parameter twice
    assert client.get(callback + "&" + "x" * 20_000).status == 400


def test_a_blocked_person_gets_no_session(installation: SignInWorld) -> None:
    signed_in = installation.sign_in()
    with installation.storage.unit_of_work() as unit:
        assert unit.set_blocked(Subject(installation.fake.url, "auth0|ann"), blocked=True)
        unit.commit()
    client = installation.client()
    before = installation.rows("sessions")
    answer = client.get(installation.fake.approve(installation.begin(client)))
    assert answer.status == 403
    assert "Your account is blocked" in answer.text
    assert installation.cookies.session not in client.cookies
    assert installation.rows("sessions") == before
    (event,) = installation.audit("app:login:refuse")
    assert event["reason"] == "blocked"
    assert signed_in.get("/auth/session").json() == {"authenticated": False}
    assert len(installation.fake.revoked) == 1


def test_a_provider_that_is_down_at_sign_in(installation: SignInWorld) -> None:
    client = installation.client()
    callback = installation.fake.approve(installation.begin(client, "/reports"))
    installation.fake.stop()
    answer = client.get(callback)
    assert answer.status == 503
    assert "does not answer" in answer.text
    assert "return_to=%2Freports" in answer.text
    installation.discovery._known = None
    answer = installation.client().get("/auth/login?return_to=/reports")
    assert answer.status == 503
    assert "return_to=%2Freports" in answer.text


NONSENSE = {
    "not JSON": ProviderResponse(b"<html>It works!</html>"),
    "a list": ProviderResponse([1, 2, 3]),
    "an error page": ProviderResponse(b"<html>503</html>", 503),
    "a redirect": ProviderResponse({}, 302, {"Location": "http://127.0.0.1:1/"}),
    "nothing": ProviderResponse({}),
    "numbers": ProviderResponse({"access_token": 5, "id_token": ["x"]}),
    "another kind of token": ProviderResponse({"access_token": "a", "id_token": "b", "token_type": "DPoP"}),
    "deep": ProviderResponse(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "huge": ProviderResponse(b'{"access_token": "a", "id_token": "b", "filler": "' + b"x" * 400_000 + b'"}'),
    "no id token": ProviderResponse({"access_token": "a", "token_type": "Bearer"}),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_a_provider_with_invalid_responses(installation: SignInWorld, kind: str) -> None:
    installation.fake.token_answer = lambda form: NONSENSE[kind]
    client = installation.client()
    answer = client.get(installation.fake.approve(installation.begin(client, "/reports")))
    assert answer.status == 503
    assert "invalid response" in answer.text
    assert installation.cookies.session not in client.cookies
    assert installation.rows("sessions") == 0


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_code(installation: SignInWorld, status: int) -> None:
    installation.fake.token_answer = lambda form: ProviderResponse({"error": "invalid_grant"}, status)
    client = installation.client()
    answer = client.get(installation.fake.approve(installation.begin(client)))
    assert answer.status == 400
    assert "That took too long" in answer.text


def test_tokens_that_cannot_be_verified(installation: SignInWorld) -> None:
    for claims in ({"aud": "another-user"}, {"iss": "https://evil.example/"}, {"exp": 1}):
        client = installation.client()
        answer = client.get(installation.fake.approve(installation.begin(client), **claims))
        assert answer.status == 400, claims
        assert "could not be verified" in answer.text
    installation.fake.access_claims = {"sub": "auth0|another-user"}
    client = installation.client()
    assert client.get(installation.fake.approve(installation.begin(client))).status == 400
    installation.fake.access_claims = {"azp": "another-client"}
    assert client.get(installation.fake.approve(installation.begin(client))).status == 400
    assert installation.rows("sessions") == 0


def test_an_unavailable_database_is_reported_and_no_session_is_lost(installation: SignInWorld) -> None:
    client = installation.sign_in()
    callback = installation.fake.approve(client.get("/auth/login?another=1").location)
    state = client.cookies[installation.cookies.session]
    with installation.storage.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO gone")
        connection.commit()
    assert client.get("/auth/session").status == 503
    assert client.get("/auth/login").status == 503
    assert client.get(callback).status == 503
    answer = client.logout()
    assert answer.status == 503
    assert "could not be signed out" in answer.json()["title"]
    assert client.cookies[installation.cookies.session] == state  # not shown as signed out


@pytest.mark.parametrize("where", ["/auth/callback", "/auth/login", "/auth/ended"])
def test_an_unexpected_exception_is_a_page_a_log_line_and_an_audit_event(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("text-of-a-request")

    client = installation.sign_in() if where == "/auth/ended" else installation.client()
    address = installation.fake.approve(installation.begin(client)) if where == "/auth/callback" else where
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as lines:
        patch.setattr(installation.provider, "exchange" if where == "/auth/callback" else "authorize_url", fail)
        patch.setattr(installation.sessions, "resolve", fail)
        answer = client.get(address)
    assert answer.status == 500
    assert "Something went wrong" in answer.text
    (event,) = installation.audit("app:login:refuse")
    assert event["reason"] == "internal"
    assert event["correlation_id"] in answer.text
    (line,) = [line for line in lines if line["event"] == "unexpected error"]
    assert (line["path"], line["error"]) == (where, "KeyError")
    assert "text-of-a-request" not in f"{lines}{answer.text}{event}"


@pytest.mark.parametrize("parameters", [{"error": "access_denied"}, {}, {"code": "c" * 5000}])
def test_two_hundred_failed_callbacks_write_no_row_but_their_count(
    installation: SignInWorld, parameters: dict[str, str]
) -> None:
    client = installation.client()
    for _ in range(200):
        answer = client.get(installation.fake.answer(query(installation.begin(client))["state"], **parameters))
        assert answer.status in {400, 403}
    assert installation.rows("login_states") == 0
    (event,) = installation.audit("app:login:refuse")
    assert event["details"] == '{"count":200}'


def test_two_hundred_made_up_codes_write_no_more_rows_than_are_exchanged(
    installation: SignInWorld,
) -> None:
    installation.fake.token_answer = lambda form: ProviderResponse({"error": "invalid_grant"}, 400)
    client = installation.client()
    for _ in range(200):
        client.get(installation.fake.answer(query(installation.begin(client))["state"], code="made-up"))
    assert 0 < installation.rows("login_states") < 100
    assert {event["reason"] for event in installation.audit("app:login:refuse")} == {
        "invalid_grant",
        "too-many-requests",
    }
    assert len(installation.audit("app:login:refuse")) == 2
