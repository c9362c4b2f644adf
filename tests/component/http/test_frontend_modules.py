"""The addresses of the front end's modules: one version at a time, however a browser caches."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from pathlib import Path

import pytest
from starlette.responses import Response

from component.http.frontend_modules import ENTRIES, FOLDER, FrontendModules
from component.protocol import forward_message
from component.table import COMPONENT as TABLE
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import sign_in_world

PREFIX = f"/_stcore/bidi-components/{forward_message.COMPONENT}/"
ENTRY = f"{PREFIX}{forward_message.COMPONENT_SOURCE}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "frontend")
    return tmp_path / "frontend"


def served(folder: Path = FOLDER) -> FrontendModules:
    return FrontendModules(folder=folder)


def get(modules: FrontendModules, path: str, method: str = "GET", encoding: str = "") -> Response | None:
    headers = [(b"accept-encoding", encoding.encode())] if encoding else []
    return modules.answer({"type": "http", "method": method, "path": path, "headers": headers})


def body(response: Response | None) -> str:
    assert response is not None
    assert response.status_code == 200
    return bytes(response.body).decode()


def version(modules: FrontendModules) -> str:
    match = re.search(r'from "\./([0-9a-f]{16})/auth0\.js"', body(get(modules, ENTRY)))
    assert match
    return match[1]


def change(folder: Path, name: str, text: str) -> None:
    file = folder / name
    before = file.stat()
    file.write_text(text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


@pytest.mark.parametrize("component", ENTRIES)
def test_an_entry_re_exports_that_of_its_version_and_names_every_module_it_needs(component: str) -> None:
    modules, module = served(), ENTRIES[component]
    entry = get(modules, f"/_stcore/bidi-components/{component}/{module}")
    at = version(modules)
    *imports, export = body(entry).splitlines()
    assert export == f'export {{ default }} from "./{at}/{module}"'
    named = {line.removeprefix(f'import "./{at}/').removesuffix('"') for line in imports} | {module}
    for name in named:
        assert set(re.findall(r'from "\./([^"]+)"', (FOLDER / name).read_text())) <= named, name
    assert entry is not None
    assert entry.headers["Cache-Control"] == "no-cache"


def test_the_entries_need_all_modules_and_each_only_its_own() -> None:
    modules = served()
    needs = {
        component: set(
            re.findall(r'/([a-z0-9-]+\.js)"', body(get(modules, f"/_stcore/bidi-components/{component}/{entry}")))
        )
        for component, entry in ENTRIES.items()
    }
    assert set.union(*needs.values()) == {path.name for path in FOLDER.iterdir()}
    assert needs[forward_message.COMPONENT] & needs[TABLE] == {"dom.js"}
    assert ENTRIES[forward_message.COMPONENT] == forward_message.COMPONENT_SOURCE


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_a_module_of_the_version_may_be_cached_permanently(name: str) -> None:
    modules = served()
    module = get(modules, f"{PREFIX}{version(modules)}/{name}")
    assert body(module) == (FOLDER / name).read_text()
    assert module is not None
    assert module.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert module.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert module.headers["Vary"] == "Accept-Encoding"


def test_a_client_that_takes_gzip_gets_it() -> None:
    modules = served()
    for path in (ENTRY, f"{PREFIX}{version(modules)}/view.js"):
        packed = get(modules, path, encoding="gzip, deflate, br")
        assert packed is not None
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body).decode() == body(get(modules, path))
        assert int(packed.headers["Content-Length"]) == len(packed.body)


def test_after_an_upgrade_the_modules_of_the_old_version_are_not_found(folder: Path) -> None:
    """A page that loads during an upgrade fails as a whole; it never combines old and new modules."""
    old = served(folder)
    at = version(old)
    change(folder, "dom.js", "// another version\n")
    new = served(folder)
    assert version(new) != at
    for name in ("auth0.js", "dom.js", "view.js"):
        gone = get(new, f"{PREFIX}{at}/{name}")
        assert gone is not None
        assert (gone.status_code, gone.headers["Cache-Control"]) == (404, "no-store")


def test_a_version_is_one_set_of_files_even_while_they_are_replaced(folder: Path) -> None:
    modules = served(folder)
    at, before = version(modules), (folder / "dom.js").read_text()
    change(folder, "dom.js", "// another version\n")
    assert body(get(modules, f"{PREFIX}{at}/dom.js")) == before
    now = version(modules)
    assert now != at
    assert body(get(modules, f"{PREFIX}{now}/dom.js")) == "// another version\n"
    missing = get(modules, f"{PREFIX}{at}/dom.js")
    assert missing is not None
    assert missing.status_code == 404


def test_the_same_files_are_the_same_version_in_every_process(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert version(served(folder)) == version(served())


@pytest.mark.parametrize("change_to", ["a name", "a border between two files", "a file more"])
def test_any_difference_is_another_version(folder: Path, change_to: str) -> None:
    at = version(served(folder))
    if change_to == "a name":
        (folder / "dom.js").rename(folder / "dom2.js")
    elif change_to == "a file more":
        (folder / "more.js").write_text("")
    else:
        first, second = folder / "browser-tabs.js", folder / "dom.js"
        text = first.read_text()
        first.write_text(text[:-1])
        second.write_text(text[-1:] + second.read_text())
    assert version(served(folder)) != at


@pytest.mark.parametrize(
    "path",
    [
        "/", "/auth0.js", PREFIX, f"{PREFIX}account.js", f"{PREFIX}../auth0.py", f"{PREFIX}short/auth0.js",
        "/_stcore/bidi-components/another.auth0/auth0.js", "/_stcore/bidi-components/streamlit-gatehouse.auth0",
    ],
)  # fmt: skip
def test_streamlit_answers_every_other_request(path: str) -> None:
    assert get(served(), path) is None


@pytest.mark.parametrize("name", ["", "unknown.js", "../auth0.js", "auth0.js/", "dom.js/../view.js", "x/dom.js"])
def test_the_folder_of_a_version_serves_its_modules_only(name: str) -> None:
    modules = served()
    answer = get(modules, f"{PREFIX}{version(modules)}/{name}")
    assert answer is not None
    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "PUT", "DELETE"])
def test_streamlit_answers_other_methods(method: str) -> None:
    assert get(served(), ENTRY, method) is None


def test_a_head_is_answered_like_a_get() -> None:
    modules = served()
    head = get(modules, ENTRY, "HEAD")
    assert body(head) == body(get(modules, ENTRY))


def test_the_middleware_answers_every_caller_alike_under_its_policy() -> None:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock) as here:
        at = version(served())
        for client in (here.client(), here.sign_in()):
            cookies = dict(client.cookies)
            for path in (ENTRY, f"{PREFIX}{at}/sign-in.js"):
                answer = client.get(path)
                assert (answer.status, answer.header("content-type")) == (200, "text/javascript; charset=utf-8")
                assert answer.header("x-content-type-options") == "nosniff"
                assert answer.header("content-security-policy")
            assert client.cookies == cookies
            assert client.get(f"{PREFIX}{'0' * 16}/sign-in.js").status == 404
        assert here.client().get(ENTRY, host="evil.example").status == 421
