"""An executor of one thread that does not gather a node's entities anew for every message.

rclpy's own lists every subscription, timer, service and event of its nodes before each wait, and waits once more after each callback. For a
node with many services that is most of its processor time while nothing happens. Here they are gathered when one is made or destroyed.
"""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.event_handler import EventHandler
from rclpy.executors import (
    ConditionReachedException,
    Executor,
    ExternalShutdownException,
    ShutdownException,
    SingleThreadedExecutor,
    TimeoutException,
)
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.subscription import Subscription
from rclpy.task import Task
from rclpy.waitable import NumberOfEntities

InvalidHandle = rclpy_implementation.InvalidHandle

EVENT_PERIOD = 1.0
"""Events of QoS, which only tell a person of a mistake, are looked for this often [s]."""

_KINDS = ("timer", "subscription", "guard_condition", "client", "service")
"""Kinds of entities in the order in which rclpy calls them."""


def fits_rclpy() -> bool:
    """Return whether this rclpy has the parts that are replaced here, in the form of ROS 2 Jazzy."""
    make = getattr(Executor, "_make_handler", None)
    return make is not None and list(inspect.signature(make).parameters) == [
        "self", "entity", "node", "take_from_wait_list",
    ]  # fmt: skip


_PLAIN_GROUPS = (MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup)
"""Groups whose entities can always be called while no coroutine is under way; any other is asked each time."""


class _Gathered:
    """The entities of some nodes, kept from destruction, and a wait set with room for them. Belongs to one thread."""

    def __init__(self, nodes: list[Any], guards: tuple[Any, ...], context: Context) -> None:
        self._held = contextlib.ExitStack()
        self.entities: dict[str, list[tuple[Any, Any]]] = {kind: [] for kind in _KINDS}
        self.waitables: list[tuple[Any, Any]] = []
        self.events: list[tuple[Any, Any]] = []
        self.guards = guards
        self._waiting: list[tuple[Any, Any]] = []
        for node in nodes:
            for kind, found in zip(_KINDS, (node.timers, node.subscriptions, node.guards, node.clients, node.services)):
                self.entities[kind] += [(entity, node) for entity in list(found) if self._hold(entity.handle)]
            for waitable in list(node.waitables):
                if self._hold(waitable):
                    (self.events if isinstance(waitable, EventHandler) else self.waitables).append((waitable, node))
        for guard in guards:
            self._hold(guard.handle)
        self._plain: dict[str, list[Any]] = {}
        self._asked: dict[str, list[Any]] = {}
        for kind, found in self.entities.items():
            self._plain[kind] = [entity.handle for entity, _ in found if type(entity.callback_group) in _PLAIN_GROUPS]
            self._asked[kind] = [entity for entity, _ in found if type(entity.callback_group) not in _PLAIN_GROUPS]
        self._held.enter_context(context.handle)
        self.by_pointer = {
            kind: {entity.handle.pointer: (entity, node) for entity, node in found}
            for kind, found in self.entities.items()
        }
        count = NumberOfEntities()
        for waitable, _ in self.waitables:
            count += waitable.get_num_entities()
        length = {kind: len(found) for kind, found in self.entities.items()}
        self.wait_set = rclpy_implementation.WaitSet(
            length["subscription"] + count.num_subscriptions,
            length["guard_condition"] + len(guards) + count.num_guard_conditions,
            length["timer"] + count.num_timers, length["client"] + count.num_clients,
            length["service"] + count.num_services, count.num_events, context.handle,
        )  # fmt: skip
        self.event_set = rclpy_implementation.WaitSet(0, 0, 0, 0, 0, len(self.events), context.handle)

    def _hold(self, handle: Any) -> bool:
        try:
            self._held.enter_context(handle)
        except InvalidHandle:
            return False
        return True

    def fill(self, can_execute: Callable[[Any], bool], has_tasks: bool) -> None:
        """Put into the wait set what may be called now.

        Args:
            can_execute: Says whether an entity may be.
            has_tasks: Whether calls are under way, so that every entity has to be asked about.
        """
        wait_set = self.wait_set
        wait_set.clear_entities()
        for kind in _KINDS:
            add = getattr(wait_set, f"add_{kind}")
            if has_tasks:
                handles = [entity.handle for entity, _ in self.entities[kind] if can_execute(entity)]
            else:
                handles = self._plain[kind] + [entity.handle for entity in self._asked[kind] if can_execute(entity)]
            for handle in handles:
                add(handle)
        for guard in self.guards:
            wait_set.add_guard_condition(guard.handle)
        self._waiting = [entry for entry in self.waitables if not has_tasks or can_execute(entry[0])]
        for waitable, _ in self._waiting:
            waitable.add_to_wait_set(wait_set)

    def ready_waitables(self) -> list[tuple[Any, Any]]:
        """Return the waitables that are ready; one that was not put into the wait set must not be asked."""
        return [entry for entry in self._waiting if entry[0].is_ready(self.wait_set)]

    def ready_events(self) -> list[tuple[Any, Any]]:
        """Return the events of QoS that have happened; does not wait."""
        self.event_set.clear_entities()
        for event, _ in self.events:
            event.add_to_wait_set(self.event_set)
        self.event_set.wait(0)
        return [(event, node) for event, node in self.events if event.is_ready(self.event_set)]

    def release(self) -> None:
        """Let go of everything, so that what was destroyed meanwhile ends."""
        del self.wait_set, self.event_set
        self._held.close()


