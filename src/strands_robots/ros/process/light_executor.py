"""An executor of one thread that does not gather a node's entities anew for every message.

rclpy's own lists every subscription, timer, service and event of its nodes before each wait, and waits once more after each callback. For a
node with many services that is most of its processor time while nothing happens. Here they are gathered when one is made or destroyed.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any

from rclpy.context import Context
from rclpy.executors import (
    ConditionReachedException,
    ExternalShutdownException,
    ShutdownException,
    SingleThreadedExecutor,
    TimeoutException,
)
from rclpy.task import Task

from strands_robots.ros.process.direct_call import DIRECT, DirectCall, is_due
from strands_robots.ros.process.gathered_entities import KINDS, GatheredEntities
from strands_robots.ros.process.polled_clock import forget

EVENT_PERIOD = 1.0
"""Events of QoS, which only tell a person of a mistake, are looked for this often [s]."""

TASK_PERIOD = 0.01
"""Where /clock does not wake the executor, a coroutine that waits is polled this often [s], as each /clock would have it polled."""


class LightExecutor(SingleThreadedExecutor):
    """Calls what rclpy's SingleThreadedExecutor calls, in the thread that spins. Spun by one thread only.

    Args:
        context: As rclpy's.
    """

    _tasks: list[tuple[Task, Any, Any]]

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._gathered: GatheredEntities | None = None
        self._is_stale = True
        self._is_waiting = False
        self._event_time = 0.0
        self._watched: Any = None

    def wake(self) -> None:
        """Wake the executor, because an entity was made or destroyed, or a future is done."""
        self._is_stale = True  # Before the trigger: the thread that it wakes must see it.
        super().wake()

    def add_node(self, node: Any) -> bool:
        """Add a node; see rclpy."""
        is_new = bool(super().add_node(node))
        self.wake()
        return is_new

    def remove_node(self, node: Any) -> None:
        """Remove a node; see rclpy."""
        super().remove_node(node)
        forget(node)
        self.wake()

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop spinning; see rclpy. What is held is let go of here, or by the thread that still waits."""
        is_over = bool(super().shutdown(timeout_sec))
        if not self._is_waiting:
            self._release()
        return is_over

    def spin_once_until_future_complete(self, future: Any, timeout_sec: Any = None) -> None:
        """Call one callback, or return when the future is done; the future learns of this executor once, not at each turn."""
        if future is not self._watched:
            self._watched = future
            future.add_done_callback(lambda _: self.wake())
        self._spin_once_impl(timeout_sec, future.done)

    def _release(self) -> None:
        gathered, self._gathered = self._gathered, None
        if gathered is not None:
            gathered.release()

    def _wait_for_ready_callbacks(
        self, timeout_sec: Any = None, nodes: Any = None, condition: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Task | DirectCall, Any, Any]]:
        """Yield what can be called; raises as rclpy's.

        Source: rclpy.executors.Executor._wait_for_ready_callbacks.
        """
        given = getattr(timeout_sec, "timeout", timeout_sec)
        deadline = float("inf") if given is None or given < 0.0 else time.monotonic() + given
        has_yielded = False
        while not has_yielded and not self._is_shutdown and not condition():
            for entry in self._unfinished():
                has_yielded = True
                yield entry
            now = time.monotonic()
            self._wait(0.0 if has_yielded else max(deadline - now, 0.0))
            gathered = self._gathered
            assert gathered is not None
            for task, entity, node in self._ready(gathered):
                has_yielded = True
                yield task, entity, node
            if not has_yielded and time.monotonic() >= deadline:
                raise TimeoutException
        if self._is_shutdown:
            raise ShutdownException
        if condition():
            raise ConditionReachedException

    def _unfinished(self) -> list[tuple[Task, Any, Any]]:
        """Return the coroutines that can go on, and forget those that are over."""
        if not self._tasks:
            return []
        with self._tasks_lock:
            self._tasks = [entry for entry in self._tasks if not entry[0].done() and not entry[0].cancelled()]
            return [entry for entry in reversed(self._tasks) if not entry[0].executing()]

    def _wait(self, timeout: float) -> None:
        """Wait until something is ready; at most so long [s]."""
        if self._is_stale or self._gathered is None:
            self._is_stale = False
            self._release()
            self._gathered = GatheredEntities(self.get_nodes(), (self._guard, self._sigint_gc), self._context)
        gathered = self._gathered
        for guard, _ in gathered.entities["guard_condition"]:
            if guard._executor_triggered:
                guard.trigger()
        gathered.fill(self.can_execute, bool(self._tasks))
        if self._tasks and gathered.clocks:
            timeout = min(timeout, TASK_PERIOD)
        if gathered.events:
            timeout = min(timeout, max(self._event_time - time.monotonic(), 0.0))
        self._is_waiting = True
        try:
            gathered.wait_set.wait(-1 if timeout == float("inf") else int(timeout * 1e9))
        finally:
            self._is_waiting = False
            if self._is_shutdown:
                self._release()
        for clock in gathered.clocks:
            clock.set_clocks()
        if self._is_shutdown:
            raise ShutdownException
        if not self._context.ok():
            self._release()
            raise ExternalShutdownException

    def _ready(self, gathered: GatheredEntities) -> Iterator[tuple[Task | DirectCall, Any, Any]]:
        wait_set = gathered.wait_set
        ready = {kind: wait_set.get_ready_entities(kind) for kind in KINDS}
        waiting = gathered.ready_waitables()
        if gathered.events and time.monotonic() >= self._event_time:
            self._event_time = time.monotonic() + EVENT_PERIOD
            waiting += gathered.ready_events()
        # Everything is looked up before the first is called: a callback may have the entities gathered anew.
        found = [
            (kind, *gathered.by_pointer[kind][pointer])
            for kind in KINDS
            for pointer in ready[kind]
            if pointer in gathered.by_pointer[kind]
        ]
        for kind, entity, _ in found:
            if kind == "guard_condition":
                entity._executor_triggered = True
        takes: dict[str, Callable[[Any], Any]] = {
            "timer": self._take_timer, "subscription": self._take_subscription, "client": self._take_client,
            "guard_condition": self._take_guard_condition, "service": self._take_service,
        }  # fmt: skip
        for entity, node in waiting:
            if entity.callback_group.can_execute(entity):
                yield self._make_handler(entity, node, self._take_waitable), entity, node
        for kind, entity, node in found:
            if not entity.callback_group.can_execute(entity) or (kind == "timer" and not is_due(entity)):
                continue
            if kind in DIRECT and not inspect.iscoroutinefunction(entity.callback):
                yield DirectCall(entity, DIRECT[kind], lambda: self._is_shutdown), entity, node
            else:
                yield self._make_handler(entity, node, takes[kind]), entity, node

    def _make_handler(self, entity: Any, node: Any, take_from_wait_list: Callable[[Any], Any]) -> Task:
        """Return the call of one entity. rclpy's wakes the executor twice for each call, which only other threads would need."""
        entity._executor_event = True

        async def call() -> None:
            entity._executor_event = False
            if self._is_shutdown or not entity.callback_group.beginning_execution(entity):
                return
            with self._work_tracker:
                work = take_from_wait_list(entity)
                try:
                    if work is not None:
                        await work()
                finally:
                    entity.callback_group.ending_execution(entity)

        task = Task(call, (), executor=self)
        with self._tasks_lock:
            self._tasks.append((task, entity, node))
        return task
