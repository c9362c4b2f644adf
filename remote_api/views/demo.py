"""Demo endpoints: public, for any valid access token, and for a permission."""

from __future__ import annotations

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.core.contract.base import Message, construct
from app.core.contract.demo import Echo
from app.core.permissions import Permission
from remote_api.access import authenticated, public, requires
from remote_api.preconditions import unconditional

api = APIBlueprint("demo", __name__, url_prefix="/api", abp_tags=[Tag(name="demo", description="Try the API out.")])


@api.get("/ping", responses={200: Message})
@public
def ping() -> Message:
    """Return a message; needs no access token."""
    return construct(Message, message="Pong. No access token is required.")


@api.get("/pong", responses={200: Message})
@authenticated
def pong() -> Message:
    """Return a message to a caller with a valid access token."""
    return construct(Message, message="Ping. You sent a valid access token.")


@api.get("/pong-scoped", responses={200: Message})
@requires(Permission.READ_MESSAGES)
def pong_scoped() -> Message:
    """Return a message to a caller who may read messages."""
    return construct(Message, message="Ping. You may read messages.")


@api.post("/echo", responses={200: Message})
@unconditional("it changes nothing")
@authenticated
def echo(body: Echo) -> Message:
    """Return the text of the request."""
    return construct(Message, message=body.text)
