"""Names of the triggers that protect the audit and maintain counters and search, and the statements that list them."""

from __future__ import annotations

from typing import Final

_ON_BOTH: Final = frozenset(
    {
        "audit_events_no_update",
        "audit_events_no_delete",
        "audit_events_only_append",
        "audit_retention_no_update",
        "audit_retention_no_delete",
        "audit_retention_only_forward",
    }
)
TRIGGERS: Final = {
    "sqlite": _ON_BOTH,
    "postgresql": _ON_BOTH | {"audit_events_no_truncate", "audit_retention_no_truncate"},
}
"""The triggers that make the audit append-only, by dialect."""
_COUNTING: Final = frozenset(
    {f"people_counted_{event}" for event in ("insert", "update", "delete")}
    | {f"grants_counted_{event}" for event in ("insert", "update", "delete")}
)
MAINTENANCE_TRIGGERS: Final = {
    "sqlite": _COUNTING | {f"people_search_{event}" for event in ("insert", "update", "delete")},
    "postgresql": _COUNTING,
}
"""The triggers that maintain counters and the search index of people, by dialect."""
SELECT_TRIGGERS: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    " AND tbl_name IN ('audit_events', 'audit_retention')",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'"
    " AND tgrelid IN ('audit_events'::regclass, 'audit_retention'::regclass)",
}
SELECT_ALL_TRIGGERS: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D' AND NOT tgisinternal",
}
