"""Hosted apps for tests: an app is written to a folder, served in this process, and opened in AppTest."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import hosted, testing
from app import services as composition
from app.core.hosted_app_config import load_hosted_app_config
from app.core.hosting import hosting_mistakes
from app.services import Services
from db import Database, seed

PERMISSIONS = '[permissions]\n"read:orders" = { sentence = "See the orders.", roles = ["viewer"] }\n'
ENTRIES = {"/": "signed-in", "/home": "signed-in", "/open": "signed-in", "/orders": "read:orders"}
PAGE = 'import streamlit as st\nst.session_state.setdefault("ran", []).append("{name}")\nst.title("{name}")\n'
FUNCTIONS = """
import streamlit as st


def ran(name):
    st.session_state.setdefault("ran", []).append(name)
    st.title(name)


def home():
    ran("home")


def orders():
    ran("orders")


"""

Serve = Callable[..., Path]


def write(file: Path, content: str) -> Path:
    """Write a file and return its path."""
    file.write_text(content)
    return file


def serve(script: Path) -> None:
    """Serve a script in this process, with the ``gatehouse.toml`` beside it."""
    declared = load_hosted_app_config(script)
    assert hosting_mistakes(script, declared) == []
    hosted.install(hosted.Hosted(script, declared))
    storage = composition.services().storage
    assert isinstance(storage, Database)
    seed(storage)


def serve_functions(
    folder: Path, entry: str, entries: dict[str, str] | None = None, files: tuple[str, ...] = ()
) -> Path:
    """Serve an entry script of functions that are pages, with ``views/home.py`` and ``views/orders.py``."""
    for file in ("views/home.py", "views/orders.py", *files):
        (folder / file).parent.mkdir(exist_ok=True)
        write(folder / file, PAGE.format(name=Path(file).stem))
    script = write(folder / "shop.py", FUNCTIONS + textwrap.dedent(entry))
    lines = [f'"{path}" = "{requirement}"' for path, requirement in (ENTRIES if entries is None else entries).items()]
    write(folder / "gatehouse.toml", "\n".join([PERMISSIONS, "[pages]", *lines]))
    serve(script)
    return script


def open_as(script: Path, *roles: str, path: str = "/") -> AppTest:
    """The app opened at a path by a user with these roles."""
    at = AppTest.from_file(str(script), default_timeout=60)
    at.context = {"url": f"http://localhost:8501{path}"}
    testing.sign_in_as(at, roles=roles)
    return at.run()


def ran(at: AppTest) -> list[str]:
    """The parts of the hosted app that ran, in order."""
    return list(at.session_state["ran"]) if "ran" in at.session_state else []


def page_text(at: AppTest) -> str:
    """Titles, texts and errors of the page, without escapes."""
    assert not at.exception, at.exception
    return " ".join(element.value for kind in (at.title, at.markdown, at.error) for element in kind).replace("\\", "")


def refusals(gatehouse: Services) -> list[tuple[str, str]]:
    """Refusals in the audit: (kind, target)."""
    storage = gatehouse.storage
    assert isinstance(storage, Database)
    with storage.engine.connect() as connection:
        rows = connection.execute(text("SELECT kind, target FROM audit_events WHERE outcome = 'refused' ORDER BY seq"))
        return [(row.kind, row.target) for row in rows]
