"""The rehearsal in its short form: nothing wrong, nothing lost, the audit whole after each operation."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.nginx import nginx
from tests.postgres import Cluster, installed
from tests.rehearsal.operations import Rehearsal, table


def test_every_documented_operation_loses_no_session_and_no_audit_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nginx()
    binaries = installed()
    if binaries is None:
        if os.environ.get("REQUIRE_NGINX"):
            pytest.fail("needs a PostgreSQL server: apt install postgresql")
        pytest.skip("needs a PostgreSQL server: apt install postgresql")
    with Cluster(binaries) as cluster:
        rehearsal = Rehearsal(tmp_path, cluster, count=2)
        with rehearsal.installation:
            results = rehearsal.run()
    with capsys.disabled():
        print(f"\n{table(results)}")
    assert [(result.operation, result.wrong, result.lost, result.audit, result.details) for result in results] == [
        (name, 0, 0, "whole", ()) for name, _ in rehearsal.operations()
    ]
    assert all(result.requests >= 12 for result in results)
    failed = {result.operation: result.failed for result in results}
    assert failed["nothing, to compare with"] == 0
    assert failed["database frozen for a while"] >= 3, "every client received an error"
