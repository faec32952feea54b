"""The thread that writes the log. Callers hand events over without waiting; whatever the disk does, they never see it.

While writing fails, events are held in memory and writing is tried again. When it works, a `poison` record names the
time and the events that were lost, before the held ones follow.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from strands_robots.audit.log.checkpoint import Checkpoint
from strands_robots.audit.event import LOG_SOURCE, AuditClock, Event
from strands_robots.audit.json_values import JsonObject, bounded
from strands_robots.audit.log.record import Head
from strands_robots.audit.log.store import AuditStore, WriteError
from strands_robots.core.errors import ConfigurationError

_MOST_KINDS = 32


@dataclass(frozen=True)
class WriterConfig:
    """Options of the writer.

    Attributes:
        capacity: Events held in memory at most; the last fifth is kept for those that must be synced at once.
        batch: Events written with one call at most.
        sync_period: Longest time until a record is synced that need not be at once [s].
        retry_period: Time between two attempts while writing fails [s].
    """

    capacity: int = 20000
    batch: int = 512
    sync_period: float = 1.0
    retry_period: float = 0.5


@dataclass(frozen=True)
class WriterStatus:
    """How the writer stands.

    Attributes:
        log: Identity of the log; empty before it was opened.
        head: Where the chain stands.
        synced_index: Every record below is on the disk.
        checkpoint: Newest checkpoint; None before the first.
        pending: Events in memory.
        lost: Events lost since the start.
        alarm: Why the log is not as it should be; empty when it is.
    """

    log: str
    head: Head
    synced_index: int
    checkpoint: Checkpoint | None
    pending: int
    lost: int
    alarm: str


@dataclass(frozen=True)
class DurableEvent:
    """An event that is on the disk because it had to be.

    Attributes:
        event: The event.
        index: Its record.
    """

    event: Event
    index: int


class AuditWriter:
    """Writes events to a store, in a thread of its own.

    Args:
        store: The store; used by the thread only, once started.
        config: Options.
        clock: Clocks.
        on_written: Called by the thread with the events that had to be synced and now are. Must not raise.
    """

    def __init__(
        self,
        store: AuditStore,
        config: WriterConfig,
        clock: AuditClock | None = None,
        on_written: Callable[[Sequence[DurableEvent]], None] | None = None,
    ) -> None:
        self.config = config
        self._store = store
        self._clock = clock if clock is not None else AuditClock()
        self._on_written = on_written
        self._condition = threading.Condition()
        self._queue: deque[Event] = deque()
        self._dropped: Counter[str] = Counter()
        self._dropped_us = 0
        self._lost = 0
        self._is_closing = False
        self._held: list[Event] = []
        self._failure = ""
        self._failed_us = 0
        self._gap_named_us = 0
        self._due_us = 0
        self._thread = threading.Thread(target=self._run, name="audit writer", daemon=True)
        self._status = self._make_status()

    def start(self) -> None:
        """Open the log and start the thread. A disk that refuses is an alarm, and is tried again.

        Raises:
            ConfigurationError: If the log belongs to another process or other keys, or others may write its folder.
        """
        try:
            self._store.open()
        except OSError as error:
            self._fail(error)
        self._status = self._make_status()
        self._thread.start()

    def submit(self, event: Event) -> bool:
        """Take an event and return at once; False when memory is full: the log will then say that it is lost."""
        with self._condition:
            limit = self.config.capacity if event.is_durable else self.config.capacity * 4 // 5
            if len(self._queue) >= limit or self._is_closing:
                if not self._dropped:
                    self._dropped_us = self._clock.wall_us()
                self._dropped[event.kind] += 1
                self._lost += 1
                return False
            self._queue.append(event)
            self._condition.notify()
            return True

    @property
    def status(self) -> WriterStatus:
        """How the writer stood after its last batch. The alarm also says when the thread ended by itself."""
        if self._is_closing or self._thread.is_alive():
            return self._status
        return replace(self._status, alarm=self._status.alarm or "the writer's thread is not running")

    def close(self, timeout: float) -> bool:
        """Write what is held, end the log, and return whether all is on the disk within the timeout [s]."""
        with self._condition:
            self._is_closing = True
            self._condition.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive() and not self._status.alarm and not self._status.pending

    # --- The thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._wait():
            self._step()
        self._due_us = 0
        while self._step() and self._queue:
            pass
        try:
            self._store.close()
        except OSError as error:
            self._fail(error)
        self._status = self._make_status()

    def _wait(self) -> bool:
        """Wait until there is something to do, and return whether that is to end."""
        with self._condition:
            while not self._is_closing:
                due = (self._due_us - self._clock.monotonic_us()) * 1e-6
                has_work = bool(self._queue or self._held) and not self._failure
                if has_work or due <= 0.0:
                    break
                self._condition.wait(due)
            return self._is_closing

    def _step(self) -> bool:
        """Write one batch and do what is due by time; return whether writing works."""
        now = self._clock.monotonic_us()
        try:
            if self._failure:
                self._store.open()
                self._name_gap(self._failure)
            elif self._dropped and now - self._gap_named_us >= self.config.sync_period * 1e6:
                self._name_gap("the writer's memory was full")
            self._write_batch()
            if now >= self._due_us:
                self._store.tick()
                self._due_us = now + int(self.config.sync_period * 1e6)
        except (OSError, ConfigurationError) as error:
            self._fail(error)
        self._status = self._make_status()
        return not self._failure

    def _write_batch(self) -> None:
        if not self._held:
            with self._condition:
                self._held = [self._queue.popleft() for _ in range(min(len(self._queue), self.config.batch))]
        if not self._held:
            return
        try:
            first = self._store.write(self._held)
        except WriteError as error:
            del self._held[: error.written]
            raise
        batch, self._held = self._held, []
        written = [DurableEvent(event, first + place) for place, event in enumerate(batch) if event.is_durable]
        if written and self._on_written is not None and self._store.synced_index > written[-1].index:
            self._on_written(written)

    def _name_gap(self, reason: str) -> None:
        """Write a poison record; only then is the failure over and are the lost events accounted for."""
        with self._condition:
            dropped, waiting = Counter(self._dropped), len(self._queue) + len(self._held)
        kinds: JsonObject = {**dict(dropped.most_common(_MOST_KINDS))}
        now = self._clock.wall_us()
        details: JsonObject = {
            "reason": reason,
            "began_us": self._failed_us or self._dropped_us,
            "ended_us": now,
            "lost": sum(dropped.values()),
            "lost_kinds": kinds,
            "held": waiting,
        }
        if self._store.unsynced is not None:
            details["unsynced"] = {"from": self._store.unsynced[0], "to": self._store.unsynced[1]}
        poison = Event("poison", LOG_SOURCE, "", 0, now, self._clock.monotonic_us(), details=bounded(details))
        self._store.write([poison])
        self._store.unsynced = None
        with self._condition:
            self._dropped -= dropped
        self._failure, self._failed_us = "", 0
        self._gap_named_us = self._clock.monotonic_us()

    def _fail(self, error: OSError | ConfigurationError) -> None:
        if not self._failure:
            self._failed_us = self._clock.wall_us()
        self._failure = error.reason if isinstance(error, WriteError) else str(error)
        self._due_us = self._clock.monotonic_us() + int(self.config.retry_period * 1e6)

    def _make_status(self) -> WriterStatus:
        store = self._store
        return WriterStatus(
            log=store.log,
            head=store.head,
            synced_index=store.synced_index,
            checkpoint=store.checkpoint,
            pending=len(self._queue) + len(self._held),
            lost=self._lost,
            alarm=self._failure or store.head_problem,
        )
