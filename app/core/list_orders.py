"""The orders of lists of administration; those of people and of the audit are beside the queries of these lists.

With ``-`` an order is descending: from Z to A, the most first, the newest first.
"""

from __future__ import annotations

from enum import StrEnum


class RoleSort(StrEnum):
    """The declared orders of the list of roles; equal counts are by name. People are counted up to 1,000."""

    NAME = "name"
    NAME_DESCENDING = "-name"
    PEOPLE = "people"  # fewest first
    PEOPLE_DESCENDING = "-people"
    PERMISSIONS = "permissions"
    PERMISSIONS_DESCENDING = "-permissions"


class SessionSort(StrEnum):
    """The declared orders of the list of sessions."""

    LAST_SEEN = "-last_seen_at"  # last used first
    LAST_SEEN_ASCENDING = "last_seen_at"
    SINCE = "since"  # longest first
    SINCE_DESCENDING = "-since"

    @property
    def descending(self) -> bool:
        """Whether the newest time comes first."""
        return self.value.startswith("-")


class MappingSort(StrEnum):
    """The declared orders of the list of mappings; equal counts are by name, and counted up to 1,000."""

    TOKEN_ROLE = "token_role"  # noqa: S105 - a column
    TOKEN_ROLE_DESCENDING = "-token_role"  # noqa: S105 - a column
    PEOPLE = "people"  # fewest first
    PEOPLE_DESCENDING = "-people"
