"""Whatever changes something says whether it needs a version; then ``If-Match`` is demanded and read strictly."""

from __future__ import annotations

from typing import Any

import pytest
from flask_openapi3.blueprint import APIBlueprint

import remote_api
from app.core.contract.base import RequestModel
from remote_api import preconditions
from remote_api.access import public
from remote_api.application import UndeclaredChange
from remote_api.preconditions import conditional, needs_version, unconditional
from tests.remote_api.world import ApiWorld


class Colour(RequestModel):
    """What is sent."""

    colour: str


@pytest.fixture
def painted(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> ApiWorld:
    """The API with one thing that can be changed: it answers the version it was asked for."""
    api = APIBlueprint("things", __name__, url_prefix="/things")

    @api.put("/one")
    @conditional
    @public
    def paint(body: Colour) -> Any:
        return {"colour": body.colour, "version": preconditions.version()}, 200, preconditions.etag("next")

    monkeypatch.setattr(remote_api, "BLUEPRINTS", (*remote_api.BLUEPRINTS, api))
    world.app = world.make_app()
    return world


def test_a_change_that_declares_nothing_does_not_start(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    api = APIBlueprint("undeclared", __name__)

    @api.delete("/undeclared")
    @public
    def undeclared() -> str:
        return ""

    monkeypatch.setattr(remote_api, "BLUEPRINTS", (*remote_api.BLUEPRINTS, api))
    with pytest.raises(UndeclaredChange, match="/undeclared"):
        world.make_app()
    with pytest.raises(TypeError, match=r"^say why the change needs no version$"):
        unconditional("")


def test_the_header_of_a_version() -> None:
    assert preconditions.etag("7-a") == {"ETag": '"7-a"'}


def test_what_each_declaration_says() -> None:
    def view() -> str:
        return ""

    assert needs_version(view) is None
    assert needs_version(conditional(view)) is True
    assert needs_version(unconditional("nothing is overwritten")(view)) is False


DETAILS = {
    400: "If-Match takes exactly one ETag here, in its quotes, as it came.",
    412: "A weak ETag does not name a version. Send the ETag as it came.",
    428: "Send If-Match with the ETag of what you have seen, so that nothing newer is lost.",
}


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ('"7-a"', 200, None),
        (' "7-a"\t', 200, None),
        ('"7-a"\x0b', 400, "bad-request"),
        ('X"7-a"X', 400, "bad-request"),
        (None, 428, "precondition-required"),
        ("", 428, "precondition-required"),
        ("*", 428, "precondition-required"),
        ('W/"7-a"', 412, "stale-version"),
        ('"7-a", "8"', 400, "bad-request"),
        ('"7-a","7-a"', 400, "bad-request"),
        ("7-a", 400, "bad-request"),
        ('"7-a', 400, "bad-request"),
        ('""', 400, "bad-request"),
        ('"7 a"', 400, "bad-request"),
        ('"7\x7fa"', 400, "bad-request"),
        ('"\xe9"', 400, "bad-request"),
        ('w/"7-a"', 400, "bad-request"),
        (f'"{"a" * 201}"', 400, "bad-request"),
        ('"a"' * 5000, 400, "bad-request"),
    ],
)
def test_if_match(painted: ApiWorld, sent: str | None, status: int, code: str | None) -> None:
    environ = {} if sent is None else {"HTTP_IF_MATCH": sent}
    answer = painted.call("/things/one", method="PUT", json={"colour": "red"}, environ_overrides=environ)
    assert (answer.status_code, answer.json.get("code")) == (status, code)
    if status == 200:
        assert (answer.json["version"], answer.headers["ETag"]) == ("7-a", '"next"')
    else:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["detail"] == DETAILS[status]


def test_the_version_is_asked_for_before_the_body_is_read(painted: ApiWorld) -> None:
    answer = painted.call("/things/one", method="PUT", data=b"not json", content_type="text/plain")
    assert answer.status_code == 428


@pytest.mark.parametrize(
    ("data", "content_type", "status", "code"),
    [
        (b'{"colour": "red"}', "application/json", 200, None),
        (b'{"colour": "red"}', "application/json; charset=utf-8", 200, None),
        (b'{"colour": "red"}', "APPLICATION/JSON", 200, None),
        (b'{"colour": "red"}', "text/plain", 415, "unsupported-media-type"),
        (b'{"colour": "red"}', "application/problem+json", 415, "unsupported-media-type"),
        (b'{"colour": "red"}', "", 415, "unsupported-media-type"),
        (b"colour=red", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b"", "application/json", 400, "bad-request"),
        (b"{", "application/json", 400, "bad-request"),
        (b"\xff\xfe", "application/json", 400, "bad-request"),
        (b'{"colour": NaN}', "application/json", 400, "bad-request"),
        (b"[" * 100_000, "application/json", 400, "bad-request"),
        (b"null", "application/json", 400, "bad-request"),
        (b"[]", "application/json", 422, "invalid-input"),
        (b'"{\\"colour\\": \\"red\\"}"', "application/json", 422, "invalid-input"),
        (b'{"colour": 7}', "application/json", 422, "invalid-input"),
        (b'{"colour": "red", "administrator": true}', "application/json", 422, "invalid-input"),
        (b"{}", "application/json", 422, "invalid-input"),
        (b'{"colour": "' + b"x" * 1_100_000 + b'"}', "application/json", 413, "too-large"),
    ],
)
def test_bodies(painted: ApiWorld, data: bytes, content_type: str, status: int, code: str | None) -> None:
    answer = painted.call(
        "/things/one", method="PUT", data=data, content_type=content_type, headers={"If-Match": '"1"'}
    )
    assert (answer.status_code, answer.json.get("code")) == (status, code)


def test_a_flood_of_wrong_fields_is_reported_in_part(painted: ApiWorld) -> None:
    sent = {f"field {number}": number for number in range(5000)}
    answer = painted.call("/things/one", method="PUT", json=sent, headers={"If-Match": '"1"'})
    assert (answer.status_code, len(answer.data) < 2000) == (422, True)
