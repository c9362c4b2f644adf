"""A test client that checks each response of the API against the description of the same app."""

from __future__ import annotations

import json
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from remote_api.application import Application
from remote_api.views.docs import DESCRIPTION
from tests.contract import Contract

_contracts: dict[frozenset[str], Contract] = {}
"""The contract of each set of routes: nearly all tests share one, and describing an app takes longer than a test."""


class ContractClient(FlaskClient):
    """Flask's test client; ``open`` raises ``ContractDrift`` for a response that does not fit its declared model."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request and check its response."""
        response = super().open(*args, **kwargs)
        assert isinstance(self.application, Application)
        request, content_type = response.request, response.mimetype or ""
        if content_type.endswith("json"):
            contract = contract_of(self.application)
            contract.check(request.method, request.path, response.status_code, content_type, response.data)
        return response


def contract_of(app: Application) -> Contract:
    """The contract that the app's description declares."""
    rules = frozenset(str(rule) for rule in app.url_map.iter_rules())
    contract = _contracts.get(rules)
    if contract is None:
        contract = _contracts[rules] = Contract(json.loads(app.extensions[DESCRIPTION].as_bytes()))
    return contract
