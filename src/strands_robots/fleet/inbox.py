"""A bounded queue with a thread of its own, for everything but stops. What does not fit is dropped and counted."""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class Inbox(Generic[ItemT]):
    """Hands items to a function, one after the other.

    Args:
        handle: Takes each item, in the inbox's thread.
        capacity: Items that may wait; 0 for any number.
        name: Name of the thread.
    """

    def __init__(self, handle: Callable[[ItemT], None], capacity: int, name: str) -> None:
        self._handle = handle
        self._queue: queue.Queue[ItemT | None] = queue.Queue(capacity)
        self._is_closing = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: ItemT) -> bool:
        """Queue an item; return False, at once, when there is no room."""
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self.dropped += 1
            return False
        return True

    def close(self, timeout: float = 1.0) -> None:
        """End the thread; what waits is dropped."""
        self._is_closing = True
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            pass  # The thread looks at the flag after each item.
        self._thread.join(timeout)

    def finish(self, timeout: float = 1.0) -> None:
        """End the thread once what waits is handed over, or the time is over [s]."""
        try:
            self._queue.put(None, timeout=timeout)
        except queue.Full:
            self._is_closing = True
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._is_closing:
            item = self._queue.get()
            if item is None:
                return
            try:
                self._handle(item)
            except Exception:  # noqa: BLE001 (a fault over one message must not end the thread that takes the next)
                traceback.print_exc()
