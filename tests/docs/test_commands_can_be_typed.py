"""A reader can type each command that a document shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from app.__main__ import gatehouse
from tests.docs.tables import ROOT

HOW_TO_TYPE: Final = "Type `gatehouse` in `make shell` or in an activated environment, or type `.venv/bin/gatehouse`."
COMMAND: Final = re.compile(rf"(?<![\w./@-])gatehouse (?:{'|'.join(gatehouse.commands)}|--)")
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
