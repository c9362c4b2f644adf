"""The fenced code blocks of the documents: ``python -m tests.docs.code_blocks`` prints which test runs or checks each.

A comment above a block says how it runs: ``<!-- run: KIND NAME -->``. Blocks without one are checked by their language
(``tests/docs/block_checks.py``).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.project_files import ROOT

FENCE: Final = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
MARKER: Final = re.compile(r"<!-- run: (\w+) ([\w./-]+) -->\n$")
RUN_BY: Final = {
    "test": "tests/docs/test_how_to.py::test_the_tests_of_the_how_tos_pass",
    "script": "tests/docs/test_how_to.py::test_the_scripts_run",
    "page": "tests/docs/test_how_to.py::test_a_page_is_added_as_the_how_to_says",
    "file": "tests/e2e/test_protect_your_own_app.py::test_the_how_to_works_as_written",
    "quoted": "tests/docs/test_code_blocks.py::test_a_quotation_is_in_its_file",
    "action": "tests/docs/test_connect_auth0.py::test_every_block_of_javascript_is_an_action_that_is_run",
    "refused": "tests/docs/test_code_blocks.py::test_refused_code_is_refused",
}
"""Kind of a comment → the test that runs the block."""
SCRIPTS_ELSEWHERE: Final = "tests/docs/test_code_blocks.py::test_a_script_runs_for_an_administrator"
"""What runs the scripts of documents that are no how-to."""
EXAMPLES_OF_THE_API: Final = "docs/api.md"
RUN_BY_THE_API: Final = "tests/docs/test_api_examples.py::test_an_example_is_answered_as_the_document_says"
CHECKED_BY: Final = "tests/docs/test_code_blocks.py::test_a_block_is_valid"


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        document: Path from the root.
        line: Where its fence is.
        language: What follows the fence; may be empty.
        text: The content, without its indentation.
        kind: How it runs, from the comment above; empty if there is none.
        name: The file of the comment.
    """

    document: str
    line: int
    language: str
    text: str
    kind: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def run_by(self) -> str:
        """The test that runs the block; empty if none does."""
        if self.document == EXAMPLES_OF_THE_API and "\ncurl " in f"\n{self.text}":
            return RUN_BY_THE_API
        if self.kind == "script" and not self.document.startswith("docs/how-to/"):
            return SCRIPTS_ELSEWHERE
        return RUN_BY.get(self.kind, "")


def documents(root: Path = ROOT) -> list[Path]:
    """README and the other documents of the root, and all of ``docs``."""
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def blocks_of(text: str, document: str) -> Iterator[Block]:
    """The blocks of a document, in their order."""
    for match in FENCE.finditer(text):
        indent = match["indent"]
        content = re.sub(rf"^{indent}", "", match["text"], flags=re.MULTILINE)
        kind, name = marker.groups() if (marker := MARKER.search(text[: match.start()])) else ("", "")
        yield Block(document, text.count("\n", 0, match.start()) + 1, match["language"], content, kind, name)


def blocks(root: Path = ROOT) -> list[Block]:
    """The blocks of all documents."""
    return [
        block
        for path in documents(root)
        for block in blocks_of(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    ]


def report() -> Iterator[str]:
    """The inventory, a line a block."""
    for block in blocks():
        yield f"{block!s:48}{block.language:10}{block.run_by or CHECKED_BY}"


def main() -> int:
    """The command line."""
    for line in report():
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
