"""Services that change something in the audit log, for every service made by `create_deferred_service`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from weakref import WeakKeyDictionary

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from strands_robots.audit.watches.services import STEP, StepOwners, changes, is_recorded
from strands_robots.control.tally import Tally
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.request_digest import described_request, type_name

Callback = Callable[[Any], Future[Any]]

MOST_TOLD = 50
"""Calls of one service in a second that have a record each; more are counted."""


def audited(node: Node, kind: Any, name: str, callback: Callback) -> Callback:
    """Return a callback that also reports what was asked and answered, or the same one when the type changes nothing.

    Reporting takes some microseconds in the thread that answers; digest and summary are made by the audit port's.

    Args:
        node: The node.
        kind: Service type.
        name: Name of the service, relative to the graph's namespace.
        callback: Takes the request and returns the future response; may raise a StrandsRobotsError.
    """
    full = type_name(kind)
    if full == STEP:
        return _with_step_owners(node, callback)
    if not is_recorded(full):
        return callback
    return _calls_of(node).recorded(full, name, callback)


def _outcome(response: Any) -> tuple[bool, str]:
    """Return success and message of an answer, also of simulation_interfaces, where 1 is OK."""
    if hasattr(response, "success"):
        return bool(response.success), str(response.message)
    return response.result.result == 1, str(response.result.error_message)


class _Calls:
    """Records the calls of one node's services."""

    def __init__(self, node: Node) -> None:
        self._audit = audit_of(node)
        self._tally = Tally(MOST_TOLD)
        self._lock = threading.Lock()
        node.create_timer(1.0, self._flush, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def recorded(self, kind: str, name: str, callback: Callback) -> Callback:
        def on_request(request: Any) -> Future[Any]:
            if not changes(kind, request):
                return callback(request)
            try:
                answer = callback(request)
            except StrandsRobotsError as error:
                self._record(kind, name, request, False, str(error))
                raise
            answer.add_done_callback(lambda done: on_done(request, done))
            return answer

        def on_done(request: Any, done: Future[Any]) -> None:
            error = done.exception()
            if error is not None:
                self._record(kind, name, request, False, str(error))
            else:
                self._record(kind, name, request, *_outcome(done.result()))

        return on_request

    def _record(self, kind: str, name: str, request: Any, success: bool, message: str) -> None:
        with self._lock:
            if not self._tally.is_told(name):
                return
        self._audit.record(
            "service",
            lambda: {
                "service": name,
                "type": kind,
                "success": success,
                "message": clip(message, 256),
                **described_request(name, kind, request),
            },
        )

    def _flush(self) -> None:
        """Once a second: what was only counted."""
        with self._lock:
            counts = self._tally.take()
        for name, count in counts.items():
            self._audit.record("service", {"service": name, "count": count})


_calls: WeakKeyDictionary[Node, _Calls] = WeakKeyDictionary()


def _calls_of(node: Node) -> _Calls:
    calls = _calls.get(node)
    if calls is None:
        calls = _calls[node] = _Calls(node)
    return calls


def _with_step_owners(node: Node, callback: Callback) -> Callback:
    audit, owners = audit_of(node), StepOwners()

    def on_request(request: Any) -> Future[Any]:
        answer = callback(request)
        answer.add_done_callback(lambda done: on_done(request, done))
        return answer

    def on_done(request: Any, done: Future[Any]) -> None:
        details = None if done.exception() is not None else owners.see(request, done.result())
        if details is not None:
            audit.record("step_owner", details, actor=clip(request.client, 128))

    return on_request
