"""What several threads of a member publish, in one order, without a thread that waits for another. No I/O of its own.

A receiver takes a number only when it is above the last one. So what was sealed first has to be published first. A lock
around sealing and publishing would do that, and would hold everyone up behind one slow transport. Here a thread that
finds another one publishing leaves its message to that one and goes on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

MOST_WAITING = 1024
"""Messages that wait behind a transport that hangs; the oldest is dropped. What matters is repeated by who sends it."""

Publish = Callable[[], None]


class Outbox:
    """Publishes in the order of `add`. May be used by several threads."""

    def __init__(self) -> None:
        self._ordering, self._publishing = threading.Lock(), threading.Lock()
        self._waiting: deque[Publish] = deque(maxlen=MOST_WAITING)
        self.dropped = 0

    def add(self, seal: Callable[[], Publish]) -> None:
        """Seal a message and queue it; no other one is sealed meanwhile.

        Args:
            seal: Seals and returns what publishes; what it raises comes to the caller.
        """
        with self._ordering:
            self.dropped += len(self._waiting) == MOST_WAITING
            self._waiting.append(seal())

    def publish(self) -> None:
        """Publish what is queued, or leave it to the thread that is at it."""
        # Looked at again after the lock is given back: a message may have been queued just before that.
        while self._waiting and self._publishing.acquire(blocking=False):
            try:
                while self._waiting:
                    self._waiting.popleft()()
            finally:
                self._publishing.release()
