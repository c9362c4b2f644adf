"""Responses are held against the contract: in every test of the API, and drift fails the test."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from flask_openapi3.blueprint import APIBlueprint

import remote_api
from app.core.contract.base import Message, ResponseModel, SubjectBody, Time, construct
from app.core.contract.people import People, PersonItem
from remote_api.access import public
from tests.contract import ContractDrift, models
from tests.remote_api.contract_client import contract_of
from tests.remote_api.world import ApiWorld

MESSAGE = construct(Message, message="é")
DRIFTS: dict[str, Any] = {
    "a field is missing": {},
    "a field is new": {"message": "x", "shoe_size": 43},
    "a field has another type": {"message": 1},
    "a field is null": {"message": None},
    "a model was built from a wrong value": construct(Message, message=7),  # type: ignore[arg-type] # the drift
    "another model": construct(SubjectBody, issuer="i", subject="s"),
    "another status": ({"message": "x"}, 201),
}


def _plant(world: ApiWorld, monkeypatch: pytest.MonkeyPatch, response: Any) -> None:
    """Serve ``response`` at an address that declares a ``Message``."""
    drifted = APIBlueprint("drifted", __name__)

    @drifted.get("/drifted", responses={200: Message})
    @public
    def view() -> Any:
        return response

    monkeypatch.setattr(remote_api, "BLUEPRINTS", (*remote_api.BLUEPRINTS, drifted))
    world.app = world.make_app()


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_a_response_that_drifts_from_its_model_fails_the_test(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, drift: str
) -> None:
    _plant(world, monkeypatch, DRIFTS[drift])
    with pytest.raises(ContractDrift, match="/drifted"):
        world.call("/drifted")


@pytest.mark.parametrize("response", [{"message": "é"}, MESSAGE, (MESSAGE, 200)], ids=["dict", "model", "tuple"])
def test_a_response_as_declared_passes(world: ApiWorld, monkeypatch: pytest.MonkeyPatch, response: Any) -> None:
    _plant(world, monkeypatch, response)
    assert world.call("/drifted").json == {"message": "é"}


def test_every_operation_answers_with_a_model_of_the_contract_a_file_or_nothing(world: ApiWorld) -> None:
    operations = contract_of(world.app).operations
    names = {name for responses in operations.values() for name in responses.values()}
    assert names <= models().keys()
    assert {operation for operation, responses in operations.items() if not responses} == {
        "admin_sessions_end_any_session",
        "audit_export",
        "people_erase",
        "reports_usage_csv",
        "sessions_end_session",
    }


def test_times_of_every_response_are_written_with_an_offset() -> None:
    """All are ``Time``: pydantic's own serializer would write ``Z``."""
    for model in models().values():
        for name, annotation in get_type_hints(model, include_extras=True).items():
            if "datetime.datetime" in repr(annotation):
                assert annotation in (Time, Time | None), f"{model.__name__}.{name}"


def test_a_constructed_model_is_like_a_validated_one() -> None:
    values: dict[str, Any] = {"issuer": "https://i/", "subject": "s"}
    constructed, validated = construct(SubjectBody, **values), SubjectBody(**values)
    assert (constructed, hash(constructed), repr(constructed)) == (validated, hash(validated), repr(validated))
    assert constructed.model_dump_json() == validated.model_dump_json()
    assert {constructed} == {validated}


def test_responses_are_immutable_and_complete() -> None:
    assert models()["People"] is People
    for model in models().values():
        assert issubclass(model, ResponseModel)
        assert model.model_config["frozen"] is True
        assert all(field.is_required() for field in model.model_fields.values()), model
    assert "roles" in PersonItem.model_fields
