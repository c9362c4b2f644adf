"""The tables that a database consists of; a test compares them with what the migrations create.

Times are BIGINT microseconds (``db.times``). The code that writes a text bounds it (``db.texts``), not its column, so
that both engines behave alike.
"""

from db.models.access import grants, permissions, role_mappings, role_permissions, roles, token_roles, withheld_grants
from db.models.audit import audit_days, audit_events, audit_head, audit_retention
from db.models.base import metadata
from db.models.identity import people
from db.models.installation import counters, guards, page_views, policy, processes
from db.models.signin import drafts, issued_tokens, login_states, own_clients, sessions

__all__ = [
    "audit_days",
    "audit_events",
    "audit_head",
    "audit_retention",
    "counters",
    "drafts",
    "grants",
    "guards",
    "issued_tokens",
    "login_states",
    "metadata",
    "own_clients",
    "page_views",
    "people",
    "permissions",
    "policy",
    "processes",
    "role_mappings",
    "role_permissions",
    "roles",
    "sessions",
    "token_roles",
    "withheld_grants",
]
