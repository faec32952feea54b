"""How any node reports to audit_node. Never waits, never raises: a full disk or a dead audit_node is not felt."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Union
from weakref import WeakKeyDictionary, ref

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node

from strands_robots.audit.event import Durability, Event
from strands_robots.audit.intake.history import SentHistory
from strands_robots.audit.intake.source import EventSource
from strands_robots.audit.json_values import JsonObject, bounded, parse_object
from strands_robots.msg import AuditEvent, AuditReceipt, AuditWanted
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.stamps import to_time

_NO_DETAILS: Mapping[str, object] = MappingProxyType({})
_CAPACITY = 1000
_LONGEST_DETAILS = 32768
_RECEIPTS_KEPT = 256
_FAILURES = (rclpy_implementation.RCLError, rclpy_implementation.InvalidHandle)
_NOT_DESCRIBED = (rclpy_implementation.RCLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

Details = Union[Mapping[str, object], Callable[[], Mapping[str, object]]]  # noqa: UP007 (an alias, on Python 3.10 too)
"""What a kind says more, or a function that returns it: the port's thread calls it, so that the reporting code does not wait."""

_ports: WeakKeyDictionary[Node, AuditPublisher] = WeakKeyDictionary()


def audit_of(node: Node) -> AuditPublisher:
    """Return the one port of a node, made when it is first asked for, so that all of a node's events have one sequence."""
    port = _ports.get(node)
    if port is None:
        port = _ports[node] = AuditPublisher(node)
    return port


class AuditPublisher:
    """Publishes a node's events on audit/events, from a thread of its own.

    It keeps the last 1000 of them, and sends again what audit_node says on audit/wanted that it lacks: to a late audit_node, and what
    was lost on the way. What it no longer has shows there as a gap in the numbers.

    Args:
        node: The node; its full name is the source.
        with_receipts: Whether `is_on_disk` and `when_on_disk` are wanted; costs a subscription.
    """

    def __init__(self, node: Node, with_receipts: bool = False) -> None:
        self._node = ref(node)
        self._source = EventSource(clip(node.get_fully_qualified_name(), 255))
        self._publisher = node.create_publisher(AuditEvent, "audit/events", qos.AUDIT)
        self._condition = threading.Condition()
        self._queue: deque[tuple[Event, Callable[[], Mapping[str, object]] | None]] = deque(maxlen=_CAPACITY)
        self._again: deque[Event] = deque()
        self._history = SentHistory()
        self._is_closing = False
        self._receipts: OrderedDict[int, int] = OrderedDict()
        self._waiting: OrderedDict[int, list[Callable[[int], None]]] = OrderedDict()
        self._thread = threading.Thread(target=self._run, name="audit port", daemon=True)
        self._thread.start()
        self._has_receipts = False
        node.create_subscription(AuditWanted, "audit/wanted", self._on_wanted, qos.STATE)
        if with_receipts:
            self.want_receipts()

    def want_receipts(self) -> None:
        """Listen to audit/receipts from now on, for `is_on_disk` and `when_on_disk`."""
        node = self._node()
        if not self._has_receipts and node is not None:
            self._has_receipts = True
            node.create_subscription(AuditReceipt, "audit/receipts", self._on_receipt, qos.AUDIT_RECEIPTS)

    def record(
        self,
        kind: str,
        details: Details = _NO_DETAILS,
        *,
        robot: str = "",
        actor: str = "",
        durability: Durability = Durability.LATER,
    ) -> int:
        """Report an event that happens now, and return its number in this session.

        Args:
            kind: What happened, for example "policy_start".
            details: What the kind says more; anything that is no JSON is described in words. A function is called
                later, by the port's thread.
            robot: Robot concerned, or empty.
            actor: Who caused it, for example "operator/anna"; empty when the node itself did.
            durability: NOW for what must be on the disk before it is called recorded.
        """
        describe = details if callable(details) else None
        known = _NO_DETAILS if callable(details) else bounded(details)
        with self._condition:  # Numbers are given in the order in which events are published.
            event = self._source.event(kind, known, robot, actor, durability)
            self._queue.append((event, describe))
            self._condition.notify()
        return event.sequence

    def is_on_disk(self, sequence: int) -> bool:
        """Return whether audit_node has said that the event with this number, of durability NOW, is on its disk."""
        return sequence in self._receipts

    def when_on_disk(self, sequence: int, callback: Callable[[int], None]) -> None:
        """Call back once, from the executor or at once from here, when the event with this number is on the disk.

        Never called when no audit_node answers: the caller keeps a deadline of its own.

        Args:
            sequence: What `record` returned.
            callback: Takes the index of the record in the log.
        """
        with self._condition:
            index = self._receipts.get(sequence)
            if index is None:
                self._waiting.setdefault(sequence, []).append(callback)
                if len(self._waiting) > _RECEIPTS_KEPT:
                    self._waiting.popitem(last=False)
                return
        callback(index)

    def close(self, timeout: float = 0.3) -> None:
        """Publish what is queued and end the thread, within the timeout [s]. Call it in `destroy_node`."""
        with self._condition:
            self._is_closing = True
            self._condition.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while (event := self._next()) is not None:
            try:
                self._publisher.publish(event_to_msg(event))
            except _FAILURES:
                return  # The context is shut down: no message leaves any more.

    def _next(self) -> Event | None:
        """Return the next event to publish, a new one before one that is sent again; None when all are out at the end."""
        with self._condition:
            while not self._queue and not self._again and not self._is_closing:
                self._condition.wait()
            if not self._queue:
                return self._again.popleft() if self._again else None
            event, describe = self._queue.popleft()
        if describe is not None:
            event = replace(event, details=_described(describe))
        with self._condition:
            self._history.note(event, time.monotonic())
        return event

    def _on_wanted(self, message: AuditWanted) -> None:
        own = [
            entry
            for entry in message.sources
            if entry.source == self._source.name and entry.session == self._source.session
        ]
        first, last, following = (own[0].first, own[0].last, own[0].next) if own else (0, 0, 1)
        with self._condition:
            if not self._again:
                self._again.extend(self._history.missing(first, last, following, time.monotonic()))
                self._condition.notify()

    def _on_receipt(self, message: AuditReceipt) -> None:
        if message.source != self._source.name or message.session != self._source.session:
            return
        with self._condition:
            self._receipts[message.sequence] = message.index
            if len(self._receipts) > _RECEIPTS_KEPT:
                self._receipts.popitem(last=False)
            callbacks = self._waiting.pop(message.sequence, [])
        for callback in callbacks:
            callback(message.index)


