"""The Flask application class: default deny in its dispatch, and a problem document for every error.

Access is enforced before flask-openapi3 validates anything, so that an anonymous client learns nothing about the
parameters of an endpoint. Flask's sessions and cookies are off.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from flask import Flask, Request, Response
from flask.globals import request_ctx
from flask.json.provider import DefaultJSONProvider
from flask.sessions import NullSession, SessionInterface
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from pydantic import ValidationError
from werkzeug.routing import MapAdapter, Rule

from app.core.contract.base import ResponseModel
from app.core.errors import BadRequest, InvalidInput, UnsupportedMediaType
from app.core.guard import Guard
from remote_api.access import AccessDeclaration, read_access_declarations
from remote_api.middleware import MAX_BODY_BYTES
from remote_api.preconditions import READS, demand_version, needs_version
from remote_api.problems import problem
from remote_api.rate_limits import RateLimits
from remote_api.routing import PathAdapter, StaticRules, static_rules
from remote_api.transactions import after_a_change

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_OK: Final = 200
MAX_REPORTED_FIELDS: Final = 20
_SENTENCES: Final = {
    "extra_forbidden": "This field is not known here.",
    "missing": "This field is required.",
    "string_pattern_mismatch": "This has signs in it, or is of a form, that is not accepted here.",
    "string_unicode": "This is not sound text.",
    "string_too_short": "This must not be empty.",
}
"""Type of a pydantic error → the text of the problem document."""


class UndeclaredChange(RuntimeError):
    """An operation that changes something does not declare whether it needs a version: a bug, found at start."""


class NoSessions(SessionInterface):
    """No cookie is read or written: one empty, immutable session for all requests."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002 - Flask's signature
        """Return the empty session."""
        return self._none


class CompleteResponse(Response):
    """A response that is complete in memory, sent without werkzeug's second pass over its headers."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it."""
        if self.status_code != _OK or environ["REQUEST_METHOD"] == "HEAD" or self._on_close:
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return self.iter_encoded()


class Json(DefaultJSONProvider):
    """JSON of requests; a body nested deeper than Python reads is malformed rather than a crash."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Parse JSON.

        Raises:
            ValueError: It is not JSON, or nested too deeply.
        """
        try:
            return json.loads(s, parse_constant=_refuse_constant, **kwargs)
        except RecursionError:
            msg = "nested too deeply"
            raise ValueError(msg) from None


