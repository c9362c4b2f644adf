"""Finding the view for a path: exactly, without redirects, and cheaply for paths without parameters.

Flask binds its map to the host of every request and walks it. The middleware checks hosts, and most paths
have no parameters: those are one look-up.
"""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, MapAdapter, Rule

StaticRules = dict[tuple[str, str], Rule]


def static_rules(url_map: Map) -> StaticRules:
    """(method, path) → rule, of every rule without parameters."""
    return {
        (method, rule.rule): rule
        for rule in url_map.iter_rules()
        if not rule.arguments and not rule.rule.endswith("/")
        for method in rule.methods or ()
    }


class PathAdapter(MapAdapter):
    """The map, bound to the path and method of one request."""

    def __init__(self, url_map: Map, rules: StaticRules, path: str, method: str) -> None:
        super().__init__(url_map, "localhost", "/", "", "http", path, method)
        self._static_rules = rules

    def match(self, *args: Any, **kwargs: Any) -> Any:
        """Return the rule and its values.

        Raises:
            NotFound: No rule matches the path exactly.
        """
        rule = self._static_rules.get((self.default_method, self.path_info))
        if rule is not None:
            return rule, {}
        if self.path_info.startswith("//"):
            raise NotFound
        return super().match(*args, **kwargs)
