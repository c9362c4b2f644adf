"""Checkpoints: the audit's head at one moment, signed, to be kept where nobody who can change the database comes.

One JSON object on one line. What it proves: at this time the chain ended with this event. A chain that is whole but
shorter, or another one, is found out by comparing; see ``docs/audit.md``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from app.core.errors import InvalidInput
from app.core.keyring import Keyring

MAX_BYTES: Final = 4 * 1024 * 1024
"""How large a file of checkpoints may be: some ten thousand of them."""
_PURPOSE: Final = "audit checkpoint"
_FORM: Final = "gatehouse audit checkpoint 1"
_HASH_CHARACTERS: Final = 64
_HIGHEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the chain, as it was."""

    seq: int
    """The number of the last event; 0 when there was none yet."""
    mac: str
    """Its MAC in hexadecimal; empty when there was none."""
    at: str
    """When it was made: ISO 8601, UTC."""
    installation: str
    """The app's address, for people; nothing is decided by it."""

    def signed(self, keyring: Keyring) -> str:
        """The one line to be kept, without its line end."""
        signature = keyring.mac(_PURPOSE, self._covered()).hex()
        return json.dumps({"form": _FORM, **asdict(self), "signature": signature})

    def _covered(self) -> bytes:
        return json.dumps([_FORM, self.seq, self.mac, self.at, self.installation], separators=(",", ":")).encode()


def make_checkpoint(seq: int, mac: bytes, *, at: datetime, installation: str) -> Checkpoint:
    """The checkpoint of a head that was found good."""
    return Checkpoint(seq, mac.hex(), at.astimezone(UTC).isoformat(timespec="seconds"), installation)


def read_checkpoints(text: str, keyring: Keyring) -> Sequence[Checkpoint]:
    """The checkpoints in ``text``, one a line, empty lines aside.

    Raises ``InvalidInput`` unless there is at least one and each was signed with one of the installation's secrets.
    """
    found = [_read(line, number, keyring) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not found:
        raise _refused("There is no checkpoint in the file.")
    return found


def _read(line: str, number: int, keyring: Keyring) -> Checkpoint:
    try:
        given = json.loads(line)
        checkpoint = Checkpoint(given["seq"], given["mac"], given["at"], given["installation"])
        form, signature = given["form"], bytes.fromhex(given["signature"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _refused(f"Line {number} of the file is not a checkpoint.") from None
    sound = (
        form == _FORM
        and type(checkpoint.seq) is int
        and 0 <= checkpoint.seq <= _HIGHEST
        and all(isinstance(part, str) for part in (checkpoint.mac, checkpoint.at, checkpoint.installation))
        and len(checkpoint.mac) == (_HASH_CHARACTERS if checkpoint.seq else 0)
    )
    if not sound:
        raise _refused(f"Line {number} of the file is not a checkpoint.")
    if not keyring.mac_matches(_PURPOSE, checkpoint._covered(), signature):  # noqa: SLF001 - the other half of `signed`
        raise _refused(
            f"The checkpoint in line {number} was altered, or signed with a secret that is not in GATEHOUSE_SECRET."
        )
    return checkpoint


def _refused(sentence: str) -> InvalidInput:
    return InvalidInput({"since": sentence}, sentence)
