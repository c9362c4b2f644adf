"""Query parameters of the calls."""

from __future__ import annotations

from app.api_transport import Params


def query_params(**values: object) -> Params:
    """Return query parameters for ``values``, without empty texts, None and False."""
    params: dict[str, str | list[str]] = {}
    for name, value in values.items():
        if isinstance(value, list | tuple):
            params[name] = [str(item) for item in value]
        elif value is not None and value is not False and value != "":
            params[name] = "true" if value is True else str(value)
    return params
