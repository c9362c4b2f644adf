"""The remote API: an OAuth resource server that decides every call by the caller's current grants."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Final

from flask_openapi3.blueprint import APIBlueprint

from app.core.settings import Settings
from remote_api import access, description, views
from remote_api.application import Application
from remote_api.background_writer import BackgroundWriter
from remote_api.bearer import BearerAuthentication
from remote_api.middleware import Middleware
from remote_api.rate_limits import RateLimits
from remote_api.services import EXTENSION, ApiServices
from remote_api.views import docs, mappings, people, sessions

__all__ = ["BLUEPRINTS", "create_app"]


def _blueprints() -> Iterator[APIBlueprint]:
    """The ``api`` of each module of ``remote_api.views``, in the order of their names."""
    for module in sorted(info.name for info in pkgutil.iter_modules(views.__path__)):
        blueprint = getattr(importlib.import_module(f"{views.__name__}.{module}"), "api", None)
        if isinstance(blueprint, APIBlueprint):
            yield blueprint


BLUEPRINTS: Final = tuple(_blueprints())
"""One for each resource; a view of them that declares no access prevents the start (``Application.enforce_access``)."""


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
    authentication = BearerAuthentication(settings, services, background_writer)
    app.extensions |= {
        EXTENSION: services,
        access.EXTENSION: authentication,
        BackgroundWriter.EXTENSION: background_writer,
    }
    app.config |= {
        sessions.IDLE_SECONDS: settings.session_idle_seconds,
        people.ISSUER: settings.issuer,
        people.DEFAULT_ROLE: settings.default_role,
        mappings.IMPLICIT_ROLE_MAPPING: not settings.production,
    }
    app.enforce_access(authentication.guard, RateLimits(settings, authentication, services.clock))
    app.extensions[docs.DESCRIPTION] = description.Description(app)
    app.wsgi_app = Middleware(app.wsgi_app, settings)  # type: ignore[method-assign] # Flask's own way of wrapping it
    return app
