"""The remote API: the OAuth resource server where the signed-in person's rights are decided on every call."""

from __future__ import annotations

from typing import Final

from app.core.settings import Settings
from remote_api import access, description
from remote_api.application import Application
from remote_api.background_writer import BackgroundWriter
from remote_api.bearer import Bearer
from remote_api.middleware import Middleware
from remote_api.rate_limits import RateLimits
from remote_api.services import EXTENSION, Services
from remote_api.views import (
    admin_sessions,
    audit,
    demo,
    docs,
    grants,
    guards,
    health,
    mappings,
    me,
    people,
    permissions,
    reports,
    roles,
    sessions,
    statistics,
)

__all__ = ["BLUEPRINTS", "create_app"]

BLUEPRINTS: Final = (
    demo.api,
    me.api,
    sessions.api,
    reports.api,
    people.api,
    grants.api,
    roles.api,
    permissions.api,
    mappings.api,
    admin_sessions.api,
    audit.api,
    statistics.api,
    guards.api,
    health.api,
)
"""One per noun; a new one is one line here."""


def create_app(settings: Settings, services: Services) -> Application:
    """Make the API. Reads and writes nothing yet.

    Raises ``UndeclaredAccess`` when some address does not declare who may call it, ``UndeclaredChange`` when some
    change does not say whether it needs a version, ``ConfigurationError`` when there is nowhere to count calls.
    """
    app = Application(description.INFO, security_schemes=description.SECURITY_SCHEMES)
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)
    app.register_blueprint(docs.blueprint)
    background_writer = BackgroundWriter(services.storage, services.clock)
    bearer = Bearer(settings, services, background_writer)
    app.extensions |= {EXTENSION: services, access.EXTENSION: bearer, BackgroundWriter.EXTENSION: background_writer}
    app.config |= {
        sessions.IDLE_SECONDS: settings.session_idle_seconds,
        people.ISSUER: settings.issuer,
        people.DEFAULT_ROLE: settings.default_role,
        mappings.MAP_OWN_NAMES: not settings.production,
    }
    app.seal(bearer.guard, RateLimits(settings, bearer, services.clock))
    app.extensions[docs.DESCRIPTION] = description.as_text(description.describe(app)).encode()
    app.wsgi_app = Middleware(app.wsgi_app, settings)  # type: ignore[method-assign] # Flask's own way of wrapping it
    return app
