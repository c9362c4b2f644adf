"""How many files a process may open, and what that makes of the number of tabs."""

from __future__ import annotations

import resource

import pytest
import structlog

from app import testing
from app.server import OpenFileLimit, limits_of, open_file_limit, raise_open_file_limit, warn_of_few

UNLIMITED = resource.RLIM_INFINITY


class System:
    """What the system allows: at most ``ceiling`` open files, whatever the hard limit says."""

    def __init__(self, soft: int, hard: int, ceiling: int) -> None:
        self.limits = (soft, hard)
        self.ceiling = ceiling

    def get(self, kind: int) -> tuple[int, int]:
        assert kind == resource.RLIMIT_NOFILE
        return self.limits

    def put(self, kind: int, limits: tuple[int, int]) -> None:
        assert kind == resource.RLIMIT_NOFILE
        if limits[0] > self.ceiling:
            raise ValueError("current limit exceeds maximum limit")
        self.limits = limits


@pytest.mark.parametrize(
    ("soft", "hard", "ceiling", "soft_now", "tabs"),
    [
        (256, UNLIMITED, 61_440, 61_440, 15_264),  # macOS
        (256, UNLIMITED, 10_240, 10_240, 2_464),  # an older one
        (256, UNLIMITED, 256, 256, 1),  # nothing more to be had
        (UNLIMITED, UNLIMITED, 10_240, 10_240, 2_464),  # "unlimited" is not
        (1_024, 4_096, 4_096, 4_096, 928),  # Linux
        (1_024, 524_288, 524_288, 524_288, 130_976),  # systemd
        (1_024, UNLIMITED, 2_000_000, 1_048_576, 262_048),
        (4_096, 4_096, 4_096, 4_096, 928),
        (1_024, 4_096, 100, 1_024, 160),  # a sandbox that lets nothing be set
    ],
)
def test_the_limit_is_raised_as_far_as_the_system_allows(
    soft: int, hard: int, ceiling: int, soft_now: int, tabs: int
) -> None:
    system = System(soft, hard, ceiling)
    allowed = raise_open_file_limit(system.get, system.put)
    assert (system.limits, allowed.soft, allowed.sockets) == ((soft_now, hard), soft_now, tabs)
    assert open_file_limit(system.get) == allowed
    assert limits_of(testing.settings(sockets=2_000), allowed).sockets == min(tabs, 2_000)


@pytest.mark.parametrize(
    ("open_files", "level"), [(256, "warning"), (4_096, "info"), (10_240, None)], ids=["256", "4096", "10240"]
)
def test_fewer_tabs_than_are_set_are_reported_at_the_start(open_files: int, level: str | None) -> None:
    allowed = OpenFileLimit(open_files, open_files)
    with structlog.testing.capture_logs() as lines:
        warn_of_few(testing.settings(sockets=2_000), allowed)
    assert [line["log_level"] for line in lines] == ([level] if level else [])
    for line in lines:
        assert line["event"].startswith("fewer tabs fit than GATEHOUSE_SOCKETS: raise the limit of open files")
        assert (line["tabs"], line["set_to"], line["open_files"]) == (allowed.sockets, 2_000, open_files)
