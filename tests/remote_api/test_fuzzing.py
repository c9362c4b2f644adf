"""What the served description says is what is answered: calls made up from it by schemathesis, the same each time.

Many more, and different ones: ``python -m tests.remote_api.fuzzing --examples 500``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.issuer import Issuer
from tests.remote_api.fuzzing import described, fuzz, operations, populated
from tests.remote_api.world import ApiWorld

EXAMPLES = {"administrator": 8, "auditor": 3, "no-roles": 2, "anonymous": 2}
LABELS = sorted(
    f"{method.upper()} {path}"
    for path, methods in json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())["paths"].items()
    for method in methods
)


@pytest.fixture
def peopled(shared_issuer: Issuer) -> Iterator[ApiWorld]:
    with populated(shared_issuer) as world:
        yield world


@pytest.mark.parametrize("label", LABELS)
def test_no_undocumented_answer_and_no_server_error(peopled: ApiWorld, label: str) -> None:
    (operation,) = [operation for operation in operations(described(peopled)) if operation.label == label]
    reports = fuzz(peopled, operation, EXAMPLES)
    for caller_name, report in reports.items():
        print(f"{caller_name:14} {report}")
        assert report.calls >= EXAMPLES[caller_name] / 2
        assert not [status for status in report.statuses if status >= 500]