class _Call:
    """One call of a plain function by a subscription or a timer: to the executor the same as a task that ends when it is called."""

    def __init__(self, entity: Any, work: Callable[[Any], None], is_over: Callable[[], bool]) -> None:
        self._entity, self._work, self._is_over = entity, work, is_over

    def __call__(self) -> None:
        group = self._entity.callback_group
        if self._is_over() or not group.beginning_execution(self._entity):
            return
        try:
            self._work(self._entity)
        finally:
            group.ending_execution(self._entity)

    def exception(self) -> None:
        """Return None: what the function raises has left the call."""

    def result(self) -> None:
        """Return None, as the function's result is of no use to anybody."""


def _call_subscription(subscription: Any) -> None:
    try:
        with subscription.handle:
            taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
    except InvalidHandle:  # Destroyed meanwhile.
        return
    if taken is not None:
        has_info = subscription._callback_type is not Subscription.CallbackType.MessageOnly
        subscription.callback(*(taken if has_info else taken[:1]))


def _call_timer(timer: Any) -> None:
    try:
        with timer.handle:
            timer.handle.call_timer()
    except InvalidHandle:  # Destroyed meanwhile.
        return
    timer.callback()


_DIRECT: dict[str, Callable[[Any], None]] = {"subscription": _call_subscription, "timer": _call_timer}


class LightExecutor(SingleThreadedExecutor):
    """Calls what rclpy's SingleThreadedExecutor calls, in the thread that spins. Spun by one thread only.

    Args:
        context: As rclpy's.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._gathered: _Gathered | None = None
        self._is_stale = True
        self._is_waiting = False
        self._event_time = 0.0
        self._watched: Any = None

    def wake(self) -> None:
        """Wake the executor, because an entity was made or destroyed, or a future is done."""
        self._is_stale = True  # Before the trigger: whoever is woken by it must see it.
        super().wake()

    def add_node(self, node: Any) -> bool:
        """Add a node; see rclpy."""
        is_new = bool(super().add_node(node))
        self.wake()
        return is_new

    def remove_node(self, node: Any) -> None:
        """Remove a node; see rclpy."""
        super().remove_node(node)
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
    ) -> Iterator[tuple[Task | _Call, Any, Any]]:
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
            self._gathered = _Gathered(self.get_nodes(), (self._guard, self._sigint_gc), self._context)
        gathered = self._gathered
        for guard, _ in gathered.entities["guard_condition"]:
            if guard._executor_triggered:
                guard.trigger()
        gathered.fill(self.can_execute, bool(self._tasks))
        if gathered.events:
            timeout = min(timeout, max(self._event_time - time.monotonic(), 0.0))
        self._is_waiting = True
        try:
            gathered.wait_set.wait(-1 if timeout == float("inf") else int(timeout * 1e9))
        finally:
            self._is_waiting = False
            if self._is_shutdown:
                self._release()
        if self._is_shutdown:
            raise ShutdownException
        if not self._context.ok():
            self._release()
            raise ExternalShutdownException

    def _ready(self, gathered: _Gathered) -> Iterator[tuple[Task | _Call, Any, Any]]:
        wait_set = gathered.wait_set
        ready = {kind: wait_set.get_ready_entities(kind) for kind in _KINDS}
        waiting = gathered.ready_waitables()
        if gathered.events and time.monotonic() >= self._event_time:
            self._event_time = time.monotonic() + EVENT_PERIOD
            waiting += gathered.ready_events()
        # Everything is looked up before the first is called: a callback may have the entities gathered anew.
        found = [
            (kind, *gathered.by_pointer[kind][pointer])
            for kind in _KINDS
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
            if not entity.callback_group.can_execute(entity) or (kind == "timer" and not _is_due(entity)):
                continue
            if kind in _DIRECT and not inspect.iscoroutinefunction(entity.callback):
                yield _Call(entity, _DIRECT[kind], lambda: self._is_shutdown), entity, node
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


def _is_due(timer: Any) -> bool:
    """Return whether a timer is due still: one that was cancelled or destroyed meanwhile is not."""
    try:
        with timer.handle:
            return bool(timer.handle.is_timer_ready())
    except InvalidHandle:
        return False
