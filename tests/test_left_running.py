"""A test that leaves a thread running fails with a message about it, and no other test does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT

pytestmark = pytest.mark.xdist_group("left-running")  # its runs of pytest start once, not once per worker
TESTS = """
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.debouncer import Debouncer
from app.core.secret_keys import SecretKeys
from app.page_views import PageViews

done = threading.Event()
do = done.set


def requested(seconds=600.0):
    debouncer = Debouncer(do, seconds=seconds, name="notes")
    debouncer.schedule()
    return debouncer


@pytest.fixture(scope="module")
def shared():
    debouncer = Debouncer(do, seconds=600.0, name="shared")
    yield debouncer
    debouncer.close()


@pytest.fixture(scope="class")
def unclosed():
    return Debouncer(do, seconds=600.0, name="unclosed")


@pytest.fixture
def own():
    debouncer = requested()
    yield debouncer
    debouncer.close()


@pytest.fixture
def own_unclosed():
    return requested()


@pytest.fixture
def failing():
    yield
    raise RuntimeError("cannot end")


@pytest.fixture(scope="module", params=["first", "second"])
def each(request):
    debouncer = Debouncer(do, seconds=600.0, name=request.param)
    yield debouncer
    if request.param == "second":
        debouncer.close()


def test_shared_is_started_and_closed_later(shared):
    shared.schedule()


def test_shared_continues(shared):
    pass


def test_own_is_closed(own):
    pass


def test_never_asked():
    Debouncer(do, seconds=600.0, name="never requested")


def test_thread_of_a_library():
    ThreadPoolExecutor(1).submit(do)


def test_thread_that_ends():
    threading.Thread(target=time.sleep, args=(0.3,)).start()


def test_thread_that_does_not_end():
    threading.Thread(target=threading.Event().wait, name="endless", daemon=True).start()


def test_asked():
    requested()


def test_asked_and_done_already():
    requested(0.0)
    assert done.wait(5)


def test_in_a_fixture(own_unclosed):
    pass


def test_views():
    PageViews(None, every_seconds=600.0).count("/")


def test_keys():
    keys = SecretKeys(None, None, "app", heartbeat_seconds=600.0)
    keys._first_heartbeat = lambda: None
    keys.start()


def test_its_own_failure_comes_first(failing):
    requested()


def test_nothing_any_more():
    pass


class TestShared:
    def test_shared_by_a_class(self, unclosed):
        unclosed.schedule()

    def test_until_its_last(self, unclosed):
        pass


def test_of_each(each):
    each.schedule()
"""

LEFT = {
    "test_thread_that_does_not_end": ("'endless'", "End and join the thread started at"),
    "test_asked": ("'notes' (Event.set)", "Close what was made at"),
    "test_asked_and_done_already": ("'notes' (Event.set)", "Close what was made at"),
    "test_in_a_fixture": ("'notes' (Event.set)", "in the fixture 'own_unclosed' (function)"),
    "test_views": ("'page-views'", "Close the PageViews made at"),
    "test_keys": ("'secret-keys'", "Close the SecretKeys made at"),
    "test_its_own_failure_comes_first": ("RuntimeError: cannot end", "'notes' (Event.set)"),
    "TestShared::test_until_its_last": ("'unclosed' (Event.set)", "in the fixture 'unclosed' (class)"),
    # pytest ends the fixture for the first parameter when it is about to set up the one for the second.
    "test_of_each[second]": ("'first' (Event.set)", "in the fixture 'each' (module)"),
}
"""Test that must fail → parts of its message."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The output of pytest for a project with these tests and this project's conftest.py."""
    folder = tmp_path_factory.mktemp("left")
    (folder / "tests").mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "tests" / "test_left.py").write_text(TESTS)
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")
    return _run(folder)


def _run(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "tests"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_only_tests_that_leave_a_thread_fail(report: str) -> None:
    assert set(re.findall(r"^ERROR tests/test_left\.py::(\S+)", report, re.MULTILINE)) == set(LEFT), report
    assert "FAILED" not in report


@pytest.mark.parametrize("test", LEFT)
def test_each_thread_is_reported_with_the_line_that_created_it(report: str, test: str) -> None:
    heading = re.escape(test.replace("::", "."))
    match = re.search(
        rf"^_+ ERROR at teardown of {heading} _+$(.*?)^(?:_+ ERROR|=+ )", report, re.MULTILINE | re.DOTALL
    )
    assert match is not None, report
    for part in (*LEFT[test], "tests/test_left.py:"):
        assert part in match[1], match[1]
