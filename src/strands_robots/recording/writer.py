"""The thread that writes: frames and orders go to it through a queue, so that neither LeRobot nor the disk keeps the executor."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from strands_robots.core.futures import log_mistake, resolve
from strands_robots.dataset.errors import RecordingError

BLOCKED = 60.0
"""Where frames may wait for room in the queue, the writer has failed when there is none for this long [s]."""


class Store(Protocol):
    """What is written to; belongs to the writer's thread."""

    @property
    def episodes(self) -> int:
        """Completed episodes."""

    def add(self, values: Mapping[str, Any], task: str) -> None:
        """Add a frame to the episode."""

    def save(self, account: Mapping[str, Any]) -> Any:
        """Write the episode, read it again, and return its row."""

    def discard(self) -> None:
        """Forget the episode."""

    def delete_last(self) -> int:
        """Take the newest episode out, and return how many are left."""

    def close(self) -> None:
        """End writing."""


class WriterThread:
    """Writes frames in order.

    Args:
        capacity: Frames that may wait.
        can_wait: True where a full queue may keep the caller (lockstep); else a full queue is an error.

    Attributes:
        failure: Why the present episode cannot be completed; None while it is well. `begin` clears it.
    """

    def __init__(self, capacity: int, can_wait: bool) -> None:
        self.failure: Exception | None = None
        self._can_wait = can_wait
        self._orders: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._room = threading.Semaphore(capacity)
        self._waiting = 0
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._thread = threading.Thread(target=self._run, name="dataset writer", daemon=True)
        self._thread.start()

    @property
    def queued(self) -> int:
        """Frames that wait."""
        return self._waiting

    def open(self, make: Callable[[], Store]) -> Future[Store]:
        """Have a store made in the writer's thread; it is written to from then on."""

        def work() -> Store:
            self._store = make()
            return self._store

        return self._order(work)

    def add(self, values: Mapping[str, Any], task: str) -> None:
        """Queue a frame.

        Raises:
            RecordingError: If there is no room, or an earlier frame could not be written.
        """
        if self.failure is not None:
            raise RecordingError(str(self.failure)) from self.failure
        if not self._room.acquire(blocking=self._can_wait, timeout=BLOCKED if self._can_wait else None):
            raise RecordingError(f"the writer does not keep up: {self._waiting} frames wait for it")
        with self._lock:
            self._waiting += 1
        self._orders.put(lambda: self._write(values, task))

    def save(self, account: Callable[[], Mapping[str, Any]]) -> Future[Any]:
        """End the episode: the future holds its row once it was written and read again.

        Args:
            account: Gives what is stored beside it; called in the writer's thread after the last frame.
        """

        def work() -> Any:
            failure, self.failure = self.failure, None
            if failure is not None:
                self._require().discard()
                raise RecordingError(str(failure)) from failure
            return self._require().save(account())

        return self._order(work)

    def discard(self) -> Future[None]:
        """Forget the episode."""

        def work() -> None:
            self.failure = None
            self._require().discard()

        return self._order(work)

    def delete_last(self) -> Future[int]:
        """Take the newest episode out of the dataset: the future holds how many are left."""
        return self._order(lambda: self._require().delete_last())

    def close(self) -> Future[None]:
        """Close the store; the thread ends."""

        def work() -> None:
            if self._store is not None:
                self._store.close()

        done = self._order(work)
        self._orders.put(None)
        return done

    def join(self, timeout: float) -> bool:
        """Wait for the end of the thread, after `close`; return whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _require(self) -> Store:
        if self._store is None:
            raise RecordingError("no dataset is open")
        return self._store

    def _order(self, work: Callable[[], Any]) -> Future[Any]:
        answer: Future[Any] = Future()

        self._orders.put(lambda: resolve(answer, work))
        return answer

    def _write(self, values: Mapping[str, Any], task: str) -> None:
        with self._lock:
            self._waiting -= 1
        self._room.release()
        if self.failure is not None:
            return
        try:
            self._require().add(values, task)
        except Exception as error:  # noqa: BLE001 - the thread has the rest of the queue to answer
            log_mistake(error)
            self.failure = error

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            order()
