"""Checks responses of the remote API, and of its stubs, against the models that the description declares for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError
from werkzeug.test import run_wsgi_app

from app.core import contract
from app.core.contract.base import ResponseModel
from app.core.contract.problem import ProblemBody

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

M = TypeVar("M", ResponseModel, ProblemBody)

DESCRIPTION_FILE: Final = Path(__file__).parents[1] / "docs" / "openapi.json"


class ContractDrift(AssertionError):
    """A response is not what the description declares."""


class Contract:
    """The models of responses, by operation and status, as an OpenAPI description declares them."""

    def __init__(self, description: dict[str, Any]) -> None:
        """Read ``description``."""
        self.operations: dict[str, dict[int, str]] = {}
        """Operation id → status → name of the schema, for successful JSON responses."""
        self._routes: list[tuple[str, re.Pattern[str], str]] = []
        # Paths without parameters first: /roles/permissions is no /roles/{role}.
        for path, methods in sorted(description["paths"].items(), key=lambda row: row[0].count("{")):
            pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
            for method, operation in methods.items():
                self.operations[operation["operationId"]] = dict(_schemas(operation))
                self._routes.append((method.upper(), pattern, operation["operationId"]))

    def check(self, method: str, path: str, status: int, content_type: str, content: bytes) -> None:
        """Check one response.

        A path that is not in the description passes, as do files and responses to HEAD.

        Raises:
            ContractDrift: The body is not what the description declares.
        """
        where = f"{method} {path}"
        if method == "HEAD":
            return
        if content_type == "application/problem+json":
            _parse(ProblemBody, content, where)
            return
        operation = next((name for verb, route, name in self._routes if verb == method and route.fullmatch(path)), None)
        schemas = self.operations.get(operation or "")
        if not schemas or content_type != "application/json" or not 200 <= status < 300:
            return
        if status not in schemas:
            raise ContractDrift(f"{where} answered {status}, which has no model")
        model = models()[schemas[status]]
        parsed = _parse(model, content, where)
        if json.loads(parsed.model_dump_json()) != json.loads(content):
            raise ContractDrift(f"{where} writes a {model.__name__} in another form than the model does")


class ContractMiddleware:
    """WSGI middleware that checks each JSON response; ``drifts`` has those that are not as declared."""

    def __init__(self, app: WSGIApplication, declared: Contract) -> None:
        """Wrap ``app``."""
        self._app = app
        self._contract = declared
        self.drifts: list[ContractDrift] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request; bodies that are not JSON are streamed."""
        chunks, status, headers = run_wsgi_app(self._app, environ)
        content_type = headers.get("Content-Type", "").partition(";")[0]
        if content_type.endswith("json"):
            content = b"".join(chunks)
            try:
                method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
                self._contract.check(method, path, int(status.partition(" ")[0]), content_type, content)
            except ContractDrift as drift:
                self.drifts.append(drift)
            if close := getattr(chunks, "close", None):
                close()
            chunks = [content]
        start_response(status, list(headers))
        return chunks


def _schemas(operation: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for status, response in operation["responses"].items():
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        if status.startswith("2") and "$ref" in schema:
            yield int(status), schema["$ref"].rpartition("/")[2]


def _parse(model: type[M], content: bytes, where: str) -> M:
    try:
        return model.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise ContractDrift(f"{where} does not answer with a {model.__name__}: {error}") from error


@cache
def models() -> dict[str, type[ResponseModel]]:
    """Every response model of the contract by the name of its schema."""
    for module in iter_modules(contract.__path__, f"{contract.__name__}."):
        import_module(module.name)
    return {model.__name__: model for model in _subclasses(ResponseModel) if "[" not in model.__name__}


def _subclasses(model: type[ResponseModel]) -> Iterator[type[ResponseModel]]:
    for subclass in model.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


@cache
def stored_contract() -> Contract:
    """The contract of ``docs/openapi.json``, which a test holds equal to the API's own description."""
    return Contract(json.loads(DESCRIPTION_FILE.read_text(encoding="utf-8")))
