"""A reader can type each command that a document shows, and installs the right distribution."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from app.__main__ import gatehouse
from tests.docs.tables import ROOT

HOW_TO_TYPE: Final = "Type `gatehouse` in `make shell` or in an activated environment, or type `.venv/bin/gatehouse`."
COMMAND: Final = re.compile(rf"(?<![\w./@-])gatehouse (?:{'|'.join(gatehouse.commands)}|--)")
FOREIGN: Final = re.compile(
    r"(?:pip3?|pipx|uv|poetry|pdm|conda)\s+(?:pip\s+)?(?:install|add)\s[^\n`]*(?<![\w./-])gatehouse(?![\w-])"
)
INSTRUCTIONS: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/how-to").glob("*.md")])
"""What readers follow: every document but the records of decisions."""
SHOWN: Final = [
    path for path in INSTRUCTIONS if path.name != "CHANGELOG.md" and COMMAND.search(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("document", SHOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_says_how_to_type_the_command_before_it_shows_one(document: Path) -> None:
    text = " ".join(document.read_text(encoding="utf-8").split())
    first = COMMAND.search(text)
    assert first is not None
    assert text.count(HOW_TO_TYPE) == 1
    assert text.index(HOW_TO_TYPE) < first.start()


def test_documents_show_the_command() -> None:
    assert {"README.md", "deploy.md", "connect-auth0.md", "protect-your-own-app.md", "troubleshoot.md"} <= {
        path.name for path in SHOWN
    }


def test_no_file_tells_anyone_to_install_the_foreign_distribution() -> None:
    """``gatehouse`` on the public index is another project; ours is ``streamlit-gatehouse``."""
    files = [
        *INSTRUCTIONS,
        *(ROOT / "docs/decisions").iterdir(),
        *(ROOT / "deploy").iterdir(),
        *(ROOT / "app").rglob("*.py"),
        ROOT / "Makefile",
    ]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.is_file()}
    assert [str(path.relative_to(ROOT)) for path, text in texts.items() if FOREIGN.search(text)] == []


@pytest.mark.parametrize(
    ("line", "is_foreign"),
    [
        ("pip install gatehouse", True),
        ("pip install -U 'gatehouse[postgres]'", True),
        ("uv pip install gatehouse==0.2", True),
        ("uv add gatehouse", True),
        ("pipx install gatehouse", True),
        ("pip install streamlit-gatehouse", False),
        ("pip install dist/streamlit_gatehouse-0.2.0-py3-none-any.whl", False),
        ("pip install '.[postgres]'", False),
    ],
)
def test_the_foreign_name_is_recognised(line: str, is_foreign: bool) -> None:
    assert bool(FOREIGN.search(line)) is is_foreign
