"""The front end's ES modules, at addresses that name their version, so that a browser never mixes two versions.

The modules import each other by relative addresses (``./account.js``), and Streamlit serves their folder under fixed
names. So Streamlit's address of the entry (``auth0.js``) is answered by a module that re-exports the entry of the
current version, at ``<digest>/auth0.js``. The digest covers every module: below it each may be cached permanently, and
an address with another digest is not found.
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
_DIGEST: Final = re.compile(r"[0-9a-f]{16}")
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
    """The modules as they were read. ``entry``: what Streamlit's address of the entry is answered with."""

    digest: str
    modules: Mapping[str, _Module]
    entry: _Module


class FrontendModules:
    """Serves the modules of one folder."""

    def __init__(self, *, component: str, entry: str, folder: Path = FOLDER) -> None:
        """``component``, ``entry``: the component and its module, as Streamlit's browser side requests them."""
        self._prefix = f"/_stcore/bidi-components/{component}/"
        self._entry = entry
        self._folder = folder
        self._stamp = self._stamped()
        self._version = self._read()

    def answer(self, scope: Scope) -> Response | None:
        """The response to a request for the entry, or for a module of a version.

        None for any other request, which Streamlit answers.
        """
        name = scope["path"].removeprefix(self._prefix) if scope["path"].startswith(self._prefix) else ""
        if not name or scope["method"] not in {"GET", "HEAD"}:
            return None
        if name == self._entry:
            return self._current().entry.response(scope, cache=_CHECKED)
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
        # It names every module, so that the browser requests all of them at once.
        lines = [f'import "./{at}/{name}"\n' for name in texts if name != self._entry]
        entry = "".join((*lines, f'export {{ default }} from "./{at}/{self._entry}"\n'))
        return _Version(at, {name: _Module.of(text) for name, text in texts.items()}, _Module.of(entry.encode()))
