"""The files of a checkout that the project wrote, as text."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
OWN_FILES: Final = {
    f"tests/docs/{name}"
    for name in (
        "banned_words.py",
        "project_files.py",
        "python_text.py",
        "source_text.py",
        "test_structure.py",
        "test_vocabulary.py",
        "text_pieces.py",
        "vocabulary.py",
    )
}
"""The vocabulary itself, which has to spell the banned words."""
GENERATED: Final = {"docs/openapi.json", ".env.example", "LICENSE", "tests/frontend/package-lock.json"}
"""Written from the code, which is checked, or by others."""
SKIPPED_SUFFIXES: Final = {".png", ".ico", ".svg", ".lock", ".json", ".sqlite3"}
SKIPPED_FOLDERS: Final = {"var", "build", "dist", "node_modules", "__pycache__"}
DOT_FOLDERS: Final = {".ci", ".streamlit"}


def is_within(path: str, prefixes: Iterable[str]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def project_files(root: Path) -> list[str]:
    """Paths of the project's text files from the root, sorted: what git knows, or all where there is no repository."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        output = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
        paths = [Path(name) for name in output.split("\0") if name and (root / name).is_file()]
    else:
        paths = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    return sorted(path.as_posix() for path in paths if _is_text(path))


def _is_text(path: Path) -> bool:
    is_hidden = any(part.startswith(".") and part not in DOT_FOLDERS for part in path.parent.parts)
    return not (
        is_hidden
        or SKIPPED_FOLDERS & set(path.parts)
        or path.suffix in SKIPPED_SUFFIXES
        or path.name.startswith(".git")
        or path.as_posix() in GENERATED | OWN_FILES
    )
