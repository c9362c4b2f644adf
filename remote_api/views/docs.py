"""The API's description, and the interactive docs over it, served offline from the installed Swagger UI.

The scripts come from the package ``flask-openapi3-swagger``; without it, only the description is served.
Nothing is fetched from elsewhere, and the page's content security policy allows nothing else.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, current_app

from app.core.errors import NotFound
from remote_api.access import public

DESCRIPTION: Final = "gatehouse.description"
"""Where the app keeps its ``Description``."""

_PACKAGE: Final = "flask_openapi3_swagger"
_FILES: Final = {
    "swagger-ui.css": ("css/swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": ("js/swagger-ui-bundle.js", "text/javascript"),
}
# Swagger UI sets style attributes; scripts stay ours and in files.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gatehouse remote API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START: Final = """window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
});
"""

blueprint = Blueprint("docs", __name__)


@blueprint.get("/openapi.json")
@public
def description() -> Response:
    """The description (OpenAPI 3.1)."""
    return Response(current_app.extensions[DESCRIPTION].as_bytes(), content_type="application/json")


@blueprint.get("/docs")
@public
def page() -> Response:
    """The interactive docs."""
    _folder()
    return Response(_PAGE, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY})


@blueprint.get("/docs/<name>")
@public
def file(name: str) -> Response:
    """A file of the page; no other name is served.

    Raises:
        NotFound: for any other name.
    """
    if name == "start.js":
        return Response(_START, content_type="text/javascript; charset=utf-8")
    if name not in _FILES:
        raise NotFound
    path, media_type = _FILES[name]
    return Response((_folder() / path).read_bytes(), content_type=f"{media_type}; charset=utf-8")


def _folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise NotFound("The interactive docs are not installed here; the description is at /openapi.json.")
    return Path(spec.origin).parent / "templates" / "swagger"
