"""Starting a hosted app: what cannot be served is refused at start, and the app's own modules keep their names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.hosted_app_config import HostedAppConfig, load_hosted_app_config
from app.core.hosting import hosting_mistakes
from tests.apptest.hosted_apps import write
from tests.stack import ROOT

AS_SERVED = """
import pathlib, sys
import app.asgi
from app import hosted
folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(folder))
hosted.free_module_names(folder)
import db, component
from app import access
print(db.WHOSE, component.__file__, access.__file__)
"""


@pytest.mark.parametrize(
    ("files", "config", "expected"),
    [
        (["pages/extra.py"], "", "without any check"),
        (["app/thing.py"], "", "rename it"),
        ([], '[pages]\n"/" = "signed-in"', "nothing here calls st.navigation"),
    ],
)
def test_an_app_that_cannot_be_served_is_refused_at_start(
    tmp_path: Path, files: list[str], config: str, expected: str
) -> None:
    script = tmp_path / "main.py"
    script.write_text("import streamlit as st\n")
    (tmp_path / "gatehouse.toml").write_text(config)
    for file in files:
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    (mistake,) = hosting_mistakes(script, load_hosted_app_config(script))
    assert expected in mistake


def test_a_pages_folder_is_refused_by_the_serve_command(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    script = write(tmp_path / "main.py", "import streamlit as st\n")
    names = ("AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET", "AUTH0_AUDIENCE")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app", "serve", str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **dict.fromkeys(names, "acme.eu.auth0.com")},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"{tmp_path / 'pages'}: Streamlit would serve this folder's scripts without any check." in done.stderr
    assert "st.navigation" in done.stderr


def test_a_script_other_than_the_configured_one_is_not_served(tmp_path: Path) -> None:
    known, other = write(tmp_path / "main.py", ""), write(tmp_path / "other.py", "")
    names = ("AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET", "AUTH0_AUDIENCE")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app", "serve", str(other)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GATEHOUSE_APP": str(known),
            **dict.fromkeys(names, "acme.eu.auth0.com"),
        },
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"GATEHOUSE_APP names {known}, and the command line {other}." in done.stderr


def test_a_script_can_be_called_app_but_no_module_beside_it(tmp_path: Path) -> None:
    for name in ("app.py", "main.py"):
        (tmp_path / name).touch()
    assert hosting_mistakes(tmp_path / "app.py", HostedAppConfig()) == []
    assert len(hosting_mistakes(tmp_path / "main.py", HostedAppConfig())) == 1
    assert "not a Python file" in hosting_mistakes(tmp_path / "none.py", HostedAppConfig())[0]


def test_modules_of_the_app_win_over_those_of_gatehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            AS_SERVED,
            str(tmp_path),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        cwd=write(tmp_path / "db.py", "WHOSE = 'theirs'\n").parent,
    )
    assert done.stdout.split() == ["theirs", str(ROOT / "component/__init__.py"), str(ROOT / "app/access.py")]
