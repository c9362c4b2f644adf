"""A test that leaves something running in the background fails: it would go on, and print, in the middle of another.

Nothing here depends on the time. A ``Debouncer`` that was asked must be closed, whether its timer is over or not; any
other thread that our code began must end. Threads of libraries are not looked at. Each belongs to the test in which it
was made or begun, or to the fixture of a wider scope that was being set up then, and is looked at when that is over.
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
"""What begins its thread after it was made, in any test, and has it until the code that made it closes it."""
ENDING_SECONDS: Final = 5.0
"""How long a thread may take that ends by itself, such as one that fetches keys."""


@dataclass(eq=False)
class Scope:
    """A test, or a fixture that several tests share."""

    over: bool = False


@dataclass(frozen=True)
class Origin:
    """Where something comes from."""

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
        self._begun: dict[Thread | Debouncer, tuple[Thread, Origin]] = {}
        self._patch = pytest.MonkeyPatch()

    def pytest_configure(self) -> None:
        """Note what is made and begun from now on."""
        for kind in CLOSED:
            self._patch.setattr(kind, "__init__", self._noting(kind.__init__))  # type: ignore[misc] # wrapped, not called
        start = Thread.start

        def start_and_note(thread: Thread) -> None:
            self._note_begun(thread, sys._getframe(1))
            start(thread)

        self._patch.setattr(Thread, "start", start_and_note)

    def pytest_unconfigure(self) -> None:
        """Leave threads as they were."""
        self._patch.undo()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Another test begins."""
        self._test = Scope()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Know whose it is what a fixture makes."""
        scope = self._test
        if fixturedef.scope != "function":
            scope = self._shared[fixturedef] = Scope()
        self._being_set_up.append((scope, f" in the fixture {fixturedef.argname!r} ({fixturedef.scope})"))
        try:
            return (yield)
        finally:
            self._being_set_up.pop()

    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """The fixture is over."""
        if (scope := self._shared.pop(fixturedef, None)) is not None:
            scope.over = True

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Look when the test is over, and whatever was only for it and the tests before."""
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

    def _noting(self, init: Callable[..., None]) -> Callable[..., None]:
        @wraps(init)
        def init_and_note(made: object, *given: Any, **named: Any) -> None:
            self._made[made] = self._origin(sys._getframe(1))
            init(made, *given, **named)

        return init_and_note

    def _note_begun(self, thread: Thread, caller: FrameType) -> None:
        does = getattr(thread, "function", None) or getattr(thread, "_target", None)
        behind = getattr(does, "__self__", None)
        origin = self._made.get(behind) if isinstance(behind, CLOSED) else None
        if origin is None:
            # Idle workers end by themselves, and do nothing meanwhile.
            if isinstance(behind, ThreadPool) or not self._is_ours(caller):
                return
            origin = self._origin(caller)
        self._begun[behind if isinstance(behind, Debouncer) else thread] = thread, origin

    def _origin(self, frame: FrameType) -> Origin:
        """Whose it is what is made or begun now, and the nearest line of a test or fixture."""
        scope, fixture = self._being_set_up[-1] if self._being_set_up else (self._test, "")
        place, nearest = frame, frame
        while not place.f_code.co_filename.startswith(self._tests):
            if place.f_back is None:  # begun by another thread
                place = nearest
                break
            place = place.f_back
        return Origin(scope, f"{place.f_code.co_filename.removeprefix(self._root)}:{place.f_lineno}{fixture}")

    def _is_ours(self, frame: FrameType) -> bool:
        file = frame.f_code.co_filename
        return file.startswith(self._root) and f"{os.sep}site-packages{os.sep}" not in file

    def _left(self) -> list[str]:
        """A sentence for each that is left; each comes once."""
        left = []
        for key, (thread, origin) in list(self._begun.items()):
            if isinstance(key, Thread) and not key.is_alive():
                del self._begun[key]
            elif origin.scope.over:
                del self._begun[key]
                if (sentence := _what_is_left(key, thread, origin.place)) is not None:
                    left.append(sentence)
        return left


def _what_is_left(key: Thread | Debouncer, thread: Thread, place: str) -> str | None:
    """What to say of a thread whose scope is over; None where it is over too."""
    if isinstance(key, Debouncer):
        closed = key._closed
        key.close()  # no other test is to suffer
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
    return f"Left in the background: {thread.name!r}. End and join the thread begun at {place}."
