"""What every benchmark receives: the effort, a folder, and the test installation, which is created at its first use."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks import measure
from tests.benchmarks.measure import Effort
from tests.benchmarks.world import FULL, SMALL, BenchmarkWorld, benchmark_world


class BenchmarkRun:
    """One run of benchmarks."""

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.effort: Effort = measure.QUICK if quick else measure.THOROUGH
        self._stack = ExitStack()
        self._world: BenchmarkWorld | None = None
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def folder(self) -> Path:
        """A folder of this run, removed at its end."""
        if self._folder is None:
            self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-bench-")))
        return self._folder

    @property
    def world(self) -> BenchmarkWorld:
        """The test installation, shared by all benchmarks of this run."""
        if self._world is None:
            self._world = self._stack.enter_context(benchmark_world(self.folder, SMALL if self.quick else FULL))
        return self._world
