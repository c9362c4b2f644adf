"""An audit event and the names of its people, for tests of sentences."""

from __future__ import annotations

from datetime import UTC, datetime

from app.core.audit_rows import AuditRow
from app.core.principal import Subject
from remote_api.audit_sentences import sentence

ADA, EVA = "ada at https://i", "eva at https://i"
NAMES = {Subject("https://i", "ada"): "Ada Okafor", Subject("https://i", "eva"): "Eva Novak"}
ROW = AuditRow(1, datetime(2026, 1, 1, tzinfo=UTC), "policy:grant:add", "done", ADA, EVA, "", "", "")


def written(row: AuditRow) -> str:
    """The sentence with the names of ``NAMES``."""
    return sentence(row, lambda subject: NAMES.get(subject, ""))
