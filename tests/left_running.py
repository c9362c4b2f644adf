"""Fails a test that leaves a thread running, which would continue and print during another test.

The check does not depend on time. A ``Debouncer`` with a request must be closed, whether its timer has run or not; any
other thread that the project's code starts must end. Threads of libraries are ignored. A thread belongs to the test in
which it was created or started, or to the fixture of a wider scope that was being set up then, and is checked at the
end of that scope.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import wraps
from threading import Thread
from types import FrameType
from typing import Any, Final
from weakref import WeakKeyDictionary

import pytest

from app.core.debouncer import Debouncer
from app.core.secret_keys import SecretKeys
from app.page_views import PageViews
from component.socket.thread_pool import ThreadPool

CLOSED: Final[tuple[type, ...]] = (Debouncer, PageViews, SecretKeys)
"""Classes that start a thread after their creation and keep it until they are closed."""
ENDING_SECONDS: Final = 5.0
"""How long a thread that ends by itself may take, such as one that fetches keys."""


@dataclass(eq=False)
class Scope:
    """A test, or a fixture that several tests share."""

    over: bool = False


@dataclass(frozen=True)
class Origin:
    """The scope and the line in which an object was created or a thread started."""

    scope: Scope
    place: str


class LeftRunning:
    """A pytest plugin. Hooks of a ``conftest.py`` would not do: fixtures of a session are set up without them."""

    def __init__(self, root: str) -> None:
        """``root``: the folder of the project, with ``tests`` in it."""
        self._root = f"{root}{os.sep}"
        self._tests = f"{root}{os.sep}tests{os.sep}"
        self._test = Scope()
        self._being_set_up: list[tuple[Scope, str]] = []
        self._shared: dict[pytest.FixtureDef[Any], Scope] = {}
        self._made: WeakKeyDictionary[object, Origin] = WeakKeyDictionary()
        self._started: dict[Thread | Debouncer, tuple[Thread, Origin]] = {}
        self._patch = pytest.MonkeyPatch()

    def pytest_configure(self) -> None:
        """Record each creation of these classes and each started thread from now on."""
        for kind in CLOSED:
            self._patch.setattr(kind, "__init__", self._recording(kind.__init__))  # type: ignore[misc] # wrapped, not called
        start = Thread.start

        def start_and_record(thread: Thread) -> None:
            self._record_start(thread, sys._getframe(1))
            start(thread)

        self._patch.setattr(Thread, "start", start_and_record)

    def pytest_unconfigure(self) -> None:
        """Undo the patches."""
        self._patch.undo()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Start the scope of a test."""
        self._test = Scope()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Assign what a fixture creates to its scope."""
        scope = self._test
        if fixturedef.scope != "function":
            scope = self._shared[fixturedef] = Scope()
        self._being_set_up.append((scope, f" in the fixture {fixturedef.argname!r} ({fixturedef.scope})"))
        try:
            return (yield)
        finally:
            self._being_set_up.pop()

    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """End the scope of a fixture."""
        if (scope := self._shared.pop(fixturedef, None)) is not None:
            scope.over = True

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Check at the end of a test, whose scope and those of finished fixtures are over."""
        try:
            result = yield
        except BaseException as error:
            self._test.over = True
            for sentence in self._left():
                error.add_note(sentence)
            raise
        self._test.over = True
        if left := self._left():
            pytest.fail("\n".join(left), pytrace=False)
        return result

    def _recording(self, init: Callable[..., None]) -> Callable[..., None]:
        @wraps(init)
        def init_and_record(made: object, *args: Any, **kwargs: Any) -> None:
            self._made[made] = self._origin(sys._getframe(1))
            init(made, *args, **kwargs)

        return init_and_record

    def _record_start(self, thread: Thread, caller: FrameType) -> None:
        does = getattr(thread, "function", None) or getattr(thread, "_target", None)
        behind = getattr(does, "__self__", None)
        origin = self._made.get(behind) if isinstance(behind, CLOSED) else None
        if origin is None:
            # Idle threads of a pool end by themselves and do nothing.
            if isinstance(behind, ThreadPool) or not self._is_own_code(caller):
                return
            origin = self._origin(caller)
        self._started[behind if isinstance(behind, Debouncer) else thread] = thread, origin

    def _origin(self, frame: FrameType) -> Origin:
        """The present scope and the nearest line of a test or fixture."""
        scope, fixture = self._being_set_up[-1] if self._being_set_up else (self._test, "")
        place, nearest = frame, frame
        while not place.f_code.co_filename.startswith(self._tests):
            if place.f_back is None:  # started by another thread
                place = nearest
                break
            place = place.f_back
        return Origin(scope, f"{place.f_code.co_filename.removeprefix(self._root)}:{place.f_lineno}{fixture}")

    def _is_own_code(self, frame: FrameType) -> bool:
        file = frame.f_code.co_filename
        return file.startswith(self._root) and f"{os.sep}site-packages{os.sep}" not in file

    def _left(self) -> list[str]:
        """A sentence for each thread that is left, reported once."""
        left = []
        for key, (thread, origin) in list(self._started.items()):
            if isinstance(key, Thread) and not key.is_alive():
                del self._started[key]
            elif origin.scope.over:
                del self._started[key]
                if (sentence := _what_is_left(key, thread, origin.place)) is not None:
                    left.append(sentence)
        return left


def _what_is_left(key: Thread | Debouncer, thread: Thread, place: str) -> str | None:
    """The sentence about a thread whose scope is over; None if the thread has ended."""
    if isinstance(key, Debouncer):
        closed = key._closed
        key.close()  # so that no other test is affected
        if not closed:
            does = getattr(key._do, "__qualname__", key._do)
            return f"Left in the background: {thread.name!r} ({does}). Close what was made at {place}."
    behind = getattr(getattr(thread, "_target", None), "__self__", None)
    if not isinstance(behind, CLOSED):
        thread.join(ENDING_SECONDS)
    if not thread.is_alive():
        return None
    if isinstance(behind, CLOSED):
        return f"Left in the background: {thread.name!r}. Close the {type(behind).__name__} made at {place}."
    return f"Left in the background: {thread.name!r}. End and join the thread started at {place}."
