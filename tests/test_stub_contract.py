"""A stub of the API whose responses drift from the contract fails the test that uses it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from tests import stub_responses
from tests.contract import ContractDrift, ContractMiddleware, stored_contract
from tests.stub_api import FAULTS, StubApi, StubResponse, json_of

PATH = f"{stub_responses.BASE}/people/7"
DRIFTS = {
    "a field is missing": json_of({"id": 7}),
    "a field is new": json_of(stub_responses.card(shoe_size=43)),
    "a field has another type": json_of(stub_responses.card(email=7)),
    "another status": json_of(stub_responses.card(), 202),
    "a problem without a code": StubResponse(404, b"{}", {"Content-Type": "application/problem+json"}),
}


def serve(response: StubResponse) -> None:
    """Get ``response`` once from a stub that checks it."""
    with StubApi(contract=stored_contract()) as stub, requests.Session() as http:
        stub.responses["GET", PATH] = response
        http.trust_env = False
        http.get(f"{stub.url}{PATH}", timeout=10)


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_stub_that_drifts_from_the_contract_fails(drift: str) -> None:
    with pytest.raises(ContractDrift, match="people/7"):
        serve(DRIFTS[drift])


@pytest.mark.parametrize("response", [json_of(stub_responses.card()), *FAULTS.values()])
def test_declared_responses_problems_and_marked_departures_pass(response: StubResponse) -> None:
    serve(replace(response, cut=False))


def test_every_stub_response_is_as_the_contract_declares() -> None:
    with StubApi() as stub:
        stub_responses.serve(stub)
    for (method, path), response in stub.responses.items():
        if isinstance(response, StubResponse):
            content_type = response.headers.get("Content-Type", "")
            stored_contract().check(method, path, response.status, content_type, response.content)


def test_the_middleware_records_a_drift_and_passes_the_response_on() -> None:
    def app(environ: object, start_response: object) -> list[bytes]:
        assert callable(start_response)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"status":', b' "ill", "extra": 1}']

    checked = ContractMiddleware(app, stored_contract())
    sent: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/healthz"}
    body = b"".join(checked(environ, lambda status, _headers, _error=None: sent.append(status)))  # type: ignore[arg-type] # no writer
    assert (body, sent) == (b'{"status": "ill", "extra": 1}', ["200 OK"])
    assert len(checked.drifts) == 1
