"""A thread that does what others give it, one after the other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from strands_robots.core.errors import WorldError
from strands_robots.core.futures import resolve

T = TypeVar("T")
U = TypeVar("U")


class WorkQueue:
    """Runs functions in a thread of its own, in the order in which they were given. From any thread.

    Args:
        name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._lock = threading.Lock()
        self._is_ending = False
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Return the future result of the work, or its error, whatever that is."""
        answer: Future[T] = Future()
        with self._lock:  # so that nothing is put behind the end of the queue
            if not self._is_ending:
                self._work.put((work, answer))
                return answer
        answer.set_exception(WorldError("the node is ending"))
        return answer

    def then(self, first: Future[T], work: Callable[[T], U]) -> Future[U]:
        """Return the future result of work that takes the result of `first`; an error of `first` is passed on."""
        answer: Future[U] = Future()

        def on_first(finished: Future[T]) -> None:
            error = finished.exception()
            if error is not None:
                answer.set_exception(error)
            else:
                self.submit(lambda: work(finished.result())).add_done_callback(on_work)

        def on_work(finished: Future[U]) -> None:
            error = finished.exception()
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(finished.result())

        first.add_done_callback(on_first)
        return answer

    def stop(self) -> None:
        """Take no more work; what has not begun is answered with a WorldError."""
        with self._lock:
            if self._is_ending:
                return
            self._is_ending = True
            waiting = []
            while not self._work.empty():
                waiting.append(self._work.get())
            self._work.put(None)
        for entry in waiting:
            if entry is not None and entry[1].set_running_or_notify_cancel():
                entry[1].set_exception(WorldError("the node is ending"))

    def _run(self) -> None:
        while (entry := self._work.get()) is not None:
            work, answer = entry
            resolve(answer, work)
