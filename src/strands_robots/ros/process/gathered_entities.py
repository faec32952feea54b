"""What an executor waits for: the entities of its nodes, gathered once, and a wait set with room for them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.event_handler import EventHandler
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.waitable import NumberOfEntities

from strands_robots.ros.process.polled_clock import polled_clock

KINDS = ("timer", "subscription", "guard_condition", "client", "service")
"""Kinds of entities in the order in which rclpy calls them."""

_PLAIN_GROUPS = (MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup)
"""Groups whose entities can always be called while no coroutine is under way; any other is asked each time."""


class GatheredEntities:
    """The entities of some nodes, kept from destruction, and a wait set with room for them. Belongs to one thread."""

    def __init__(self, nodes: list[Any], guards: tuple[Any, ...], context: Context) -> None:
        self._held = contextlib.ExitStack()
        self.entities: dict[str, list[tuple[Any, Any]]] = {kind: [] for kind in KINDS}
        self.waitables: list[tuple[Any, Any]] = []
        self.events: list[tuple[Any, Any]] = []
        self.guards = guards
        self._waiting: list[tuple[Any, Any]] = []
        self.clocks = [clock for node in nodes if (clock := polled_clock(node)) is not None]
        polled = {clock.subscription for clock in self.clocks}
        for node in nodes:
            subscriptions = [each for each in list(node.subscriptions) if each not in polled]
            for kind, found in zip(KINDS, (node.timers, subscriptions, node.guards, node.clients, node.services)):
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
        except rclpy_implementation.InvalidHandle:
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
        for kind in KINDS:
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
