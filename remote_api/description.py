"""The OpenAPI 3.1 description, made from the code: each operation with its required access and its errors."""

from __future__ import annotations

import json
import re
from threading import Lock
from typing import Any, Final

from flask_openapi3.models.info import Info

from app.core.contract.problem import ProblemBody
from remote_api.access import AccessDeclaration
from remote_api.application import Application
from remote_api.preconditions import READS, needs_version
from remote_api.problems import MEDIA_TYPE
from remote_api.rate_limits import UNLIMITED

API_VERSION: Final = "1.0.0"
INFO: Final = Info(
    title="Gatehouse remote API",
    version=API_VERSION,
    description="Every call is decided by the caller's current grants: revoking a grant, blocking a person or ending a "
    "session takes effect at the next call. Every error is a problem document (RFC 9457) with a stable `code`.",
)
SECURITY_SCHEMES: Final[dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of the configured provider for this API, in one `Authorization` header.",
    }
}

_PROBLEM: Final = "Problem"
_VERSIONED: Final = frozenset({"PersonBody", "RoleBody", "Blocked", "MappingChanged"})
"""Answers that come with an ``ETag``."""
_RAISES: Final = re.compile(r"(?:<br/>)*Raises:.*", re.DOTALL)
"""The section of a view's docstring for readers of the code, as the library joins its lines."""
_PARAMETER: Final = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


class Description:
    """The description of an app, written when it is first read: most processes never serve it."""

    def __init__(self, app: Application) -> None:
        """``app``: complete, but for requests it serves."""
        self._app = app
        self._lock = Lock()
        self._text: bytes | None = None

    def as_bytes(self) -> bytes:
        """Return the description in the form of ``docs/openapi.json``."""
        with self._lock:
            if self._text is None:
                self._text = as_text(describe(self._app)).encode()
            return self._text


def describe(app: Application) -> dict[str, Any]:
    """The whole description, ready to be written as JSON; call after ``app.enforce_access``."""
    app.generate_spec_json()  # type: ignore[no-untyped-call] # the library leaves it untyped
    description: dict[str, Any] = app.spec_json
    for rule in app.url_map.iter_rules():
        operations = description["paths"].get(_PARAMETER.sub(r"{\1}", rule.rule), {})
        for method in rule.methods or ():
            if (operation := operations.get(method.lower())) is not None:
                _complete(operation, rule.endpoint, app.access_declarations[rule.endpoint])
                _document_failures(operation, reads=method in READS)
                if needs_version(app.view_functions[rule.endpoint]):
                    _document_precondition(operation)
                _document_headers(operation)
                operation["responses"] = dict(sorted(operation["responses"].items()))
    schemas = description["components"]["schemas"]
    for name in [name for name in schemas if name.startswith("ValidationError")]:
        del schemas[name]
    schemas[_PROBLEM] = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    description["components"]["schemas"] = dict(sorted(schemas.items()))
    return description


def as_text(description: dict[str, Any]) -> str:
    """Return the description in the form of ``docs/openapi.json``."""
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


def _complete(operation: dict[str, Any], endpoint: str, declaration: AccessDeclaration) -> None:
    """Add the declared access, and the problems that every operation may return."""
    responses = operation["responses"]
    responses.pop("422", None)
    operation["operationId"] = endpoint.replace(".", "_")
    operation["security"] = [{"bearer": []}] if declaration.protected else []
    if declaration.permission is not None:
        access = f"Needs the permission `{declaration.permission}`. {declaration.permission.sentence}"
        if (requirement := declaration.permission.step_up) is not None:
            age = (
                f" of the last {requirement.max_age_seconds} seconds" if requirement.max_age_seconds is not None else ""
            )
            context = f" of the class `{requirement.acr}`" if requirement.acr else ""
            access += f" Requires a sign-in{age}{context}: else 401 with the challenge of RFC 9470."
        operation["x-required-permission"] = str(declaration.permission)
        operation["security"] = [{"bearer": [str(declaration.permission)]}]
    elif declaration.protected:
        access = "Needs a valid access token, and no permission."
    else:
        access = "Public: needs no access token."
    text = _RAISES.sub("", operation.pop("description", ""))
    operation["description"] = "\n\n".join(filter(None, [text, access]))
    if declaration.protected:
        responses["400"] = _problem("The request could not be understood.")
        responses["401"] = _problem("No access token was sent, or it is not valid.")
        responses["403"] = _problem("The caller may not do this.")
    if endpoint not in UNLIMITED:
        responses["429"] = _problem(
            "Too many calls; `Retry-After` is the number of seconds until the next call passes."
        )
    responses["default"] = _problem("Anything else that went wrong.")


def _document_failures(operation: dict[str, Any], *, reads: bool) -> None:
    """Add how an operation fails that has parameters, a body, or an effect."""
    responses, parameters = operation["responses"], operation.get("parameters", [])
    if parameters or operation.get("requestBody"):
        responses["422"] = _problem("Some of the input is not right.")
    if not reads or any(parameter["in"] == "path" for parameter in parameters):
        responses["404"] = _problem("There is nothing here for the caller.")
    if not reads:
        responses["409"] = _problem("This contradicts the current state.")
    if operation.get("requestBody"):
        operation["requestBody"]["required"] = True
        responses["413"] = _problem("The body is too large.")
        responses["415"] = _problem("The body is not `application/json`.")


def _document_precondition(operation: dict[str, Any]) -> None:
    """Add the header that names the version, how it fails, and the version of the answer."""
    operation.setdefault("parameters", []).append(
        {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "description": "The `ETag` of what you have seen: exactly one, in its quotes.",
            "schema": {"type": "string", "pattern": '^"[!#-~]{1,200}"$'},
        }
    )
    operation["responses"] |= {
        "412": _problem("It was changed meanwhile."),
        "428": _problem("`If-Match` is missing."),
    }


def _document_headers(operation: dict[str, Any]) -> None:
    """Add the headers of successful responses: the version of a resource, and the address of a new one."""
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        headers = {}
        if schema.get("$ref", "").rpartition("/")[2] in _VERSIONED:
            headers["ETag"] = {"description": "The current version of the resource.", "schema": {"type": "string"}}
        if status == "201" and not any(parameter["in"] == "path" for parameter in operation.get("parameters", [])):
            headers["Location"] = {"description": "The address of the new resource.", "schema": {"type": "string"}}
        if headers:
            answer["headers"] = headers


def _problem(sentence: str) -> dict[str, Any]:
    return {
        "description": sentence,
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{_PROBLEM}"}}},
    }
