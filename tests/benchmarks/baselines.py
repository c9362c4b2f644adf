"""The baselines of the API: plain Flask, as small as it can be written by hand."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any, Final

from flask import Flask

from tests.benchmarks.world import raw

ANSWER: Final = {"message": "Ping. You may read messages."}

PERSON: Final = (
    "p.issuer, p.subject, p.name, p.email, p.email_verified, p.picture, p.blocked, p.first_seen_at, p.last_seen_at, "
    "p.machine, p.signed_out_at"
)
SESSION: Final = (
    "s.ref, s.created_at, s.authenticated_at, s.last_seen_at, s.expires_at, s.ended_at, s.end_reason, s.acr, s.amr, "
    "s.user_agent, s.address, s.access_expires_at, s.rights_synced_at"
)
BY_TOKEN: Final = f"""
    SELECT v.version, o.client_id, {PERSON}, {SESSION}
    FROM issued_tokens t
    JOIN sessions s ON s.id = t.session_id
    JOIN people p ON p.id = s.person_id
    JOIN policy v ON v.id = 1
    LEFT JOIN own_clients o ON o.issuer = p.issuer AND o.client_id = s.client_id
    WHERE t.token_hash = ?
"""  # noqa: S608 - fixed column names
BY_REF: Final = f"""
    SELECT v.version, {PERSON}, {SESSION}
    FROM sessions s JOIN people p ON p.id = s.person_id JOIN policy v ON v.id = 1
    WHERE s.ref = ?
"""  # noqa: S608 - fixed column names


def plain() -> Flask:
    """One route that answers at once."""
    app = Flask("plain", static_folder=None)

    @app.get("/api/pong-scoped")
    def pong() -> dict[str, str]:
        return ANSWER

    return app


def one_read(file: Path, token_hash: bytes) -> Flask:
    """One route that reads the rows of a token, by the driver alone, and answers."""
    app = Flask("one_read", static_folder=None)
    local = threading.local()
    key = (token_hash,)

    def connection() -> sqlite3.Connection:
        opened: sqlite3.Connection | None = getattr(local, "connection", None)
        if opened is None:
            opened = local.connection = raw(file)
        return opened

    @app.get("/api/pong-scoped")
    def pong() -> dict[str, str]:
        row: tuple[Any, ...] | None = connection().execute(BY_TOKEN, key).fetchone()
        if row is None:
            raise LookupError
        return ANSWER

    return app


def served() -> Flask:
    """``one_read`` for a server process, from its environment."""
    return one_read(Path(os.environ["BENCH_FILE"]), bytes.fromhex(os.environ["BENCH_TOKEN_HASH"]))
