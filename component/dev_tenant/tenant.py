"""One tenant put together, and the levers that tests pull from inside its process; none of them is on HTTP."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import requests
import structlog

from component.dev_tenant.config import TenantConfig
from component.dev_tenant.credentials import load_credentials, make_private_dir
from component.dev_tenant.issued_grants import IssuedGrants
from component.dev_tenant.keys import SigningKeys
from component.dev_tenant.people import TenantUser
from component.dev_tenant.store import Store, TenantSession
from component.dev_tenant.tokens import TokenMaker

if TYPE_CHECKING:
    from starlette.applications import Starlette

_log = structlog.get_logger(__name__)
LOGOUT_TOKENS_THREAD = "logout-tokens"
"""The name of a thread that posts logout tokens."""
_BACKCHANNEL_TIMEOUT_SECONDS = 2.0


class Tenant:
    """Everything one tenant is made of. The constructor raises ``TenantError``."""

    def __init__(self, config: TenantConfig) -> None:
        make_private_dir(config.state_dir)
        self.config = config
        self.credentials = load_credentials(config)
        self.keys = SigningKeys(config)
        self.store = Store(config)
        self.issued_grants = IssuedGrants(config, self.store)
        self.tokens = TokenMaker(config, self.keys)
        self._logout_failed = False

    def close(self) -> None:
        """Close the state file."""
        self.store.close()

    def active_person(self, key: str) -> TenantUser | None:
        """The person, unless unknown or blocked."""
        person = self.store.person(key)
        return None if person is None or person.blocked else person

    def set_access(
        self,
        key: str,
        *,
        roles: Collection[str] | None = None,
        permissions: Collection[str] | None = None,
        blocked: bool | None = None,
    ) -> TenantUser:
        """Change a person's roles, direct permissions or block from the next token on; None leaves a value as it is.

        Raises:
            KeyError: for a person that the tenant does not know.
        """
        person = self.store.person(key)
        if person is None:
            raise KeyError(key)
        person = replace(
            person,
            roles=person.roles if roles is None else frozenset(roles),
            direct_permissions=person.direct_permissions if permissions is None else frozenset(permissions),
            blocked=person.blocked if blocked is None else blocked,
        )
        self.store.save_person(person)
        return person

    def rotate_key(self, *, keep_old: bool = True) -> str:
        """Sign with a new key from now on. → its kid."""
        return self.keys.rotate(keep_old=keep_old)

    def sessions(self) -> list[TenantSession]:
        """The tenant sessions that are not over."""
        return self.store.sessions()

    def end_sessions(self, key: str, *, notify: bool = True) -> int:
        """End every tenant session of a person, telling the app unless ``notify`` is false. → how many there were."""
        ended = [self.store.end_session(session.sid) for session in self.sessions() if session.person == key]
        live = [session for session in ended if session is not None]
        if notify:
            self.notify(live)
        return len(live)

    def notify(self, ended: Collection[TenantSession]) -> None:
        """Post a back-channel logout token for each ended session, in the background; failures are logged once."""
        tokens = []
        for session in ended:
            subject = f"auth0|{session.person}"
            tokens.append(self.tokens.logout_token(self.credentials.client_id, subject=subject, sid=session.sid))
        if tokens:
            thread = threading.Thread(
                target=self._post_logout_tokens, args=(tokens,), name=LOGOUT_TOKENS_THREAD, daemon=True
            )
            thread.start()

    def _post_logout_tokens(self, tokens: list[str]) -> None:
        with requests.Session() as http:
            http.trust_env = False  # a proxy from the environment must not see logout tokens
            for token in tokens:
                try:
                    answer = http.post(
                        self.config.logout_uri,
                        data={"logout_token": token},
                        timeout=_BACKCHANNEL_TIMEOUT_SECONDS,
                        allow_redirects=False,
                    )
                    reason = "" if answer.status_code in {200, 204} else f"status {answer.status_code}"
                except requests.RequestException as error:
                    reason = type(error).__name__
                if reason and not self._logout_failed:
                    self._logout_failed = True
                    _log.warning("the app refused a logout token; further failures are not logged", reason=reason)


def tenant_of(app: Starlette) -> Tenant:
    """The tenant behind an app made by ``create_app``; for tests in the same process."""
    return cast("Tenant", app.state.tenant)
