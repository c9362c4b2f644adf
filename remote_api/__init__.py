"""The remote API: an OAuth resource server that decides every call by the caller's current grants."""

from __future__ import annotations

from typing import Final

from app.core.settings import Settings
from remote_api import access, description
from remote_api.application import Application
from remote_api.background_writer import BackgroundWriter
from remote_api.bearer import Bearer
from remote_api.middleware import Middleware
from remote_api.rate_limits import RateLimits
from remote_api.services import EXTENSION, ApiServices
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
"""One for each resource; a new one is one line here."""


def create_app(settings: Settings, services: ApiServices) -> Application:
    """Create the API. Reads and writes nothing yet.

    Raises:
        UndeclaredAccess: A view does not declare access.
        UndeclaredChange: A change does not declare whether it needs a version.
        ConfigurationError: The store of rate limits cannot be used.
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
    app.extensions[docs.DESCRIPTION] = description.Description(app)
    app.wsgi_app = Middleware(app.wsgi_app, settings)  # type: ignore[method-assign] # Flask's own way of wrapping it
    return app
