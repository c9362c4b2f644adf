"""Whether a process with these secrets can write to the database of the installation."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.command_text import REPLACE_SECRET, command_text
from app.core.errors import SecretMismatch
from app.core.keyring import Keyring
from app.core.secret_keys import mismatch, require_write_key

OLD = "the old secret of the tests, long enough"
NEW = "the new secret of the tests, long enough"
FILE = Path("var/secret")
OLD_ID = Keyring((OLD,)).key_ids[0]


@pytest.mark.parametrize(
    ("write_key", "secrets"), [("", ()), ("", (NEW,)), (OLD_ID, (OLD,)), (OLD_ID, (NEW, OLD)), (OLD_ID, (OLD, NEW))]
)
def test_a_process_that_has_the_write_key_or_is_the_first_can_write(write_key: str, secrets: tuple[str, ...]) -> None:
    require_write_key(write_key, secrets, FILE)


def test_a_missing_secret_names_its_file_and_both_ways_out() -> None:
    with pytest.raises(SecretMismatch) as caught:
        require_write_key(OLD_ID, (), FILE)
    assert caught.value.detail == (
        "The file var/secret with the secret of this installation is missing, and the database was written with it. "
        "Put it back from a backup, or set GATEHOUSE_SECRET to it. If it is lost, stop every process and run: "
        + command_text(REPLACE_SECRET)
    )


def test_another_secret_is_a_mismatch() -> None:
    with pytest.raises(SecretMismatch) as caught:
        require_write_key(OLD_ID, (NEW,), FILE)
    assert caught.value.detail == mismatch()
