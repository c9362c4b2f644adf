"""The cost of parsing JSON, estimated before it is parsed: literal costs, so that a count bounds a parser's work."""

from __future__ import annotations

import json

import pytest

from component.protocol import json_cost

MAX_COST = 400_000
PADDING = " " * 1000


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("[" + "[]," * 1000 + "[]]", 12 * 1002 + 1000),
        ("[" + "1," * 1000 + "1]", 12 + 1000),
        ("[" + "1.5," * 1000 + "1]", 12 + 4 * 1000),
        ("[" + "1E5," * 1000 + "1]", 12 + 4 * 1000),
        (json.dumps({"a": "x" * 6000}), 12 + 1),
        ('"' + "\\n" * 4000 + '"', 1000),
    ],
    ids=lambda options: str(options)[:8],
)
def test_a_cost_is_the_sum_of_its_parts(text: str, cost: int) -> None:
    assert json_cost.check(text + PADDING, max_cost=MAX_COST) == cost + (len(text) + len(PADDING)) // 64


def test_a_short_text_has_a_cost_too() -> None:
    assert json_cost.check("[" + "[]," * 300 + "[]]", max_cost=MAX_COST) == 12 * 302 + 300 + 904 // 64
    assert json_cost.check("null", max_cost=MAX_COST) == 1


@pytest.mark.parametrize("text", ["[" + "[]," * 1000 + "[]x]", "[" * 120 + "[]," * 1000 + "[]" + "]" * 120, "[1,]"])
def test_json_that_is_refused_after_parsing_has_its_cost(text: str) -> None:
    with pytest.raises(json_cost.UnreadableJson) as refused:
        json_cost.check(text, max_cost=MAX_COST)
    assert refused.value.cost == json_cost.estimate(text, max_cost=MAX_COST) > 0


@pytest.mark.parametrize(
    "text",
    [
        "[" + "[]," * 40_000 + "[]]",
        "[" + "1e1," * 110_000 + "1]",
        "[" + '{"":0},' * 40_000 + "1]",
        '"' + "\\n" * 2_000_000 + '"',
        '["' + '","' * 500_000 + '"]',
        "[" + ("1" * 1299 + ",") * 3000 + "1]",
        "[" * 101 + "]" * 101,
        "[" * 101 + "]" * 101 + PADDING,
        '{"a":' * 101 + "1" + "}" * 101 + PADDING,
        "[" * 4_000_000,
        "1" * 1300 + PADDING,
        "[1," + "2" * 70_000 + "]",
        "{" + PADDING,
    ],
    ids=lambda text: text[:8],
)
def test_json_that_is_too_costly_or_fails_a_parser_is_refused(text: str) -> None:
    with pytest.raises(json_cost.UnreadableJson):
        json_cost.check(text, max_cost=MAX_COST)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        json.dumps({"edited_rows": {str(row): {"name": "Ann", "amount": 12.5} for row in range(5_000)}}),
        json.dumps({"points": [{"x": n / 7, "y": n, "curve": 0, "index": n} for n in range(8_000)]}),
        json.dumps(("a,b;c:d" * 12 + "\n") * 20_000),
        json.dumps("data:image/png;base64," + "iVBORw0KGgo" * 300_000),
        "[" * 100 + "1" + "]" * 100 + PADDING,
        "[" + "1" * 1299 + "]" + PADDING,
    ],
    ids=lambda text: text[:8],
)
def test_values_of_widgets_in_use_are_readable(text: str) -> None:
    assert json_cost.check(text, max_cost=MAX_COST) <= MAX_COST
