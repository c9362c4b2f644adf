"""No secret is written to the audit log: every event of a whole run is searched for every secret of that run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.core.audit import AuditKind
from app.core.principal import Subject
from app.core.records import EndReason
from app.core.rights import Rights
from component.oidc.login_transactions import LoginTransaction
from db import verify_chain
from remote_api import create_app
from remote_api.background_writer import BackgroundWriter
from remote_api.services import ApiServices
from tests.clock import FakeClock
from tests.provider import FakeProvider, ProviderResponse
from tests.signin import SECRET, SignInWorld, query, sign_in_world


@pytest.fixture
def installation() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock, default_role="viewer") as signed_in_world:
        yield signed_in_world


def test_no_event_of_a_whole_run_holds_a_secret(installation: SignInWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden: set[str] = {SECRET, "client-secret"}
    opened = installation.logins.open

    def watched(*arguments: Any, **options: Any) -> LoginTransaction:
        transaction = opened(*arguments, **options)
        hidden.update({transaction.state, transaction.nonce, transaction.code_verifier})
        return transaction

    monkeypatch.setattr(installation.logins, "open", watched)
    app = create_app(
        installation.settings,
        ApiServices(
            storage=installation.storage,
            verifier=installation.verifier,
            rights=Rights(installation.storage.read, clock=installation.clock),
            clock=installation.clock,
        ),
    )
    background_writer: BackgroundWriter = app.extensions[BackgroundWriter.EXTENSION]
    request = app.test_client().open
    ann = Subject(installation.fake.url, "auth0|ann")

    # signs in, refreshes, is refused, signs in again over the old session, the provider fails and refuses
    client = installation.sign_in()
    hidden.add(installation.secret(client))
    ref = installation.ref(client)
    installation.clock.move(seconds=590)
    token = installation.sessions.access_token(ref)
    bearer = {"Authorization": f"Bearer {token}"}
    assert request("/api/v1/me/sessions/none", method="DELETE", headers=bearer).status_code == 404
    with installation.storage.unit_of_work() as unit:
        unit.set_blocked(ann, blocked=True)
        unit.commit()
    for path in ("/api/v1/reports/usage", f"/api/v1/reports/usage?access_token={token}", "/api/v1/me"):
        assert request(path, headers=bearer).status_code in {400, 401, 403}
    assert (
        installation.client().get(installation.fake.approve(installation.begin(installation.client()))).status == 400
    )  # another browser's sign-in
    assert installation.client().get(f"/auth/callback?state={'s' * 43}&code=made-up-code").status == 400
    blocked = installation.client()
    assert blocked.get(installation.fake.approve(installation.begin(blocked))).status == 403
    with installation.storage.unit_of_work() as unit:
        unit.set_blocked(ann, blocked=False)
        unit.commit()
    assert request("/api/v1/reports/usage", headers={"Authorization": f"Bearer {token}x"}).status_code == 401
    assert request("/api/v1/reports/usage").status_code == 401
    refused = installation.client()
    state = query(installation.begin(refused))["state"]
    hidden.add(state)
    assert refused.get(installation.fake.answer(state, error="access_denied", error_description=token)).status == 403
    second = installation.sign_in()
    hidden.add(installation.secret(second))
    installation.clock.move(seconds=590)
    installation.fake.token_answer = lambda _: ProviderResponse(
        {"error": "invalid_client", "error_description": token}, 401
    )
    installation.sessions.access_token(installation.ref(second))
    installation.clock.move(seconds=60)
    installation.fake.token_answer = lambda _: ProviderResponse({"error": "invalid_grant"}, 403)
    with pytest.raises(Exception, match="ended this sign-in"):
        installation.sessions.access_token(installation.ref(second))
    installation.fake.token_answer = None
    third = installation.sign_in()
    hidden.add(installation.secret(third))
    installation.sessions.end(installation.ref(third), EndReason.ENDED_BY_ADMIN, by="operator:tests")
    last = installation.sign_in()
    hidden.add(installation.secret(last))
    last.logout()
    background_writer.close()

    events = installation.audit()
    kinds = {event["kind"] for event in events}
    assert kinds >= {
        AuditKind.SESSION_BEGIN.value, AuditKind.SESSION_END.value, AuditKind.TOKEN_REFRESH_FAIL.value,
        AuditKind.LOGIN_REFUSE.value, AuditKind.BEARER_REFUSE.value, AuditKind.ENDPOINT_DENY.value,
        AuditKind.GRANT_ADD.value,
    }  # fmt: skip
    hidden |= {part for form in installation.fake.forms for name, part in form.items() if name in SECRET_FIELDS}
    hidden |= set(installation.fake.issued)
    hidden |= {parts for token in installation.fake.issued for parts in token.split(".") if len(parts) > 30}
    hidden |= {hashlib.sha256(secret.encode()).hexdigest() for secret in set(hidden)}
    assert len(hidden) > 40
    for event in events:
        written = json.dumps({name: str(value) for name, value in event.items()})
        assert not [secret for secret in hidden if secret in written], f"{event['kind']} holds a secret"
        assert event["correlation_id"], event["kind"]
    ends = {event["reason"] for event in events if event["kind"] == AuditKind.SESSION_END}
    assert {EndReason.PROVIDER_REFUSED, EndReason.ENDED_BY_ADMIN, EndReason.SIGNED_OUT} <= ends
    assert verify_chain(installation.storage).good
    print(f"{len(events)} events of {len(kinds)} kinds hold none of {len(hidden)} secrets")


SECRET_FIELDS = {"code", "code_verifier", "refresh_token", "client_secret", "token"}
