"""The documentation site is built strictly, and shows what GitHub shows."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.docs import website
from tests.docs.project_files import ROOT
from tests.docs.sequence_diagrams import UnknownDiagram, parse, svg_of
from tests.docs.website_pages import Rewriter, navigation_faults, pages

pytestmark = pytest.mark.xdist_group("website")  # built once, not once per worker

COUNTED = {"li", "ol", "ul", "table", "tr", "pre", "h2", "h3", "img", "strong", "em", "code"}


class Elements(HTMLParser):
    """Counts elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in COUNTED:
            self.counts[tag] += 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the site is built."""
    folder = tmp_path_factory.mktemp("website")
    website.build(folder)
    return folder


def test_every_page_has_the_elements_that_github_shows(folder: Path) -> None:
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    for page in (page for page in pages(ROOT).values() if page.endswith(".md")):
        file = folder / "html" / page.replace("README.md", "index.md").replace(".md", ".html")
        article = file.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
        expected = markdown.render((folder / "pages" / page).read_text(encoding="utf-8"))
        assert Elements(article).counts == Elements(expected).counts, page


def test_no_page_loads_from_another_host_or_has_an_inline_script(folder: Path) -> None:
    for page in (folder / "html").rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert not re.search(r'<(?:script|link|img|iframe)[^>]* (?:src|href)="(?:https?:)?//', html), page
        assert not re.search(r'<script(?![^>]*(?: src=| type="?application/json))', html), page
        assert not re.search(r'<[^>]* (?:style|on\w+)="', html), page


@pytest.mark.parametrize(
    ("addition", "faults"),
    [
        (
            "[x](missing.md) [y](settings.md#missing) [z](#missing)",
            ["page does not exist", "anchor does not exist", "3 issues found"],
        ),
        ("![x](images/missing.png)\n[y](../missing.py)", ["images/missing.png does", "../missing.py does not exist"]),
    ],
)
def test_a_link_that_leads_nowhere_fails_the_build(
    addition: str, faults: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "root" / "docs"
    (docs / "decisions").mkdir(parents=True)
    (docs / "README.md").write_text("# Start\n", encoding="utf-8")
    (docs / "decisions" / "README.md").write_text("# Decisions\n", encoding="utf-8")
    (docs / "settings.md").write_text(f"# Settings\n\n{addition}\n", encoding="utf-8")
    configuration = docs / "zensical.toml"
    nav = '["README.md", "settings.md", "decisions/README.md"]'
    text = website.CONFIGURATION.read_text(encoding="utf-8").replace('extra_css = ["site.css"]\n', "")
    configuration.write_text(re.sub(r"nav = \[.*?^\]", f"nav = {nav}", text, flags=re.DOTALL | re.MULTILINE))
    monkeypatch.setattr(website, "ROOT", tmp_path / "root")
    monkeypatch.setattr(website, "CONFIGURATION", configuration)
    with pytest.raises(website.SiteFault) as raised:
        website.build(tmp_path / "site")
    for fault in faults:
        assert fault in str(raised.value)


def test_a_page_that_the_navigation_lacks_is_a_fault(tmp_path: Path) -> None:
    decisions = tmp_path / "docs" / "decisions"
    decisions.mkdir(parents=True)
    (decisions / "README.md").write_text("[1](0001-one.md)\n", encoding="utf-8")
    for name in ("decisions/0001-one.md", "decisions/0002-two.md", "settings.md", "api.md"):
        (tmp_path / "docs" / name).write_text("# A page\n", encoding="utf-8")
    nav = [{"Reference": ["settings.md", "settings.md", "errors.md"]}, {"Decisions": "decisions/README.md"}]
    assert navigation_faults(tmp_path, nav) == [
        "api.md: not in the navigation of docs/zensical.toml",
        "decisions/0002-two.md: not in docs/decisions/README.md",
        "errors.md: in the navigation, and there is no such document",
        "settings.md: in the navigation twice",
    ]


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("docs/how-to/deploy.md", "[log](../../CHANGELOG.md#020)", "[log](../changelog.md#020)"),
        ("README.md", "[a\npage](docs/how-to/add-a-page.md)", "[a\npage](how-to/add-a-page.md)"),
        ("README.md", "![p](docs/images/access-matrix.png)", "![p](images/access-matrix.png)"),
        ("docs/api.md", "[main](../app/main.py) runs", "main runs"),
        ("docs/api.md", "[x](https://example.com) [y](#y)", "[x](https://example.com) [y](#y)"),
        ("docs/api.md", "```sh\n[x](../app/main.py)\n```\n", "```sh\n[x](../app/main.py)\n```\n"),
        ("docs/api.md", "Text:\n- one\n- two\n", "Text:\n\n- one\n- two\n"),
        ("docs/api.md", "- one\n- two\n", "- one\n- two\n"),
    ],
)
def test_a_document_becomes_a_page(source: str, text: str, expected: str) -> None:
    assert Rewriter(ROOT, pages(ROOT)).page_text(source, text) == expected


def test_files_that_are_no_pages_are_links_where_the_repository_has_an_address() -> None:
    rewriter = Rewriter(ROOT, pages(ROOT), "https://git.example/gatehouse/")
    expected = "[main](https://git.example/gatehouse/blob/main/app/main.py)"
    assert rewriter.page_text("docs/api.md", "[main](../app/main.py)") == expected


def test_a_sequence_diagram_is_drawn_with_its_texts() -> None:
    text = "sequenceDiagram\n  participant B as Browser\n  participant A as App\n  B->>A: GET /?a=<b>\n"
    svg = svg_of(f"{text}  A-->>B: 200\n  A->>A: checks\n  Note over A: waits\n")
    assert 'aria-label="Browser to App: GET /?a=&lt;b&gt;; App to Browser: 200; App: checks; App: waits"' in svg
    assert svg.count('class="line reply"') == 1
    assert len(parse(text).steps) == 1


@pytest.mark.parametrize(
    "text", ["flowchart LR\n", "", "sequenceDiagram\n  loop every second\n", "sequenceDiagram\n  A->>B: x\n"]
)
def test_a_diagram_that_cannot_be_drawn_is_an_error(text: str) -> None:
    with pytest.raises(UnknownDiagram):
        parse(text)
