"""The pages of the documentation site: ``docs/`` and the documents of the root, with links that work on the site.

On GitHub a link names a file of the repository. On the site it names a page where there is one; a link to any other
file leads to ``repo_url`` if the configuration has one, and is plain text otherwise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from tests.docs.code_blocks import FENCE
from tests.docs.sequence_diagrams import svg_of

ROOT_PAGES: Final = {
    "README.md": "start.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "vulnerabilities.md",
}
"""Documents of the root → their pages."""
UNLISTED: Final = "decisions/"
"""Pages that the navigation does not list: the index of their folder does."""
COPIED: Final = {".md", ".png", ".json", ".css"}
LIST_AFTER_TEXT: Final = re.compile(r"^((?![->|#<\s]|\* |\d+\. ).+\n)(?=(?:- |1\. ))", re.MULTILINE)
"""The line of a paragraph that a list follows: GitHub needs no empty line between them, Python-Markdown does."""
LINK: Final = re.compile(r"(?<!\\)(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s]+)\)")


def pages(root: Path) -> dict[str, str]:
    """File of the repository → file of the site, for each page and what pages show."""
    files = sorted(path for path in (root / "docs").rglob("*") if path.suffix in COPIED)
    below = {path.relative_to(root).as_posix(): path.relative_to(root / "docs").as_posix() for path in files}
    return below | {name: page for name, page in ROOT_PAGES.items() if (root / name).is_file()}


def stage(root: Path, target: Path, repo_url: str) -> None:
    """Write the pages of the checkout ``root`` into ``target``; files that are the same stay, others are removed."""
    mapping = pages(root)
    rewriter = Rewriter(root, mapping, repo_url)
    for path in [path for path in target.rglob("*") if path.is_file()]:
        if path.relative_to(target).as_posix() not in mapping.values():
            path.unlink()
    for source, page in mapping.items():
        content = (root / source).read_bytes()
        if page.endswith(".md"):
            content = rewriter.page_text(source, content.decode()).encode()
        (target / page).parent.mkdir(parents=True, exist_ok=True)
        write_if_changed(target / page, content)


def write_if_changed(file: Path, content: bytes) -> None:
    """Write a file, unless it has this content: a server that watches it would build everything again."""
    if not file.exists() or file.read_bytes() != content:
        file.write_bytes(content)


@dataclass(frozen=True)
class Rewriter:
    """Makes pages of documents.

    Args:
        root: The checkout.
        mapping: File of the repository → file of the site.
        repo_url: Where the repository is shown; empty if it is nowhere.
    """

    root: Path
    mapping: Mapping[str, str]
    repo_url: str = ""

    def page_text(self, source: str, text: str) -> str:
        """The page of the document ``source``: links, diagrams, and what Python-Markdown reads differently."""
        parts: list[str] = []
        end = 0
        for block in FENCE.finditer(text):
            parts.append(self._prose(source, text[end : block.start()]))
            parts.append(svg_of(block["text"]) if block["language"] == "mermaid" else block[0])
            end = block.end()
        return "".join([*parts, self._prose(source, text[end:])])

    def _prose(self, source: str, text: str) -> str:
        text = LINK.sub(lambda link: self._link(source, link), text)
        text = LIST_AFTER_TEXT.sub(r"\1\n", text)
        return text.replace("<details>", '<details markdown="1">')

    def _link(self, source: str, link: re.Match[str]) -> str:
        mark, label, address = link.groups()
        name, hash_sign, anchor = address.partition("#")
        file = os.path.normpath(PurePosixPath(source).parent / name)
        if not name or re.match(r"[a-z]+:", address) or not (self.root / file).exists():
            return link[0]  # the strict build reports a file that does not exist
        if file in self.mapping:
            target = os.path.relpath(self.mapping[file], PurePosixPath(self.mapping[source]).parent)
            return f"{mark}[{label}]({target}{hash_sign}{anchor})"
        return f"{mark}[{label}]({self.repo_url.rstrip('/')}/blob/main/{file})" if self.repo_url else label


def listed(nav: object) -> Iterator[str]:
    """The pages that a navigation lists."""
    match nav:
        case str(page):
            yield page
        case dict(entries):
            for entry in entries.values():
                yield from listed(entry)
        case list(entries):
            for entry in entries:
                yield from listed(entry)


def navigation_faults(root: Path, nav: object) -> list[str]:
    """Pages that the navigation lacks, has twice, or has without a file."""
    existing = {page for page in pages(root).values() if page.endswith(".md")}
    names = list(listed(nav))
    index = f"{UNLISTED}README.md"
    missing = {page for page in existing - set(names) if not page.startswith(UNLISTED)}
    links = {link[3] for link in LINK.finditer((root / "docs" / index).read_text(encoding="utf-8"))}
    unlisted = {
        page for page in existing if page.startswith(UNLISTED) and page not in names
        and page.removeprefix(UNLISTED) not in links
    }  # fmt: skip
    return [
        *(f"{page}: not in the navigation of docs/zensical.toml" for page in sorted(missing)),
        *(f"{page}: not in docs/{index}" for page in sorted(unlisted)),
        *(f"{page}: in the navigation, and there is no such document" for page in sorted(set(names) - existing)),
        *(f"{page}: in the navigation twice" for page in sorted({page for page in names if names.count(page) > 1})),
    ]
