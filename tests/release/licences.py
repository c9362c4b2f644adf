"""The licences of the packages of an installation, compared with the list of ``licences.toml`` beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from license_expression import AND, OR, ExpressionError, get_spdx_licensing

from tests.release.sbom import name_of

FILE: Final = Path(__file__).with_name("licences.toml")
_SPDX: Final = get_spdx_licensing()  # type: ignore[no-untyped-call] # ships no types


@dataclass(frozen=True)
class LicencePolicy:
    """Which licences are accepted."""

    allowed: frozenset[str]
    """SPDX identifiers."""
    classifiers: Mapping[str, str]
    """Classifier of a package → SPDX identifier."""
    exceptions: Mapping[str, str]
    """Package → the licence that is accepted for it, and that it has if it declares none."""

    def faults(self, components: Iterable[Mapping[str, Any]]) -> list[str]:
        """A sentence for each component whose licence is not accepted, and for each exception without a use."""
        faults, used = [], set()
        for component in components:
            name, declared = name_of(component), self._declared(component)
            accepted = self.exceptions.get(name)
            if not declared:
                if accepted is None:
                    faults.append(f"{name} declares no licence")
                used.add(name)
            elif not all(self._is_allowed(licence, self.allowed) for licence in declared):
                if accepted is None or not all(self._is_allowed(each, {accepted}) for each in declared):
                    faults.append(f"{name} has the licence {' and '.join(sorted(declared))}")
                used.add(name)
        return faults + [f"the exception for {name} is not needed" for name in sorted(self.exceptions.keys() - used)]

    def _declared(self, component: Mapping[str, Any]) -> set[str]:
        """The licences that a component declares, as SPDX expressions or as unknown texts."""
        rows = component.get("licenses", ())
        texts = [row.get("expression") or row["license"].get("id") or row["license"]["name"] for row in rows]
        known = {self.classifiers.get(text, text) for text in texts}
        # A package that declares an expression may have an older, less exact classifier beside it.
        identifiers = {text for text in known if text not in self.classifiers.values() or text in texts}
        return identifiers or known

    @staticmethod
    def _is_allowed(expression: str, allowed: frozenset[str] | set[str]) -> bool:
        """Whether an SPDX expression can be fulfilled with these licences."""

        def fulfilled(node: Any) -> bool:
            if isinstance(node, OR):
                return any(map(fulfilled, node.args))
            if isinstance(node, AND):
                return all(map(fulfilled, node.args))
            return str(node) in allowed

        try:
            return fulfilled(_SPDX.parse(expression, validate=True, strict=True))
        except ExpressionError:
            return False


def policy(file: Path = FILE) -> LicencePolicy:
    """The policy of the file.

    Raises:
        ValueError: An exception has no reason.
    """
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    exceptions = {row["package"]: row["licence"] for row in document["exception"]}
    if not all(row["reason"] for row in document["exception"]):
        raise ValueError("an exception has no reason")
    return LicencePolicy(frozenset(document["allowed"]), document["classifiers"], exceptions)
