"""The front end's ES modules, at addresses that name their version, so that a browser never mixes two versions.

The modules import each other by relative addresses (``./account.js``), and Streamlit serves their folder under fixed
names. So Streamlit's address of an entry (``auth0.js``, ``table.js``) is answered by a module that re-exports the entry
of the current version, at ``<digest>/auth0.js``. The digest covers every module: below it each may be cached
permanently, and an address with another digest is not required.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

FOLDER: Final = Path(__file__).parents[1] / "frontend"
ENTRIES: Final[Mapping[str, str]] = {
    "streamlit-gatehouse.auth0": "auth0.js",
    "streamlit-gatehouse.table": "table.js",
}
"""Component → the module that Streamlit's front end requests for it."""
_PREFIX: Final = "/_stcore/bidi-components/"
_DIGEST: Final = re.compile(r"[0-9a-f]{16}")
_IMPORT: Final = re.compile(rb'^import [^"]*"\./([a-z0-9-]+\.js)"', re.MULTILINE)
_PERMANENT: Final = "public, max-age=31536000, immutable"
_CHECKED: Final = "no-cache"


@dataclass(frozen=True, slots=True)
class _Module:
    """JavaScript, as it is and compressed."""

    text: bytes
    gzipped: bytes

    @classmethod
    def of(cls, text: bytes) -> _Module:
        return cls(text, gzip.compress(text, mtime=0))

    def response(self, scope: Scope, *, cache: str) -> Response:
        headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
        if "gzip" not in Headers(scope=scope).get("accept-encoding", ""):
            return Response(self.text, headers=headers, media_type="text/javascript")
        return Response(self.gzipped, headers=headers | {"Content-Encoding": "gzip"}, media_type="text/javascript")


@dataclass(frozen=True, slots=True)
class _Version:
    """The modules as they were read. ``entries``: component → what the address of its entry is answered with."""

    digest: str
    modules: Mapping[str, _Module]
    entries: Mapping[str, _Module]


class FrontendModules:
    """Serves the modules of one folder."""

    def __init__(self, *, entries: Mapping[str, str] = ENTRIES, folder: Path = FOLDER) -> None:
        """``entries``: component → its module, as Streamlit's browser side requests them."""
        self._entries = entries
        self._folder = folder
        self._stamp = self._stamped()
        self._version = self._read()

    def answer(self, scope: Scope) -> Response | None:
        """The response to a request for an entry, or for a module of a version.

        None for any other request, which Streamlit answers.
        """
        path: str = scope["path"]
        if not path.startswith(_PREFIX) or scope["method"] not in {"GET", "HEAD"}:
            return None
        component, _, name = path.removeprefix(_PREFIX).partition("/")
        if component not in self._entries:
            return None
        if name == self._entries[component]:
            return self._current().entries[component].response(scope, cache=_CHECKED)
        digest, _, name = name.partition("/")
        if not _DIGEST.fullmatch(digest):
            return None
        module = self._version.modules.get(name) if digest == self._version.digest else None
        if module is None:
            return PlainTextResponse("There is no such module.\n", 404, headers={"Cache-Control": "no-store"})
        return module.response(scope, cache=_PERMANENT)

    def _current(self) -> _Version:
        """The version as it is on disk; read again when a file has changed, as in development."""
        stamp = self._stamped()
        if stamp != self._stamp:
            self._stamp, self._version = stamp, self._read()
        return self._version

    def _stamped(self) -> tuple[tuple[str, int, int], ...]:
        """Name, time and size of each module."""
        files = [(path.name, path.stat()) for path in sorted(self._folder.glob("*.js"))]
        return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in files)

    def _read(self) -> _Version:
        texts = {path.name: path.read_bytes() for path in sorted(self._folder.glob("*.js"))}
        digest = hashlib.sha256()
        for name, text in texts.items():
            digest.update(f"{name} {len(text)}\n".encode() + text)
        at = digest.hexdigest()[:16]
        entries = {component: _Module.of(_entry(texts, entry, at)) for component, entry in self._entries.items()}
        return _Version(at, {name: _Module.of(text) for name, text in texts.items()}, entries)


def _entry(texts: Mapping[str, bytes], entry: str, digest: str) -> bytes:
    """The module at Streamlit's address: it names every module that the entry needs, to be requested all at once."""
    pending, required = [entry], {entry}
    for name in pending:
        imported = {match.decode() for match in _IMPORT.findall(texts.get(name, b""))} - required
        pending += sorted(imported)
        required |= imported
    lines = [f'import "./{digest}/{name}"\n' for name in sorted(required - {entry})]
    return "".join((*lines, f'export {{ default }} from "./{digest}/{entry}"\n')).encode()
