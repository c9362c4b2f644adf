"""The source tree that ``make page`` edits: its files are read, checked, and written together or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class SourceTree:
    """A checkout of the project. Paths are relative to ``root``."""

    root: Path

    def exists(self, path: str) -> bool:
        """Whether there is a file."""
        return (self.root / path).exists()

    def read(self, path: str) -> str:
        """Return the text of a file.

        Raises:
            InvalidInput: if it cannot be read.
        """
        try:
            return (self.root / path).read_bytes().decode()
        except FileNotFoundError:
            raise InvalidInput({path: "It does not exist: run this in Gatehouse's source tree."}) from None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput({path: f"It cannot be read: {error}."}) from None

    def formatted(self, path: str, text: str) -> str:
        """Return the text of a Python file as ``make format`` writes it."""
        return self._run(path, ["ruff", "format", "--quiet", "--stdin-filename", path, "-"], text)

    def write(self, texts: Mapping[str, str]) -> None:
        """Write files and the tables of the documentation, and check them; after any error every file is as it was.

        Raises:
            InvalidInput: if a file cannot be written, or what is written breaks a rule of the project.
        """
        documents = [*sorted((self.root / "docs").rglob("*.md")), self.root / "README.md", self.root / ".env.example"]
        paths = [*documents, *map(self.root.joinpath, texts)]
        before = {path: path.read_bytes() if path.exists() else None for path in paths}
        try:
            for path, text in texts.items():
                (self.root / path).write_bytes(text.encode())
            self._run("the tables of the documentation", ["tests.docs.tables"])
            self._check(texts)
        except OSError as error:
            _restore(before)
            raise InvalidInput({str(error.filename): f"It cannot be written: {error.strerror}."}) from None
        except BaseException:  # also Ctrl-C
            _restore(before)
            raise

    def _check(self, paths: Mapping[str, str]) -> None:
        self._run("the rules of ruff", ["ruff", "check", "--quiet", "--output-format", "concise", *paths])
        places = self._run("the vocabulary", ["tests.docs.vocabulary", "--files", *paths])
        if places:
            raise InvalidInput({"the vocabulary": f"tests/docs/banned_words.py bans a word: {places.strip()}."})

    def _run(self, subject: str, module: Sequence[str], text: str | None = None) -> str:
        """Run a Python module in the tree, and return what it prints.

        Raises:
            InvalidInput: with its output, if it fails.
        """
        completed = subprocess.run(  # noqa: S603 - fixed modules, no shell
            [sys.executable, "-m", *module],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root)},
            input=text,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if completed.returncode:
            raise InvalidInput({subject: (completed.stdout + completed.stderr).strip()})
        return completed.stdout


def _restore(before: Mapping[Path, bytes | None]) -> None:
    for path, content in before.items():
        if content is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != content:
            path.write_bytes(content)
