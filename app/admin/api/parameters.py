"""Query parameters of calls."""

from __future__ import annotations

from app.api_transport import Params


def query_params(**values: object) -> Params:
    """Return the query parameters of the values that select something: not empty texts, None or False."""
    params: dict[str, str | list[str]] = {}
    for name, value in values.items():
        if isinstance(value, list | tuple):
            params[name] = [str(item) for item in value]
        elif value is not None and value is not False and value != "":
            params[name] = "true" if value is True else str(value)
    return params
