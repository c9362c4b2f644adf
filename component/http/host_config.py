"""``/_stcore/host-config``: what a page that frames the app may do in it, which is nothing.

Streamlit's own answer (1.67) lists the hosts of its cloud, from which its front end would take messages: rerun, stop,
an auth token, a theme. Nothing may frame us, so the front end gets no host, and listens to none. We answer
ourselves, because the code of an app can change ``client.allowedOrigins`` for all users.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import JSONResponse, Response

PATH: Final = "/_stcore/host-config"
HOST_CONFIG: Final = {
    "allowedOrigins": [],
    "useExternalAuthToken": False,
    "enableCustomParentMessages": False,
    "enforceDownloadInNewTab": False,
    "metricsUrl": "",
    "blockErrorDialogs": False,
    "resourceCrossOriginMode": None,
}
"""As Streamlit's, without its hosts."""


def answer() -> Response:
    """The response, the same for every request."""
    return JSONResponse(HOST_CONFIG, headers={"Cache-Control": "no-cache"})
