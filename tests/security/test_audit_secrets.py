"""Nothing secret gets into the audit: every event of a whole run is searched for every secret that was in play."""

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
from tests.provider import Answer, FakeProvider
from tests.signin import SECRET, SignInWorld, query, world


@pytest.fixture
def here() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock, default_role="viewer") as made:
        yield made


def test_no_event_of_a_whole_run_holds_a_secret(here: SignInWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden: set[str] = {SECRET, "client-secret"}
    opened = here.logins.open

    def watched(*given: Any, **named: Any) -> LoginTransaction:
        transaction = opened(*given, **named)
        hidden.update({transaction.state, transaction.nonce, transaction.code_verifier})
        return transaction

    monkeypatch.setattr(here.logins, "open", watched)
    app = create_app(
        here.settings,
        ApiServices(
            storage=here.storage,
            verifier=here.verifier,
            rights=Rights(here.storage.read, clock=here.clock),
            clock=here.clock,
        ),
    )
    background_writer: BackgroundWriter = app.extensions[BackgroundWriter.EXTENSION]
    ask = app.test_client().open
    ann = Subject(here.fake.url, "auth0|ann")

    # signs in, refreshes, is refused, signs in again over the old session, the provider fails and refuses
    browser = here.sign_in()
    hidden.add(here.secret(browser))
    ref = here.ref(browser)
    here.clock.move(seconds=590)
    token = here.sessions.access_token(ref)
    bearer = {"Authorization": f"Bearer {token}"}
    assert ask("/api/v1/me/sessions/none", method="DELETE", headers=bearer).status_code == 404
    with here.storage.unit_of_work() as unit:
        unit.set_blocked(ann, blocked=True)
        unit.commit()
    for path in ("/api/v1/reports/usage", f"/api/v1/reports/usage?access_token={token}", "/api/v1/me"):
        assert ask(path, headers=bearer).status_code in {400, 401, 403}
    assert here.browser().get(here.fake.approve(here.begin(here.browser()))).status == 400  # another browser's sign-in
    assert here.browser().get(f"/auth/callback?state={'s' * 43}&code=made-up-code").status == 400
    blocked = here.browser()
    assert blocked.get(here.fake.approve(here.begin(blocked))).status == 403
    with here.storage.unit_of_work() as unit:
        unit.set_blocked(ann, blocked=False)
        unit.commit()
    assert ask("/api/v1/reports/usage", headers={"Authorization": f"Bearer {token}x"}).status_code == 401
    assert ask("/api/v1/reports/usage").status_code == 401
    refused = here.browser()
    state = query(here.begin(refused))["state"]
    hidden.add(state)
    assert refused.get(here.fake.answer(state, error="access_denied", error_description=token)).status == 403
    second = here.sign_in()
    hidden.add(here.secret(second))
    here.clock.move(seconds=590)
    here.fake.token_answer = lambda _: Answer({"error": "invalid_client", "error_description": token}, 401)
    here.sessions.access_token(here.ref(second))
    here.clock.move(seconds=60)
    here.fake.token_answer = lambda _: Answer({"error": "invalid_grant"}, 403)
    with pytest.raises(Exception, match="ended this sign-in"):
        here.sessions.access_token(here.ref(second))
    here.fake.token_answer = None
    third = here.sign_in()
    hidden.add(here.secret(third))
    here.sessions.end(here.ref(third), EndReason.ENDED_BY_ADMIN, by="operator:tests")
    last = here.sign_in()
    hidden.add(here.secret(last))
    last.logout()
    background_writer.close()

    events = here.audit()
    kinds = {event["kind"] for event in events}
    assert kinds >= {
        AuditKind.SESSION_BEGIN.value, AuditKind.SESSION_END.value, AuditKind.TOKEN_REFRESH_FAIL.value,
        AuditKind.LOGIN_REFUSE.value, AuditKind.BEARER_REFUSE.value, AuditKind.ENDPOINT_DENY.value,
        AuditKind.GRANT_ADD.value,
    }  # fmt: skip
    hidden |= {part for form in here.fake.forms for name, part in form.items() if name in SECRET_FIELDS}
    hidden |= set(here.fake.issued)
    hidden |= {parts for token in here.fake.issued for parts in token.split(".") if len(parts) > 30}
    hidden |= {hashlib.sha256(one.encode()).hexdigest() for one in set(hidden)}
    assert len(hidden) > 40
    for event in events:
        written = json.dumps({name: str(value) for name, value in event.items()})
        assert not [one for one in hidden if one in written], f"{event['kind']} holds a secret"
        assert event["correlation_id"], event["kind"]
    ends = {event["reason"] for event in events if event["kind"] == AuditKind.SESSION_END}
    assert {EndReason.PROVIDER_REFUSED, EndReason.ENDED_BY_ADMIN, EndReason.SIGNED_OUT} <= ends
    assert verify_chain(here.storage).good
    print(f"{len(events)} events of {len(kinds)} kinds hold none of {len(hidden)} secrets")


SECRET_FIELDS = {"code", "code_verifier", "refresh_token", "client_secret", "token"}
