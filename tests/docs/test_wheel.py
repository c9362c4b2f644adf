"""The wheel has everything a production installation needs and nothing of the local tenant, and works on its own."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from app.core.settings import Settings
from app.core.variables import known_variables
from tests.stack import ROOT

pytestmark = pytest.mark.xdist_group("wheel")  # built once, not once per worker

PACKAGES = ("app", "pages", "component", "remote_api", "db")
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
ALONE = ("--no-deps", "--no-index")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built from a copy so that nothing is left in the tree."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for package in (*PACKAGES, ".streamlit"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "gatehouse.py", "streamlit_gatehouse.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    run([*PIP, "wheel", *ALONE, "--no-build-isolation", "--wheel-dir", str(out), str(source)])
    (built,) = out.glob("streamlit_gatehouse-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the wheel; dependencies are those of this one."""
    environment = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
    python = environment / "bin" / "python"
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip())
    # The path alone: the .pth files in there, the one of the editable installation too, do not count.
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    run([*PIP, "--python", str(python), "install", *ALONE, str(wheel)])
    return environment


def run(command: list[str], *, cwd: Path | None = None, **environment: str) -> str:
    """Run a command with nothing of ours in its environment; returns what it printed, both ways."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_it_has_every_file_of_the_packages_and_no_local_tenant(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "dev_tenant" not in path.parts
    }
    assert expected <= names
    assert {
        "gatehouse.py",
        "streamlit_gatehouse.py",
        "component/pyproject.toml",
        "component/frontend/auth0.js",
    } <= names
    assert any(name.startswith("db/migrations/versions/") for name in names)
    packed = {name for name in names if ".dist-info/" not in name}
    assert packed == expected | {
        "gatehouse.py", "streamlit_gatehouse.py", "component/pyproject.toml", "app/.streamlit/config.toml",
    }  # fmt: skip
    assert not any("dev_tenant" in name for name in names)


def test_its_metadata_is_that_of_the_project(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = [name for name in opened.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(opened.read(name))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["Name"] == project["name"] == "streamlit-gatehouse"
    assert metadata["Version"] == project["version"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == "<3.14,>=3.11"
    assert metadata.get_payload(), "the README is the long description"


def test_its_command_works_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    gatehouse = str(installed / "bin" / "gatehouse")
    assert "bootstrap-admin" in run([gatehouse, "--help"], cwd=tmp_path)
    file = tmp_path / "records" / "gatehouse.sqlite3"
    for _ in range(2):
        printed = run([gatehouse, "migrate"], cwd=tmp_path, GATEHOUSE_DATABASE_URL=f"sqlite:///{file}")
        assert printed == "The database is up to date.\n"
    assert file.exists()


def test_what_runs_is_the_wheel_and_its_parts_find_each_other(installed: Path, tmp_path: Path) -> None:
    lines = (
        "import app.core.settings, component, importlib.util, pathlib, remote_api.wsgi",
        "from app.navigation import PAGES",
        "assert all(row.script.is_file() for row in PAGES)",
        "assert importlib.util.find_spec('component.dev_tenant') is None",
        "print(pathlib.Path(component.__file__).parent)",
    )
    printed = run([str(installed / "bin" / "python"), "-c", "\n".join(lines)], cwd=tmp_path)
    assert Path(printed.strip()).is_relative_to(installed)


def test_streamlits_scanner_finds_the_packed_component(installed: Path, tmp_path: Path) -> None:
    lines = (
        "from streamlit.components.v2.manifest_scanner import scan_component_manifests",
        "found = [(m.name, [c.name for c in m.components], root) for m, root in scan_component_manifests()]",
        "print([(name, names, str(root)) for name, names, root in found if name == 'streamlit-gatehouse'])",
    )
    printed = run([str(installed / "bin" / "python"), "-W", "ignore", "-c", "\n".join(lines)], cwd=tmp_path)
    assert "'auth0'" in printed.splitlines()[-1]
    assert str(installed) in printed.splitlines()[-1]


def test_the_example_of_a_production_environment_names_settings_only() -> None:
    text = (ROOT / "deploy" / "gatehouse.env.example").read_text(encoding="utf-8")
    names = {line.partition("=")[0] for line in text.splitlines() if line and not line.startswith("#")}
    assert names <= set(known_variables(Settings))
