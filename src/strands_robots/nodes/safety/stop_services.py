"""The topic safety/stop_request and the service safety/stop of safety_node: stop first, then record, then answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from strands_robots.msg import StopRequest
from strands_robots.srv import StopGraph

from strands_robots.audit.event import Durability
from strands_robots.control.tally import Tally
from strands_robots.ros.audit.audit_publisher import AuditPublisher
from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.ros.calls.responses import refusal
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.robot.safety_subscriber import read_stop_request
from strands_robots.safety.stop_words import StopWords
from strands_robots.safety.supervisor import Supervisor, SupervisorState

LONGEST_WAIT = 10.0
"""Longest wait_for_rest of the service safety/stop [s]."""

_WAY = "service"
_LOCAL_WAY = "socket"
_MOST_TOLD = 20
"""Requests to the service in a second that have a record each; more are counted."""


@dataclass
class _WaitingStop:
    """A caller of safety/stop that waits for rest and for its record; deadlines in steady time [s]."""

    answer: Future[StopGraph.Response]
    stop_id: int
    rest_deadline: float
    audit_deadline: float
    problem: str
    unconfirmed: set[int] = field(default_factory=set)


class StopServices:
    """Takes stops. Nothing comes before the stop: the record is made after the heartbeat that announces it is out.

    Args:
        node: safety_node.
        supervisor: The latch of the graph.
        audit: Where stops are recorded.
        beat: Publishes the present state at once, and calls `on_state`.
        audit_wait: Longest time that an answer waits for the receipt of its record [s].
    """

    def __init__(
        self, node: Node, supervisor: Supervisor, audit: AuditPublisher, beat: Callable[[], None], audit_wait: float
    ) -> None:
        self._supervisor = supervisor
        self._audit = audit
        self._beat = beat
        self._audit_wait = audit_wait
        self._waiting: list[_WaitingStop] = []
        self._requests = Tally(_MOST_TOLD)
        self._recorded = (0, 0)
        self._has_robots = False
        audit.want_receipts()
        node.create_subscription(StopRequest, "safety/stop_request", self._on_request, qos.SAFETY, raw=True)
        create_deferred_service(node, StopGraph, "safety/stop", self._on_stop, refuse=refusal(StopGraph))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._alarm = node.create_timer(audit_wait or 1.0, self._on_alarm, clock=steady)
        self._alarm.cancel()
        node.create_timer(1.0, self._flush, clock=steady)

    def on_state(self, state: SupervisorState, now: float) -> None:
        """Record a stop that is new, from any source, and answer the waiting clients; call it when the heartbeat is out."""
        self._has_robots = bool(state.robots)
        if state.stop_id != self._recorded[0]:
            details = {"stop_id": state.stop_id, "reason": state.stop_reason, "robots": [r.robot for r in state.robots]}
            sequence = self._audit.record(
                "stop_latched", details, actor=clip(state.stop_source, 128), durability=Durability.NOW
            )
            self._recorded = (state.stop_id, sequence)
        if self._waiting:
            self.answer_waiting(now)

    def answer_waiting(self, now: float) -> None:
        """Answer every caller who has waited long enough, or has nothing left to wait for."""
        if not self._waiting:
            return
        moving = self._supervisor.moving_robots(now)
        is_over = self._supervisor.is_armed
        for waiting in self._waiting:
            is_settled = not moving or is_over or now >= waiting.rest_deadline
            if is_settled and (not waiting.unconfirmed or now >= waiting.audit_deadline):
                waiting.answer.set_result(self._response(waiting, moving, is_over))
        self._waiting = [waiting for waiting in self._waiting if not waiting.answer.done()]

    def _on_request(self, data: bytes) -> None:
        source, reason = read_stop_request(data)
        self._stop(source, reason)

    def on_local_request(self, words: StopWords) -> None:
        """Take a request that came past the middleware, by the socket in the run's folder."""
        stop_id = self._stop(words.source, words.reason)
        if self._requests.is_told(_LOCAL_WAY):
            details = {"stop_id": stop_id, "reason": words.reason, "count": 1, "way": _LOCAL_WAY}
            self._audit.record("stop_request", details, actor=words.source, durability=Durability.NOW)

    def _stop(self, source: str, reason: str) -> int:
        stop_id = self._supervisor.request_stop(source, reason, time.monotonic())
        self._beat()
        return stop_id

    def _on_stop(self, request: StopGraph.Request) -> Future[StopGraph.Response]:
        source, reason = clip(request.source, 128), clip(request.reason, 256)
        stop_id = self._stop(source, reason)
        now = time.monotonic()
        wait, problem = request.wait_for_rest, ""
        if not (math.isfinite(wait) and wait >= 0.0):
            wait, problem = 0.0, f"wait_for_rest is {wait}; valid: 0 to {LONGEST_WAIT:g} s"
        waiting = _WaitingStop(
            Future(), stop_id, now + min(wait, LONGEST_WAIT), now + self._audit_wait, problem, {self._recorded[1]}
        )
        if self._requests.is_told(_WAY):
            details = {"stop_id": stop_id, "reason": reason, "count": 1, "way": _WAY}
            if problem:
                details["malformed"] = problem
            kind = "stop_malformed" if problem else "stop_request"
            waiting.unconfirmed.add(self._audit.record(kind, details, actor=source, durability=Durability.NOW))
        self._waiting.append(waiting)
        for sequence in tuple(waiting.unconfirmed):
            self._audit.when_on_disk(sequence, lambda _, sequence=sequence: self._on_receipt(waiting, sequence))  # type: ignore[misc]
        self._alarm.reset()
        self.answer_waiting(now)
        return waiting.answer

    def _on_receipt(self, waiting: _WaitingStop, sequence: int) -> None:
        waiting.unconfirmed.discard(sequence)
        if not waiting.unconfirmed:
            self.answer_waiting(time.monotonic())

    def _on_alarm(self) -> None:
        """The time for receipts is over."""
        self._alarm.cancel()
        self.answer_waiting(time.monotonic())

    def _response(self, waiting: _WaitingStop, moving: list[str], is_over: bool) -> StopGraph.Response:
        if is_over:
            text = f"stop {waiting.stop_id} was latched and has been resumed since"
        elif moving:
            text = f"stop {waiting.stop_id} is latched; no evidence of rest yet from {', '.join(moving)}"
        elif self._has_robots:
            text = f"stop {waiting.stop_id} is latched; every robot reported rest"
        else:
            text = f"stop {waiting.stop_id} is latched; no robot has been heard"
        is_audited = not waiting.unconfirmed
        recorded = "recorded" if is_audited else f"NOT RECORDED within {self._audit_wait:g} s"
        parts = [text, recorded, f"malformed: {waiting.problem}"] if waiting.problem else [text, recorded]
        return StopGraph.Response(
            success=True,
            message=clip("; ".join(parts), 512),
            stop_id=waiting.stop_id,
            at_rest=not moving and not is_over,
            moving=moving,
            audited=is_audited,
        )

    def _flush(self) -> None:
        """Once a second: what was only counted."""
        for way, count in self._requests.take().items():
            details = {"stop_id": self._supervisor.stop_id, "reason": "", "count": count, "way": way}
            self._audit.record("stop_request", details)
