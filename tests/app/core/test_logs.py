"""Log lines: each names the process, also those of libraries; a failure of the service is logged once."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextvars import Context
from typing import Any

import pytest
import structlog

from app.core import correlation, logs
from app.core.errors import NotFound, StorageUnavailable
from tests.stack import ROOT


@pytest.fixture(autouse=True)
def loggers_are_restored() -> Iterator[None]:
    root, alembic = logging.getLogger(), logging.getLogger("alembic")
    before = root.handlers[:], root.level, alembic.level
    yield
    root.handlers[:], root.level = before[:2]
    alembic.setLevel(before[2])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_every_line_of_production_is_json_with_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(process="api", json_lines=True)
    reference = correlation.begin()
    structlog.get_logger("gatehouse.test").info("one of own_line", number=1)
    structlog.get_logger("gatehouse.test").info("of another process", process="worker", correlation_id="theirs")
    logging.getLogger("theirs").warning("one of %s", "a library")
    logging.getLogger("theirs").debug("not written")
    logging.getLogger("alembic").info("not written")
    own_line, other, library = lines(capsys)
    assert own_line.pop("timestamp").endswith("Z")
    assert own_line == {
        "event": "one of own_line", "level": "info", "number": 1, "process": "api", "correlation_id": reference,
    }  # fmt: skip
    assert (other["process"], other["correlation_id"]) == ("worker", "theirs")
    assert (library["event"], library["level"], library["process"]) == ("one of a library", "warning", "api")
    assert library["correlation_id"] == reference
    assert library["timestamp"]


def test_a_trace_in_production_has_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(process="api", json_lines=True)
    token = "a-secret-of-the-frame"
    try:
        raise ValueError(len(token))  # noqa: TRY301 - a trace with a local variable
    except ValueError:
        structlog.get_logger("gatehouse.test").exception("it failed")
    (line,) = lines(capsys)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert token not in json.dumps(line)


def test_lines_of_development_are_for_reading(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(process="app", json_lines=False)
    structlog.get_logger("gatehouse.test").info("one of own_line")
    logging.getLogger("theirs").info("one of a library")
    try:
        raise ValueError("the reason")  # noqa: TRY301 - a trace
    except ValueError:
        structlog.get_logger("gatehouse.test").exception("it failed")
    written = capsys.readouterr().err
    own_line, library, *failure = written.splitlines()
    assert "one of own_line" in own_line
    assert "one of a library" in library
    assert all("process=app" in line for line in (own_line, library))
    assert "\x1b" not in written, "no colours where no terminal reads"
    assert failure[-1] == "ValueError: the reason"


def test_the_root_has_one_handler_however_often_it_is_configured() -> None:
    logging.getLogger().addHandler(logging.NullHandler())
    for _ in range(2):
        logs.configure(process="app", json_lines=True)
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    assert handler.stream is sys.stderr
    assert logging.getLogger().level == logging.INFO


def test_the_events_of_a_command_leave_its_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    logs.to_standard_error()
    structlog.get_logger("gatehouse.test").warning("an event")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "an event" in captured.err


def test_a_failure_of_the_service_is_reported_once_with_its_reference() -> None:
    error = StorageUnavailable("the disk is full")
    error.__cause__ = OSError("no space")
    reference = correlation.begin()
    with structlog.testing.capture_logs() as events:
        logs.report(error, where="GET /people")
        logs.report(error, where="GET /people")
        logs.report(NotFound("no such person"), where="GET /people")
        logs.report(StorageUnavailable(), where="a page")
    first, second = events
    assert first == {
        "event": "the service failed",
        "log_level": "error",
        "where": "GET /people",
        "error": error.code,
        "reason": "the disk is full",
        "cause": "OSError",
        "correlation_id": reference,
    }
    assert (second["where"], second["cause"], second["reason"]) == ("a page", "", StorageUnavailable.title)


def test_a_line_outside_of_a_request_has_no_reference(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(process="api", json_lines=True)
    Context().run(structlog.get_logger("gatehouse.test").info, "one of own_line")
    (line,) = lines(capsys)
    assert "correlation_id" not in line


_HOSTILE = "a\nforged line\r\n\x1b[31mred\u2028\x85\x00"
_HOSTILE_PROGRAM = """
import logging, sys, structlog
from app.core import logs
logs.configure(process="app", json_lines={json_lines})
text = {text!r}
structlog.get_logger("ours").info("an event", name=text)
structlog.get_logger("ours").info(text)
logging.getLogger("theirs").warning("a request for %s", text)
"""


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_hostile_text_stays_on_one_line(json_lines: bool) -> None:
    """A value, the text of an event, and what a library inserts into its message."""
    program = _HOSTILE_PROGRAM.format(json_lines=json_lines, text=_HOSTILE)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    lines = done.stderr.decode().removesuffix("\n").split("\n")
    assert len(lines) == 3
    for line in lines:
        assert line.isprintable()
        assert "forged line" in line
        assert "app" in line
