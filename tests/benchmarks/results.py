"""Results: the rows that were measured, as a table for people and as JSON for machines."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.budgets import Budget
from tests.benchmarks.measure import Samples, Spread

FORMAT: Final = 1
_PACKAGES: Final = (
    "authlib",
    "cryptography",
    "flask",
    "flask-openapi3",
    "gunicorn",
    "pyjwt",
    "sqlalchemy",
    "streamlit",
    "uvicorn",
    "werkzeug",
)


class Skipped(Exception):
    """A benchmark cannot run on this machine; the text names what is missing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One ratio against its budget. ``baseline`` and ``candidate`` are typical figures in ``unit``."""

    name: str
    budget: Budget
    ratio: Spread
    baseline: float
    candidate: float
    unit: str
    rounds: int
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the budget was kept."""
        return self.budget.met(self.ratio.middle)


def row(
    name: str, budget: Budget, samples: Samples, candidate: str, baseline: str, *, unit: str = "s", note: str = ""
) -> Row:
    """The row for one pair of sides."""
    return Row(
        name=name,
        budget=budget,
        ratio=samples.ratio(candidate, baseline),
        baseline=samples.typical(baseline),
        candidate=samples.typical(candidate),
        unit=unit,
        rounds=samples.rounds,
        note=note,
    )


def table(rows: Sequence[Row], skipped: Mapping[str, str], failed: Mapping[str, str]) -> str:
    """All rows under one head, then the skipped and failed benchmarks with their reasons."""
    head = ("benchmark", "what", "baseline", "candidate", "ratio", "quartiles", "budget", "verdict")
    cells = [head, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines += [f"{each.name}: {each.note}" for each in rows if each.note]
    lines += [f"{name}: skipped, {reason}" for name, reason in skipped.items()]
    lines += [f"{name}: FAILED, {error}" for name, error in failed.items()]
    return "\n".join(lines)


def _cells(each: Row) -> tuple[str, ...]:
    return (
        each.name,
        each.budget.description,
        _figure(each.baseline, each.unit),
        _figure(each.candidate, each.unit),
        f"{each.ratio.middle:.3g}",
        f"{each.ratio.low:.3g} to {each.ratio.high:.3g}",
        str(each.budget),
        "met" if each.met else "MISSED",
    )


def document(
    rows: Sequence[Row], skipped: Mapping[str, str], failed: Mapping[str, str], *, quick: bool
) -> dict[str, Any]:
    """All results as a JSON document."""
    return {
        "format": FORMAT,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": _machine(),
        "versions": _versions(),
        "results": [
            {
                "name": each.name,
                "what": each.budget.description,
                "baseline": each.baseline,
                "candidate": each.candidate,
                "unit": each.unit,
                "ratio": asdict(each.ratio),
                "budget": each.budget.ratio,
                "at_least": each.budget.at_least,
                "met": each.met,
                "rounds": each.rounds,
                "note": each.note,
            }
            for each in rows
        ],
        "skipped": dict(skipped),
        "failed": dict(failed),
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the JSON, making its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _figure(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:,.0f} {unit}"
    for size, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return f"{value / 1e-9:.3g} ns"


def _machine() -> dict[str, Any]:
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else ""
    load = [round(figure, 2) for figure in os.getloadavg()] if hasattr(os, "getloadavg") else []
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processor": model,
        "cores": os.cpu_count(),
        "load": load,
    }


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
