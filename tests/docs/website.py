"""The documentation site: ``python -m tests.docs.website`` builds it strictly in ``var/site/html``.

``--serve`` shows it at http://localhost:8000 and rebuilds it when a document changes. The built site loads nothing from
another host and has no inline script, so it works offline and under a strict Content-Security-Policy. (`style-src`
needs `unsafe-inline`: the search of the theme adds its style sheet by script.)
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from tests.docs.project_files import ROOT
from tests.docs.website_pages import navigation_faults, stage, write_if_changed

CONFIGURATION: Final = ROOT / "docs" / "zensical.toml"
FOLDER: Final = ROOT / "var" / "site"
SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)
ADDRESS: Final = re.compile(r' (?:src|href)="([^"#?][^"?]*)"')
NOT_FOUND: Final = "404.html"
"""The page of unknown addresses, which is shown at any of them."""
POLL_SECONDS: Final = 0.5


class SiteFault(Exception):
    """The site cannot be built, with what is wrong."""


def build(folder: Path) -> Path:
    """Build the site of this checkout in ``folder``, strictly; returns the folder of its pages.

    Raises:
        SiteFault: A page is not in the navigation, or a link or anchor leads nowhere.
    """
    project = prepare(folder)
    if faults := navigation_faults(ROOT, project["nav"]):
        raise SiteFault("\n".join(faults))
    html = folder / "html"
    shutil.rmtree(html, ignore_errors=True)
    done = subprocess.run(
        [*_zensical("build", folder), "--strict", "--clean"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 or not (html / "index.html").is_file():
        raise SiteFault(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr))
    if missing := missing_files(html):
        raise SiteFault("\n".join(missing))
    move_inline_scripts(html)
    return html


def missing_files(html: Path) -> list[str]:
    """Addresses of the pages that name no file of the site: Zensical checks links to pages, not pictures and files."""
    return [
        f"{page.relative_to(html)}: {address} does not exist"
        for page in sorted(html.rglob("*.html"))
        if page.name != NOT_FOUND
        for address in ADDRESS.findall(page.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", address) and not (page.parent / unquote(address.partition("#")[0])).exists()
    ]


def prepare(folder: Path) -> dict[str, Any]:
    """Write configuration and pages into ``folder``; returns the configuration."""
    project: dict[str, Any] = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["project"]
    (folder / "pages").mkdir(parents=True, exist_ok=True)
    stage(ROOT, folder / "pages", str(project.get("repo_url", "")))
    write_if_changed(folder / "zensical.toml", CONFIGURATION.read_bytes())
    return project


def move_inline_scripts(html: Path) -> None:
    """Put each inline script of the theme into a file, at its place: ``script-src 'self'`` forbids inline ones."""
    scripts = html / "assets" / "javascripts"
    for page in html.rglob("*.html"):
        base = "../" * len(page.relative_to(html).parent.parts)
        if page.name == NOT_FOUND:
            base = "/"

        def moved(script: re.Match[str], base: str = base) -> str:
            name = f"inline.{hashlib.sha256(script[1].encode()).hexdigest()[:8]}.js"
            (scripts / name).write_text(script[1], encoding="utf-8")
            return f'<script src="{base}assets/javascripts/{name}"></script>'

        page.write_text(SCRIPT.sub(moved, page.read_text(encoding="utf-8")), encoding="utf-8")


def serve(folder: Path, address: str) -> int:
    """Serve the site until it is interrupted; a changed document is a changed page within a second."""
    prepare(folder)
    process = subprocess.Popen([*_zensical("serve", folder), "--dev-addr", address])
    try:
        while True:
            try:
                return process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                prepare(folder)
    except KeyboardInterrupt:
        process.terminate()
        return process.wait()


def _zensical(command: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "zensical", command, "--config-file", str(folder / "zensical.toml")]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.website", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="serve the site, and rebuild it when a document changes")
    parser.add_argument("--address", default="localhost:8000", help="where to serve it (%(default)s)")
    options = parser.parse_args()
    if options.serve:
        return serve(FOLDER, options.address)
    try:
        html = build(FOLDER)
    except SiteFault as fault:
        print(fault, file=sys.stderr)
        return 1
    print(f"the documentation site is in {html.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
