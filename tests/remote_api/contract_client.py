"""A test client that holds every successful response of the API against the model its operation declares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from app.core.contract.base import ResponseModel
from remote_api.application import Application
from remote_api.views.docs import DESCRIPTION

Operations = dict[str, dict[int, str]]
"""Operation id → status → name of the schema."""

_operations: dict[frozenset[str], Operations] = {}
"""Those of each set of rules: nearly all tests have the same, and to describe an app takes longer than most tests."""


class ContractDrift(AssertionError):
    """The API answered something other than the description declares."""


class ContractClient(FlaskClient):
    """Flask's test client; ``open`` raises ``ContractDrift`` for a response that does not fit its declared model."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request and check its response."""
        response = super().open(*args, **kwargs)
        assert isinstance(self.application, Application)
        check(self.application, response)
        return response


def check(app: Application, response: TestResponse) -> None:
    """Raise ``ContractDrift`` unless a successful JSON response is what its operation declares."""
    if not 200 <= response.status_code < 300 or response.mimetype != "application/json" or response.request is None:
        return
    try:
        endpoint, _ = app.url_map.bind("localhost").match(response.request.path, method=response.request.method)
    except HTTPException:
        return
    declared = operations(app).get(str(endpoint).replace(".", "_"))
    if not declared or response.request.method == "HEAD":
        return  # not an operation of the description, such as the description itself, or no JSON
    where = f"{response.request.method} {response.request.path}"
    if response.status_code not in declared:
        raise ContractDrift(f"{where} answered {response.status_code}, which has no model")
    model = models()[declared[response.status_code]]
    try:
        parsed = model.model_validate_json(response.data, strict=True)
    except ValidationError as error:
        raise ContractDrift(f"{where} does not answer with a {model.__name__}: {error}") from error
    if json.loads(parsed.model_dump_json()) != json.loads(response.data):
        raise ContractDrift(f"{where} writes a {model.__name__} in another form than the model does")


def operations(app: Application) -> Operations:
    """The JSON schemas of successful responses, as the app's description declares them."""
    rules = frozenset(str(rule) for rule in app.url_map.iter_rules())
    known = _operations.get(rules)
    if known is None:
        known = _operations[rules] = dict(_declared(json.loads(app.extensions[DESCRIPTION].as_bytes())))
    return known


def _declared(description: dict[str, Any]) -> Iterator[tuple[str, dict[int, str]]]:
    for methods in description["paths"].values():
        for operation in methods.values():
            yield (
                operation["operationId"],
                {
                    int(status): reference.rpartition("/")[2]
                    for status, response in operation["responses"].items()
                    if status.startswith("2")
                    and (
                        reference := response.get("content", {})
                        .get("application/json", {})
                        .get("schema", {})
                        .get("$ref")
                    )
                },
            )


@cache
def models() -> dict[str, type[ResponseModel]]:
    """Every response model of the contract by the name of its schema."""
    return {model.__name__: model for model in _subclasses(ResponseModel) if "[" not in model.__name__}


def _subclasses(model: type[ResponseModel]) -> Iterator[type[ResponseModel]]:
    for subclass in model.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
