"""Checkpoints: the audit's head at one moment, signed. Keep them out of reach of anyone who can change the database.

A checkpoint is one JSON object on one line. It proves that the chain ended with this event at this time. A comparison
detects a chain that is intact but shorter, or was replaced; see ``docs/audit.md``.
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
"""The maximum size of a file of checkpoints: about ten thousand of them."""
_PURPOSE: Final = "audit checkpoint"
_FORMAT: Final = "gatehouse audit checkpoint 1"
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
    """The time of the checkpoint: ISO 8601, UTC."""
    installation: str
    """The app's address, for display only."""

    def signed(self, keyring: Keyring) -> str:
        """Return the line to store, without its line end."""
        signature = keyring.mac(_PURPOSE, self._signed_bytes()).hex()
        return json.dumps({"form": _FORMAT, **asdict(self), "signature": signature})

    def _signed_bytes(self) -> bytes:
        return json.dumps([_FORMAT, self.seq, self.mac, self.at, self.installation], separators=(",", ":")).encode()


def make_checkpoint(seq: int, mac: bytes, *, at: datetime, installation: str) -> Checkpoint:
    """Return the checkpoint of a head that was verified."""
    return Checkpoint(seq, mac.hex(), at.astimezone(UTC).isoformat(timespec="seconds"), installation)


def read_checkpoints(text: str, keyring: Keyring) -> Sequence[Checkpoint]:
    """Read the checkpoints in ``text``, one a line; empty lines are skipped.

    Raises:
        InvalidInput: if there is none, or one was not signed with a secret of the installation.
    """
    checkpoints = [_read(line, number, keyring) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not checkpoints:
        raise _refused("There is no checkpoint in the file.")
    return checkpoints


def _read(line: str, number: int, keyring: Keyring) -> Checkpoint:
    try:
        payload = json.loads(line)
        checkpoint = Checkpoint(payload["seq"], payload["mac"], payload["at"], payload["installation"])
        file_format, signature = payload["form"], bytes.fromhex(payload["signature"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _refused(f"Line {number} of the file is not a checkpoint.") from None
    sound = (
        file_format == _FORMAT
        and type(checkpoint.seq) is int
        and 0 <= checkpoint.seq <= _HIGHEST
        and all(isinstance(part, str) for part in (checkpoint.mac, checkpoint.at, checkpoint.installation))
        and len(checkpoint.mac) == (_HASH_CHARACTERS if checkpoint.seq else 0)
    )
    if not sound:
        raise _refused(f"Line {number} of the file is not a checkpoint.")
    if not keyring.mac_matches(_PURPOSE, checkpoint._signed_bytes(), signature):  # noqa: SLF001 - the other half of `signed`
        raise _refused(
            f"The checkpoint in line {number} was altered, or signed with a secret that is not in GATEHOUSE_SECRET."
        )
    return checkpoint


def _refused(sentence: str) -> InvalidInput:
    return InvalidInput({"since": sentence}, sentence)
