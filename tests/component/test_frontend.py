"""The front end, checked without a browser: its types against Streamlit's own, and its functions with node."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.node import missing, node
from tests.stack import ROOT

pytestmark = pytest.mark.xdist_group("node")  # one of them installs the packages of all
CHECKS = ROOT / "tests" / "frontend"
FRONTEND = ROOT / "component" / "frontend"
MAX_LINES = 300


@pytest.fixture(scope="module")
def compiler() -> list[str]:
    """The pinned TypeScript compiler; installed on first use, where that can be done."""
    installed = CHECKS / "node_modules" / "typescript" / "bin" / "tsc"
    if not installed.exists():
        npm = shutil.which("npm")
        if npm is None:
            missing("there is no npm")
        done = subprocess.run(
            [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=CHECKS,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode != 0:
            missing(done.stderr.strip()[-500:])
    return [node(), str(installed)]


def types(compiler: list[str], project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*compiler, "--project", str(project)], capture_output=True, text=True, timeout=120, check=False
    )


def test_types_agree_with_streamlits_own(compiler: list[str]) -> None:
    done = types(compiler, CHECKS)
    assert done.returncode == 0, done.stdout


def test_a_mistake_in_the_types_is_noticed(compiler: list[str], tmp_path: Path) -> None:
    """The type check above detects errors: it names a state that Streamlit does not have."""
    copy = tmp_path / "tests" / "frontend"
    shutil.copytree(CHECKS, copy, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(CHECKS / "node_modules")
    wrong = tmp_path / "component" / "frontend" / "view.js"
    shutil.copytree(FRONTEND, wrong.parent)
    code = wrong.read_text()
    assert code.count('setStateValue("events", message)') == 1
    wrong.write_text(code.replace('setStateValue("events", message)', 'setStateValue("event", message)'))
    done = types(compiler, copy)
    assert done.returncode != 0
    assert "keyof State" in done.stdout


def test_its_functions() -> None:
    done = subprocess.run(
        [node(), "--test", *map(str, sorted(CHECKS.glob("*.test.js")))],
        cwd=CHECKS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "# fail 0" in done.stdout
    assert "# pass 0" not in done.stdout


def test_every_module_has_a_test_file() -> None:
    tests = {path.name.removesuffix(".test.js") for path in CHECKS.glob("*.test.js")}
    assert tests == {path.stem for path in FRONTEND.glob("*.js")}


@pytest.mark.parametrize("module", sorted(FRONTEND.iterdir()), ids=lambda path: path.name)
def test_a_module_is_short_and_imports_only_its_neighbours(module: Path) -> None:
    """By relative paths: without a bundler only those work, and the policy allows no other host."""
    code = module.read_text()
    assert len(code.splitlines()) <= MAX_LINES
    imports = [line for line in code.splitlines() if line.startswith("import ")]
    for line in imports:
        assert re.fullmatch(r'import \{ [\w, ]+ \} from "\./[a-z0-9-]+\.js"', line), line
    assert not any('"./auth0.js"' in line for line in imports), "the entry would be there twice"
    assert "import(" not in re.sub(r'import\("[^"]+"\)\.', "", code), "only types are imported so"


def test_the_lock_names_no_registry() -> None:
    lock = (CHECKS / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "http" not in lock
    assert lock.count('"integrity"') == 2
