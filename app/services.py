"""The composition root of the Streamlit process: settings → database → provider → sessions, built once."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from app.core import settings_loading
from app.core.administration_ports import AdministrationStorage
from app.core.keyring import Keyring
from app.core.refusal_counts import RefusalCounts
from app.core.rights import Rights
from app.core.secret_keys import SecretKeys
from app.core.settings import ProcessKind, Settings
from app.core.tokens.discovery import Discovery
from app.core.tokens.verifier import TokenVerifier, build_verifier
from app.page_views import PageViews
from app.server import limits_of, open_file_limit
from component.drafts import Drafts
from component.http.client_address import ClientAddresses
from component.http.cookies import Cookies
from component.limits.admission import Admission
from component.oidc.login_transactions import LoginTransactions
from component.oidc.provider import Provider
from component.routes.backchannel_logout import BackchannelLogouts
from component.session.context import SessionContext
from component.session.lifetimes import SessionLifetimes
from component.session.service import SessionService
from component.session.step_up import StepUpSignIn
from component.socket.identity import Identity
from component.socket.tabs import Tabs
from db import open_database


@dataclass(frozen=True, slots=True)
class Services:
    """The objects that this process shares. ``build`` creates them; tests create their own and ``install`` them."""

    settings: Settings
    keyring: Keyring
    secret_keys: SecretKeys
    storage: AdministrationStorage
    provider: Provider
    verifier: TokenVerifier
    sessions: SessionService
    logins: LoginTransactions
    step_ups: StepUpSignIn
    logouts: BackchannelLogouts
    drafts: Drafts
    refusals: RefusalCounts
    rights: Rights
    tabs: Tabs
    addresses: ClientAddresses
    admission: Admission
    cookies: Cookies
    identity: Identity
    page_views: PageViews

    def close(self) -> None:
        """Save the remaining counts and close the storage."""
        self.page_views.close()
        self.refusals.close()
        self.secret_keys.close()
        self.storage.close()


def build(settings: Settings, *, storage: AdministrationStorage | None = None) -> Services:
    """Create the services for ``settings``, without a call to the network or the database.

    Raises:
        ConfigurationError: A setting cannot be used.
    """
    keyring = Keyring(settings.secrets)
    storage = storage if storage is not None else open_database(settings, keyring)
    discovery = Discovery.of(settings)
    verifier = build_verifier(settings, discovery)
    provider = Provider(settings, discovery)
    cookies = Cookies(settings.app_base_url)
    context = SessionContext(
        storage,
        keyring,
        provider,
        verifier,
        SessionLifetimes(
            idle_seconds=settings.session_idle_seconds,
            absolute_seconds=settings.session_absolute_seconds,
            rights_max_age_seconds=settings.token_rights_max_age_seconds,
        ),
        implicit_role_mapping=not settings.production,
    )
    sessions = SessionService(context, default_role=settings.default_role)
    rights = Rights(storage.read)
    addresses = ClientAddresses(settings.trusted_proxies)
    socket_limits = limits_of(settings, open_file_limit())
    return Services(
        settings=settings,
        keyring=keyring,
        secret_keys=SecretKeys(storage, keyring, "app"),
        storage=storage,
        provider=provider,
        verifier=verifier,
        sessions=sessions,
        logins=LoginTransactions(storage, keyring, provider, cookies),
        step_ups=StepUpSignIn(context),
        logouts=BackchannelLogouts(storage, verifier, client_id=provider.client_id, revoke=sessions.revoke_ended),
        drafts=Drafts(storage, keyring),
        refusals=RefusalCounts(storage),
        rights=rights,
        tabs=Tabs(sessions, rights, broadcast_channel=cookies.broadcast_channel, limits=socket_limits),
        addresses=addresses,
        admission=Admission(socket_limits, trusts=addresses.trusts),
        cookies=cookies,
        identity=Identity(),
        page_views=PageViews(storage),
    )


_lock = Lock()
_installed: Services | None = None


def install(built: Services | None) -> None:
    """Set this process's services (None removes them); for the start of the process and for tests."""
    global _installed  # noqa: PLW0603 - the one place that holds the services
    with _lock:
        _installed = built


def services() -> Services:
    """This process's services, created from the environment on first use.

    Raises:
        ConfigurationError: A setting is missing or cannot be used.
    """
    global _installed  # noqa: PLW0603 - see install
    if _installed is not None:
        return _installed
    with _lock:
        if _installed is None:
            _installed = build(settings_loading.load(ProcessKind.APP))
        return _installed
