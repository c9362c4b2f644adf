"""Checkpoints: they show what the chain alone cannot, and cannot be made without the secret."""

from __future__ import annotations

import pytest

from app.core.checkpoints import make_checkpoint, read_checkpoints
from app.core.errors import Conflict, InvalidInput
from app.core.keyring import Keyring
from app.core.secret_keys import SecretKeys
from db import ChainState, Database, checkpoint, verify_chain
from tests.db.builders import KEYRING, NOW, SECOND, behind_its_back, recorded
from tests.db.tampering import problems_of, rewritten, signed


def test_a_chain_head_set_back_to_an_earlier_one_is_detected(database: Database) -> None:
    recorded(database, 3)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE old AS SELECT * FROM audit_head")
    recorded(database, 2)
    kept = signed(database)
    back = "UPDATE audit_head SET seq = 3, mac = (SELECT mac FROM old), seal = (SELECT seal FROM old)"
    behind_its_back(database, back)
    assert problems_of(database) == [("appended", 4)]
    behind_its_back(database, "DELETE FROM audit_events WHERE seq > 3")
    assert problems_of(database) == [], "alone the chain cannot know that it was longer"
    assert problems_of(database, kept) == [("truncated", 4)]
    recorded(database, 2, at=NOW + 60 * SECOND)
    assert problems_of(database, kept) == [("rewritten", 5)], "nor does it help to fill it up again"


def test_everything_deleted_and_the_head_made_as_new(database: Database) -> None:
    recorded(database)
    kept = signed(database)
    nothing = "X''" if database.engine.dialect.name == "sqlite" else "''"
    as_new = f"UPDATE audit_head SET seq = 0, mac = {nothing}, seal = {nothing}"  # noqa: S608 - our own text
    behind_its_back(database, "DELETE FROM audit_events", as_new)
    assert problems_of(database) == []
    assert problems_of(database, kept) == [("truncated", 1)]


def test_a_full_rewrite_with_the_secret_shows_against_a_checkpoint_only(database: Database) -> None:
    recorded(database)
    first = signed(database)
    recorded(database, 2)
    second = signed(database)
    rewritten(database, 9, KEYRING)
    assert problems_of(database) == []
    assert problems_of(database, second) == [("rewritten", 7)]
    third = signed(database)
    assert problems_of(database, third) == [], "a checkpoint taken after it knows no better"
    assert problems_of(database, [*third, *first]) == [("rewritten", 5)], "but an older one beside it does"


def test_a_full_rewrite_without_the_secret(database: Database) -> None:
    recorded(database)
    kept = signed(database)
    rewritten(database, 5, Keyring(["x" * 40]))
    named = [*[("edited", seq) for seq in range(1, 6)], ("head", None)]
    assert problems_of(database) == named
    assert ("rewritten", 5) in problems_of(database, kept)


def test_a_rotated_secret_still_verifies_and_another_does_not(database: Database) -> None:
    recorded(database)
    before = checkpoint(database, at=NOW, installation="x").signed(database.keyring)
    database.keyring = Keyring(["n" * 40, "k" * 40])
    assert problems_of(database, read_checkpoints(before, database.keyring)) == []
    SecretKeys(database, database.keyring, "app").send_heartbeat()
    recorded(database, 4)
    after = checkpoint(database, at=NOW, installation="x").signed(database.keyring)
    both = read_checkpoints(f"{before}\n{after}", database.keyring)
    assert verify_chain(database, both) == ChainState(events=10, first_seq=1, last_seq=10, checkpoints=2)
    database.keyring = Keyring(["n" * 40])
    assert problems_of(database) == [("edited", seq) for seq in range(1, 6)]
    with pytest.raises(InvalidInput, match="line 1"):
        read_checkpoints(f"{before}\n{after}", database.keyring)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"form": "gatehouse audit checkpoint 1", "seq": 1, "mac": "", "at": 0, "installation": 0, "signature": ""}',
        "[" * 100_000,
        '{"seq": 1e400}',
        "\x00\ufffd",
    ],
)
def test_invalid_checkpoints_are_refused(line: str) -> None:
    with pytest.raises(InvalidInput, match=r"no checkpoint|not a checkpoint"):
        read_checkpoints(line, KEYRING)


def test_a_checkpoint_cannot_be_altered_or_made_without_the_secret(database: Database) -> None:
    recorded(database)
    line = checkpoint(database, at=NOW, installation="https://app.example").signed(KEYRING)
    assert "\n" not in line
    for part, other in ((": 5,", ": 4,"), ("2026", "2027"), ("app.example", "app.other")):
        with pytest.raises(InvalidInput, match="altered"):
            read_checkpoints(line.replace(part, other), KEYRING)
    forged = make_checkpoint(5, b"m" * 32, at=NOW, installation="x").signed(Keyring(["x" * 40]))
    with pytest.raises(InvalidInput, match="altered"):
        read_checkpoints(f"{line}\n{forged}", KEYRING)


def test_no_checkpoint_is_signed_of_a_head_that_is_wrong(database: Database) -> None:
    assert signed(database)[0].seq == 0
    recorded(database)
    for statement in (
        "UPDATE audit_events SET actor = 'x' WHERE seq = 5",
        "DELETE FROM audit_events WHERE seq = 5",
        "UPDATE audit_head SET seq = 4",
        "DELETE FROM audit_head",
    ):
        behind_its_back(database, statement)
        with pytest.raises(Conflict, match="nothing is signed"):
            signed(database)
