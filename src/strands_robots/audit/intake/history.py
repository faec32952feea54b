"""The last events that a source has sent, for when audit_node says that it lacks some. No I/O; used under the caller's lock."""

from __future__ import annotations

from collections import deque

from strands_robots.audit.event import Event

CAPACITY = 1000
"""Events kept; audit_node names what is older and lacking as a gap."""

SETTLED = 0.5
"""An event that was sent less than this ago may still be on its way [s]."""

MOST_AT_ONCE = 200
"""Events that one request brings; the next request, a second later, brings more."""


class SentHistory:
    """Remembers what was sent, and when."""

    def __init__(self) -> None:
        self._sent: deque[tuple[Event, float]] = deque(maxlen=CAPACITY)

    def note(self, event: Event, now: float) -> None:
        """Remember an event that was just sent; `now` is steady time [s]."""
        self._sent.append((event, now))

    def missing(self, first: int, last: int, following: int, now: float) -> list[Event]:
        """Return the events to send again, oldest first.

        Args:
            first: First number of a gap; 0 for none.
            last: Last number of the gap.
            following: This number and all above it were never heard.
            now: Steady time [s].
        """
        settled = (event for event, sent in self._sent if now - sent >= SETTLED)
        found = [event for event in settled if first <= event.sequence <= last or event.sequence >= following]
        return sorted(found, key=lambda event: event.sequence)[:MOST_AT_ONCE]
