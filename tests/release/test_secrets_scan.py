"""A secret in a file is reported without its text; an exception is for one text in one file, and is needed."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from tests.release.secrets_scan import Finding, exceptions_of, faults, scan
from tests.release.wheel import ROOT

MADE_UP = base64.b64encode(bytes(range(40, 88))).decode()
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "detector"),
    [
        (f'password = "{MADE_UP}"\n', None),
        (f"{PRIVATE_KEY}\n", "Private Key"),
        ("url = 'https://ann:" + "secret1@example.com/'\n", "Basic Auth Credentials"),
        ("key = 'AKIA" + "IOSFODNN7EXAMPLX'\n", "AWS Access Key"),
    ],
)
def test_a_secret_is_reported(tmp_path: Path, text: str, detector: str | None) -> None:
    (tmp_path / "settings.py").write_text(f"# a comment\n{text}")
    findings = scan(tmp_path, [Path("settings.py")], processes=1)
    assert findings
    assert {(finding.file, finding.line) for finding in findings} == {("settings.py", 2)}
    assert detector is None or detector in {finding.detector for finding in findings}
    reported = faults(findings, {})
    assert len(reported) == len(findings)
    assert not any(MADE_UP in line or "secret1" in line for line in reported)


def test_a_file_without_a_secret_is_not_reported(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("password = getpass()\nname = 'gatehouse'\n")
    assert scan(tmp_path, [Path("settings.py")], processes=1) == []


def test_an_exception_is_for_one_text_in_one_file_and_is_needed() -> None:
    findings = [Finding("a.py", "00000001", 3, "Secret Keyword"), Finding("b.py", "00000001", 4, "Secret Keyword")]
    assert faults(findings, {("a.py", "00000001"): "made up", ("b.py", "00000001"): "made up"}) == []
    assert faults(findings, {("a.py", "00000001"): "made up", ("b.py", "00000002"): "made up"}) == [
        "b.py:4: Secret Keyword (00000001)",
        "b.py: the exception for 00000002 is not needed",
    ]


def test_the_exceptions_are_of_tracked_files_and_each_is_found_there() -> None:
    exceptions = exceptions_of()
    files = sorted({Path(file) for file, _ in exceptions})
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert not tracked or {str(file) for file in files} <= set(tracked.splitlines())
    assert faults(scan(ROOT, files, processes=1), exceptions) == []


def test_an_exception_needs_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text('[[exception]]\nfile = "a.py"\ntags = ["00000001"]\nreason = ""\n')
    with pytest.raises(ValueError, match="reason"):
        exceptions_of(file)
