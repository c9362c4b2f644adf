"""Files downloaded from the remote API."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from app import api_client
from app.core.errors import (
    ApiUnavailable,
    GatehouseError,
    PermissionDenied,
    TooLarge,
)
from tests.app.api_client.signed import Signed
from tests.stub_api import FAULTS, HTML, StubApi, StubResponse


def test_a_file_is_written_as_it_arrives_with_its_progress(stub: StubApi, signed: Signed, tmp_path: Path) -> None:
    content = b"line\n" * 200_000
    stub.default_response = StubResponse(200, content, {"Content-Type": "text/csv; charset=utf-8"})
    reports: list[int] = []
    with (tmp_path / "file").open("wb") as into:
        length = signed(
            lambda: api_client.fetch("/api/v1/audit/export", into, kind="text/csv", progress=reports.append)
        )
    assert (tmp_path / "file").read_bytes() == content
    assert length == len(content)
    assert reports == sorted(reports)
    assert reports[-1] == len(content)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (HTML, ApiUnavailable),
        (FAULTS["403"], PermissionDenied),
        (FAULTS["500 html"], ApiUnavailable),
        (StubResponse(200, b"a,b\n", {"Content-Type": "text/csv"}, cut=True), ApiUnavailable),
        (FAULTS["redirect"], ApiUnavailable),
    ],
)
def test_a_file_that_is_none_or_not_whole_is_refused(
    stub: StubApi, signed: Signed, response: StubResponse, error: type[GatehouseError]
) -> None:
    stub.default_response = response
    with pytest.raises(error):
        signed(lambda: api_client.fetch("/api/v1/audit/export", io.BytesIO(), kind="text/csv"))


def test_a_file_has_an_end(stub: StubApi, signed: Signed) -> None:
    stub.default_response = StubResponse(200, b"x" * 300_000, {"Content-Type": "text/csv"})
    with pytest.raises(TooLarge):
        signed(lambda: api_client.fetch("/x", io.BytesIO(), kind="text/csv", max_bytes=200_000))