class Application(OpenAPI):
    """The API. After ``enforce_access`` every endpoint has its declared access."""

    json_provider_class = Json
    session_interface = NoSessions()

    def __init__(self, info: Info, **options: Any) -> None:
        super().__init__(
            "remote_api",
            info=info,
            doc_ui=False,  # served by remote_api.views.docs, with declared access and a content security policy
            static_folder=None,
            validation_error_callback=_invalid,
            **options,
        )
        self.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        self.config["PROPAGATE_EXCEPTIONS"] = False
        self.debug = False  # whatever FLASK_DEBUG says: it changes answers
        self.url_map.merge_slashes = False
        self.url_map.redirect_defaults = False
        self.register_error_handler(Exception, self._answer_error)
        self._guard: Guard | None = None
        self._limits: RateLimits | None = None
        self._access_declarations: dict[str, AccessDeclaration] = {}
        self._conditional: frozenset[str] = frozenset()
        self._with_body: frozenset[str] = frozenset()
        self._static_rules: StaticRules = {}

    def enforce_access(self, guard: Guard, limits: RateLimits) -> None:
        """Read the declarations of all views, and enforce them from now on.

        Raises:
            UndeclaredAccess: A view does not declare access.
            UndeclaredChange: A change does not declare whether it needs a version.
        """
        self._access_declarations = read_access_declarations(self.url_map.iter_rules(), self.view_functions)
        self._conditional = self._read_preconditions()
        self._with_body = frozenset(name for name, view in self.view_functions.items() if _takes_body(view))
        self._guard = guard
        self._limits = limits
        self._static_rules = static_rules(self.url_map)
        for endpoint, view in self.view_functions.items():
            self.view_functions[endpoint] = _bare(view)

    @property
    def access_declarations(self) -> dict[str, AccessDeclaration]:
        """Endpoint → the access that it declares; empty before ``enforce_access``."""
        return self._access_declarations

    def make_response(self, rv: Any) -> Response:
        """As Flask's; also takes a response model, alone or first of a tuple, which becomes JSON."""
        if isinstance(rv, ResponseModel):
            return json_response(rv)
        if isinstance(rv, tuple) and isinstance(rv[0], ResponseModel):
            rv = (json_response(rv[0]), *rv[1:])
        return super().make_response(rv)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's, without matching the host, which the middleware has checked."""
        if request is None:
            return None
        path = request.environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        return PathAdapter(self.url_map, self._static_rules, path, request.method)

    def dispatch_request(self) -> Any:
        """Flask's dispatch with the access check in front: an endpoint without a declaration is never reached.

        Raises:
            RuntimeError: if ``enforce_access`` was not called.
        """
        request = request_ctx.request
        if request.routing_exception is not None:
            self.raise_routing_exception(request)
        rule = request.url_rule
        if rule is None or self._guard is None or self._limits is None:  # unreachable; never trusted
            msg = "enforce_access was not called"
            raise RuntimeError(msg)
        endpoint = rule.endpoint
        declaration = self._access_declarations[endpoint]
        self._limits.admit(request.environ, endpoint, declaration)
        if declaration.protected:
            self._guard.require(declaration.permission, target=f"{request.method} {rule.rule}")
        if endpoint in self._conditional:
            demand_version()
        if endpoint in self._with_body:
            _demand_object(request)
        return self.view_functions[endpoint](**(request.view_args or {}))

    def _read_preconditions(self) -> frozenset[str]:
        """Endpoints that need a version; raises ``UndeclaredChange`` with every change that does not declare it."""
        changes = {rule.endpoint: rule.rule for rule in self.url_map.iter_rules() if (rule.methods or set()) - READS}
        needs_by_endpoint = {endpoint: needs_version(self.view_functions.get(endpoint)) for endpoint in changes}
        if missing := sorted(changes[endpoint] for endpoint, needs in needs_by_endpoint.items() if needs is None):
            msg = f"these changes do not declare @conditional or @unconditional below the route: {', '.join(missing)}"
            raise UndeclaredChange(msg)
        return frozenset(endpoint for endpoint, needs in needs_by_endpoint.items() if needs)

    def _answer_error(self, error: Exception) -> Response:
        rule: Rule | None = request_ctx.request.url_rule
        declaration = self._access_declarations.get(rule.endpoint) if rule is not None else None
        where = f"{request_ctx.request.method} {rule.rule}" if rule is not None else "an unknown address"
        document = problem(
            after_a_change(error), protected=declaration is not None and declaration.protected, where=where
        )
        return Response(document.body, status=document.status, headers=document.headers)


def json_response(model: ResponseModel) -> CompleteResponse:
    """The response that carries a model as compact ASCII JSON."""
    body = model.__pydantic_serializer__.to_json(model, ensure_ascii=True)
    return CompleteResponse(body, content_type="application/json")


def _bare(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view without flask-openapi3's wrapper when there is nothing to validate (it costs microseconds)."""
    inner: Callable[..., Any] | None = getattr(view, "__wrapped__", None)
    # Only the library's own wrapper, which it also stores on the function; never another decorator.
    if inner is None or getattr(inner, "view", None) is not view or inspect.signature(inner).parameters:
        return view
    return inner


def _takes_body(view: Callable[..., Any]) -> bool:
    """Whether the view has a ``body``, as flask-openapi3 reads it from the signature."""
    return "body" in inspect.signature(view).parameters


def _demand_object(request: Request) -> None:
    """Raise unless the body is one JSON object; the library accepts any value and any content type."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send JSON, with the Content-Type application/json.")
    body = request.get_json(silent=True)  # the view reads the same once more, from memory
    if body is None:
        raise BadRequest("The body is not JSON.")
    if not isinstance(body, dict):
        raise InvalidInput({"request": "The body must be a JSON object."})


def _invalid(error: ValidationError) -> NoReturn:
    """Raise ``InvalidInput`` with each invalid field and what is expected; never with the value."""
    problems: dict[str, str] = {}
    for mistake in error.errors(include_url=False, include_input=False, include_context=False)[:MAX_REPORTED_FIELDS]:
        name = ".".join(str(part) for part in mistake["loc"]) or "request"
        sentence = _SENTENCES.get(mistake["type"]) or f"{mistake['msg']}."
        problems.setdefault(name[:100] if mistake["type"] != "extra_forbidden" else "unknown", sentence)
    raise InvalidInput(problems)


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
