"""The rule of a live session in SQL is the one of ``app.core.session_liveness``, up to each second of a boundary."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

from sqlalchemy import select

from app.core.records import EndReason
from app.core.session_liveness import Liveness, liveness
from db import Database
from db.models import sessions
from db.session_liveness import is_live
from tests.db.builders import ANN, HOUR, NOW, SECOND, signed_in, written

IDLE = timedelta(minutes=10)
OFFSETS = (-SECOND, timedelta(), SECOND)


def sessions_in_every_state(database: Database) -> list[str]:
    """Sessions around both boundaries at ``NOW``, ended or not; returns their references."""
    refs = []
    for number, (used, absolute, ended) in enumerate(product(OFFSETS, OFFSETS, (None, *EndReason))):
        ref = f"ref-{number}"
        signed_in(database, ref, expires_at=NOW + absolute)
        with database.unit_of_work() as unit:
            if ended is not None:
                unit.end_session(ref, ended, NOW - HOUR)
            unit._execute(sessions.update().where(sessions.c.ref == ref).values(last_seen_at=NOW - IDLE + used))
            unit.commit()
        refs.append(ref)
    return refs


def noted_use(database: Database, ref: str) -> bool:
    """Whether use of the session at ``NOW`` is stored."""
    return bool(written(database, lambda unit: unit.touch_session(ref, lambda: NOW, idle=IDLE)))


def test_sql_and_python_agree(database: Database) -> None:
    refs = sessions_in_every_state(database)
    stored = [database.read.session_by_ref(ref) for ref in refs]
    expected = {
        session.ref
        for session in stored
        if session is not None and liveness(session, idle=IDLE, now=NOW) is Liveness.LIVE
    }
    assert len(expected) == 1  # one second is left of both lifetimes, and nothing ended it
    with database.engine.connect() as connection:
        rows = connection.execute(select(sessions.c.ref).where(*is_live(NOW, used_after=NOW - IDLE)))
        assert {row.ref for row in rows} == expected


def test_the_lists_and_the_note_of_use_agree_with_it(database: Database) -> None:
    refs = sessions_in_every_state(database)
    listed = [
        session
        for session in database.read.sessions_of(ANN, NOW)
        if liveness(session, idle=IDLE, now=NOW) is Liveness.LIVE
    ]
    rows = database.administration.sessions(NOW, seen_since=NOW - IDLE, limit=100).rows
    noted = [ref for ref in refs if noted_use(database, ref)]
    assert len(listed) == 1
    assert [session.ref for session in listed] == [row.session.ref for row in rows] == noted
