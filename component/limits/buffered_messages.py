"""How much of messages a process keeps that are not whole, or not handed on yet. Counted on the event loop."""

from __future__ import annotations

from collections import Counter
from typing import Final

FREE_BYTES: Final = 16 * 1024
"""So much of an unfinished message is nobody's concern."""
UNFINISHED_IN_ALL: Final = 16
"""All unfinished messages together may be as long as so many of the longest. Beyond that a client goes on that has less
than an equal share of it."""
UNFINISHED_EACH: Final = 2
"""The same for one person, or for one address without a session."""
ANONYMOUS_SHARE: Final = 0.25
"""Of what may be unfinished in all, that of all anonymous clients together may be this much."""


class _Held:
    """The bytes that some clients hold, together and each."""

    def __init__(self, most: float) -> None:
        self.most = most
        self.in_all = 0
        self.clients: Counter[str] = Counter()

    def change(self, who: str, by: int) -> None:
        """Count ``by`` bytes more, or less."""
        self.in_all += by
        self.clients[who] += by
        if self.clients[who] <= 0:
            del self.clients[who]

    def is_too_much(self, who: str) -> bool:
        """Whether there is too much in all, and this client has more of it than an equal share."""
        return self.in_all > self.most and self.clients[who] * len(self.clients) > self.most


class BufferedMessages:
    """The bytes of messages that are not whole, or not handed on yet: in all, of anonymous clients, and per client."""

    def __init__(self, longest_bytes: int) -> None:
        self._all = _Held(longest_bytes * UNFINISHED_IN_ALL)
        self._anonymous = _Held(longest_bytes * UNFINISHED_IN_ALL * ANONYMOUS_SHARE)

    @property
    def in_all(self) -> int:
        """Of all clients together."""
        return self._all.in_all

    def change(self, who: str, by: int) -> None:
        """Count ``by`` bytes more, or less."""
        for held in self._of(who):
            held.change(who, by)

    def is_too_much(self, who: str, longest_bytes: int) -> bool:
        """Whether there is too much of it in all, or of this client, whose messages may be so long."""
        each = UNFINISHED_EACH * longest_bytes + FREE_BYTES
        return self._all.clients[who] > each or any(held.is_too_much(who) for held in self._of(who))

    def _of(self, who: str) -> tuple[_Held, ...]:
        return (self._all, self._anonymous) if who.startswith("address ") else (self._all,)
