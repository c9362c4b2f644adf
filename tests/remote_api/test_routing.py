"""The look-up of views by their path: which rules are found without a walk, and what a match returns."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule

from remote_api.routing import PathAdapter, static_rules

RULES = Map(
    [
        Rule("/a", endpoint="a", methods=["GET"]),
        Rule("/a", endpoint="change", methods=["PUT"]),
        Rule("/b/", endpoint="b", methods=["GET"]),
        Rule("/c/<int:number>", endpoint="c", methods=["GET"]),
        Rule("/any", endpoint="any"),
    ]
)


def adapter(path: str, method: str = "GET") -> PathAdapter:
    return PathAdapter(RULES, static_rules(RULES), path, method)


def test_rules_without_parameters_are_found_by_method_and_path() -> None:
    assert {key: rule.endpoint for key, rule in static_rules(RULES).items()} == {
        ("GET", "/a"): "a",
        ("HEAD", "/a"): "a",
        ("PUT", "/a"): "change",
    }


def test_a_match_is_the_rule_with_its_values() -> None:
    rule, values = adapter("/a").match()
    assert (rule.endpoint, values) == ("a", {})
    assert adapter("/a", "PUT").match()[0].endpoint == "change"
    assert adapter("/c/7").match() == ("c", {"number": 7})
    assert adapter("/else").match("/c/8", "GET") == ("c", {"number": 8})
    assert adapter("/c/7").match(return_rule=True)[0].rule == "/c/<int:number>"


@pytest.mark.parametrize("path", ["/none", "//a", "//c/7", "/c/x"])
def test_other_paths_are_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        adapter(path).match()