def _described(describe: Callable[[], Mapping[str, object]]) -> JsonObject:
    """Return details; what cannot be described says so, because the event itself must not be lost."""
    try:
        return bounded(describe())
    except _NOT_DESCRIBED as error:
        return bounded({"not_described": clip(f"{type(error).__name__}: {error}", 512)})


def event_to_msg(event: Event) -> AuditEvent:
    """Return an event as a message; details that do not fit are cut to a text that says so."""
    details = json.dumps(event.details, separators=(",", ":"))
    if len(details) > _LONGEST_DETAILS:
        details = json.dumps({"bytes": len(details), "beginning": details[:4096]})
    message = AuditEvent(
        monotonic=event.monotonic_us * 1e-6,
        source=event.source,
        session=event.session,
        sequence=event.sequence,
        durability=int(event.durability),
        kind=clip(event.kind, 64),
        robot=clip(event.robot, 64),
        actor=clip(event.actor, 128),
        details=details,
    )
    message.header.stamp = to_time(event.wall_us * 1e-6)
    return message


def event_from_msg(message: AuditEvent) -> Event:
    """Return the event in a message; details that are no JSON object are kept as text under "text"."""
    details = parse_object(message.details) if message.details else {}
    stamp = message.header.stamp
    return Event(
        kind=message.kind,
        source=message.source,
        session=message.session,
        sequence=message.sequence,
        wall_us=stamp.sec * 1_000_000 + stamp.nanosec // 1000,
        monotonic_us=_microseconds(message.monotonic),
        robot=message.robot,
        actor=message.actor,
        details=bounded({"text": message.details}) if details is None else details,
        durability=Durability.NOW if message.durability == Durability.NOW else Durability.LATER,
    )


def _microseconds(seconds: float) -> int:
    """Return a source's monotonic time [us]; 0 for what is no time."""
    return round(seconds * 1e6) if 0.0 <= seconds < 1e9 else 0
