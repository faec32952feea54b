"""One call of a tool while it runs: what it has begun, or waits for, ends with it when its caller goes away. No I/O."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[Call | None] = ContextVar("strands_robots_call", default=None)


class Call:
    """May be used by several threads: one runs the call, another ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self._is_over = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the call that runs in this thread; whatever it registers is forgotten when it returns by itself."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)
            with self._lock:
                if not self._is_over:
                    self._ends.clear()

    def end(self) -> None:
        """End what was begun; what the call still begins is ended as soon as it is there."""
        with self._lock:
            self._is_over = True
            ends, self._ends = self._ends, []
        for end in ends:
            end()

    def add(self, end: Callable[[], None]) -> None:
        """Register what ends something; called at once when the call is over already."""
        with self._lock:
            if not self._is_over:
                self._ends.append(end)
                return
        end()


def ends_with_call(end: Callable[[], None]) -> None:
    """Register what ends something with the call that runs in this thread; nothing happens outside of a call."""
    call = _current.get()
    if call is not None:
        call.add(end)
