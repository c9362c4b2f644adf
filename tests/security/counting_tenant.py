"""The local tenant, as it is, with a line in its log for every request to its token endpoint.

``python -m tests.security.counting_tenant``, with the arguments of ``python -m component.dev_tenant``.
"""

from __future__ import annotations

import sys
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from component.dev_tenant import __main__ as tenant
from component.dev_tenant.routes import _Endpoints

LINE = "asked for tokens by"


async def _counted(self: _Endpoints, request: Request) -> Response:
    form = parse_qs((await request.body()).decode())
    print(LINE, form.get("grant_type", ["?"])[0], flush=True)
    return await _token(self, request)


_token = _Endpoints.token
_Endpoints.token = _counted  # type: ignore[method-assign] # what is counted is what arrives

if __name__ == "__main__":
    sys.exit(tenant.main())
