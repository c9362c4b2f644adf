"""``make release-check``: what a release must pass beside the tests. Arguments select parts; without any, all are run.

- ``secrets``: no tracked file contains a secret.
- ``licences``: each package of an installation has an accepted licence.
- ``sbom``: writes ``var/release/sbom.json``, the bill of materials of an installation (CycloneDX).
- ``wheel``: the wheel is the same, byte for byte, wherever and whenever it is built.

The exit status is 0 if all selected parts pass.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.release import licences, sbom, secrets_scan, wheel

OUTPUT: Final = wheel.ROOT / "var" / "release"


def check_secrets() -> list[str]:
    """Scan the tracked files; a fault for each finding."""
    files = wheel.tracked_files()
    problems = secrets_scan.faults(secrets_scan.scan(wheel.ROOT, files), secrets_scan.exceptions_of())
    print(f"secrets: {len(files)} files scanned, {len(secrets_scan.exceptions_of())} exceptions")
    return problems


def check_licences() -> list[str]:
    """Compare the licences; a fault for each package that has another one."""
    policy = licences.policy()
    components = sbom.runtime_part(sbom.environment())["components"]
    print(f"licences: {len(components)} packages, {len(policy.exceptions)} exceptions")
    return policy.faults(components)


def write_sbom() -> list[str]:
    """Write the bill of materials."""
    document = sbom.with_licences(sbom.runtime_part(sbom.environment()), licences.policy().exceptions)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    file = OUTPUT / "sbom.json"
    file.write_text(sbom.as_json(document), encoding="utf-8")
    print(f"sbom: {len(document['components'])} packages in {file.relative_to(wheel.ROOT)}")
    return []


def check_wheel() -> list[str]:
    """Build the wheel in each place; a fault if the files differ."""
    epoch = wheel.commit_seconds()
    with tempfile.TemporaryDirectory(prefix="gatehouse-wheel-") as folder:
        built = [wheel.build(place, Path(folder), epoch) for place in wheel.PLACES]
        sums = {wheel.sha256(file) for file in built}
        names = {file.name for file in built}
    print(f"wheel: {', '.join(sorted(names))}, built {len(built)} times, SHA-256 {', '.join(sorted(sums))}")
    return [] if len(sums) == len(names) == 1 else ["the wheels differ"]


PARTS: Final[dict[str, Callable[[], list[str]]]] = {
    "secrets": check_secrets,
    "licences": check_licences,
    "sbom": write_sbom,
    "wheel": check_wheel,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; return 0 if they pass."""
    parser = argparse.ArgumentParser("make release-check", description="Check what a release must pass.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    chosen = parser.parse_args(arguments).parts or list(PARTS)
    if unknown := set(chosen) - PARTS.keys():
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    status = 0
    for part in chosen:
        started = time.monotonic()
        try:
            faults = PARTS[part]()
        except sbom.SbomError as error:
            faults = [str(error)]
        for fault in faults:
            print(f"{part}: FAILED: {fault}")
            status = 1
        print(f"{part}: {time.monotonic() - started:.0f} s", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
