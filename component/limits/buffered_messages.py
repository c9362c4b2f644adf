"""How much a process buffers of messages that are incomplete or not handed on yet. Counted on the event loop."""

from __future__ import annotations

from collections import Counter
from typing import Final

FREE_BYTES: Final = 16 * 1024
"""An unfinished message up to this size is not limited."""
MAX_MESSAGES: Final = 16
"""The limit of all unfinished messages together, in messages of the maximum size. Beyond it a client with less than an
equal share may continue."""
MAX_MESSAGES_PER_CLIENT: Final = 2
"""The same for one person, or for one address without a session."""
ANONYMOUS_SHARE: Final = 0.25
"""The share of that limit for all anonymous clients together."""


class _ClientBytes:
    """The bytes of some clients, together and each."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.total = 0
        self.clients: Counter[str] = Counter()

    def change(self, client: str, by: int) -> None:
        """Count ``by`` bytes more, or less."""
        self.total += by
        self.clients[client] += by
        if self.clients[client] <= 0:
            del self.clients[client]

    def is_exceeded(self, client: str) -> bool:
        """Whether the limit is exceeded, and this client has more than an equal share of it."""
        return self.total > self.limit and self.clients[client] * len(self.clients) > self.limit


class BufferedMessages:
    """The bytes of messages that are incomplete or not handed on yet: in all, of anonymous clients, and per client."""

    def __init__(self, max_message_bytes: int) -> None:
        self._all = _ClientBytes(max_message_bytes * MAX_MESSAGES)
        self._anonymous = _ClientBytes(max_message_bytes * MAX_MESSAGES * ANONYMOUS_SHARE)

    @property
    def total(self) -> int:
        """The bytes of all clients."""
        return self._all.total

    def change(self, client: str, by: int) -> None:
        """Count ``by`` bytes more, or less."""
        for counted in self._of(client):
            counted.change(client, by)

    def is_too_much(self, client: str, max_message_bytes: int) -> bool:
        """Whether a limit is exceeded, in all or for this client, whose messages may have this size."""
        limit = MAX_MESSAGES_PER_CLIENT * max_message_bytes + FREE_BYTES
        return self._all.clients[client] > limit or any(counted.is_exceeded(client) for counted in self._of(client))

    def _of(self, client: str) -> tuple[_ClientBytes, ...]:
        return (self._all, self._anonymous) if client.startswith("address ") else (self._all,)
