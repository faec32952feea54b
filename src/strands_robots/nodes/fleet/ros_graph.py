"""The graph of a robot as its fleet member sees it: safety/stop_request, safety/state, gate_state, and the resume services."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from strands_robots.msg import AuditState, GateState, SafetyState, StopRequest
from strands_robots.srv import GetResumeChallenge, ResumeGraph, StopGraph

from strands_robots.audit.log.checkpoint import CheckpointError, parse_checkpoint_text
from strands_robots.clients.camera_view import CameraView
from strands_robots.clients.client import GraphClient
from strands_robots.clients.spun_client import result_of
from strands_robots.core.errors import NoAnswerError
from strands_robots.fleet.bodies import Challenge, ChallengeRequest, Checkpoint, GateReport, Result, Resume, Tell
from strands_robots.fleet.graph_link import GraphReport, GraphState, StopEvidence
from strands_robots.nodes.fleet.fleet_goals import FleetGoals
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.images import jpeg_of
from strands_robots.ros.robot.robot_discovery import RobotDiscovery

UNHEARD = 1.0
"""Without safety/state for longer, the graph is called unheard [s]; it comes twenty times a second."""

_STATES: dict[int, GraphState] = {
    SafetyState.ARMED: "armed",
    SafetyState.STOPPING: "stopping",
    SafetyState.STOPPED: "stopped",
    SafetyState.STOP_NOT_CONFIRMED: "stop_not_confirmed",
}
_PICTURE_QUALITY = 85
_CALL_TIMEOUT = 5.0
_MOST_STOPS = 256


class RosGraph:
    """Listens to a graph and stops it. `stop` and `evidence` may be called by any thread.

    Args:
        node: The node; its namespace is the graph's.
        goals: What runs tells.
    """

    def __init__(self, node: Node, goals: FleetGoals) -> None:
        self._node, self._goals = node, goals
        self._lock = threading.Lock()
        self._gates: dict[str, tuple[GateState, float]] = {}
        self._safety: tuple[SafetyState, float] | None = None
        self._checkpoint: Checkpoint | None = None
        self._given: OrderedDict[str, tuple[float, dict[str, tuple[str, int]]]] = OrderedDict()
        self._requests = node.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        self._stop = node.create_client(StopGraph, "safety/stop")
        self._challenge = node.create_client(GetResumeChallenge, "safety/resume_challenge")
        self._resume = node.create_client(ResumeGraph, "safety/resume")
        node.create_subscription(SafetyState, "safety/state", self._on_safety, qos.HEARTBEAT_READER)
        node.create_subscription(AuditState, "audit/state", self._on_audit, qos.STATE)
        self._discovery = RobotDiscovery(node, (), self._on_gate)

    def stop(self, stop: str, source: str, reason: str) -> None:
        """Stop by the topic, which gates hear themselves, and by safety_node's service; waits for neither."""
        with self._lock:
            if stop not in self._given:
                counts = {name: (gate.session, gate.latch_count) for name, (gate, _) in self._gates.items()}
                self._given[stop] = (time.monotonic(), counts)
                if len(self._given) > _MOST_STOPS:
                    self._given.popitem(last=False)
        self._requests.publish(StopRequest(source=source, reason=reason))
        if self._stop.service_is_ready():
            self._stop.call_async(StopGraph.Request(source=source, reason=reason, wait_for_rest=0.0))

    def evidence(self, stop: str) -> StopEvidence:
        """Return the gates whose latch count has risen since the stop: they have heard it, or latched after it."""
        now = time.monotonic()
        with self._lock:
            given = self._given.get(stop)
            if given is None:
                return StopEvidence((), False)
            at, before = given
            heard = {
                name: (gate, when)
                for name, (gate, when) in self._gates.items()
                if when > at
                and (name not in before or before[name][0] != gate.session or gate.latch_count > before[name][1])
            }
            names = set(self._gates) | {robot.robot for robot in (self._safety[0].robots if self._safety else ())}
        gates = tuple(_gate_report(gate, now - when) for gate, when in heard.values())
        return StopEvidence(gates[:16], bool(names) and names == set(heard) and len(gates) <= 16)

    def report(self) -> GraphReport:
        """Return what the graph says now."""
        now = time.monotonic()
        with self._lock:
            gates = tuple(_gate_report(gate, now - when) for gate, when in self._gates.values())
            if self._safety is None or now - self._safety[1] > UNHEARD:
                return GraphReport("unheard", gates[:16], checkpoint=self._checkpoint)
            state = self._safety[0]
        name = _STATES.get(state.state, "unheard")
        number = 0 if name == "armed" else state.stop_id
        return GraphReport(name, gates[:16], number, state.stop_source, self._checkpoint)

    def challenge(self, request: ChallengeRequest, source: str) -> Challenge:
        """Return safety_node's challenge, carried."""
        try:
            given = self._call(self._challenge, GetResumeChallenge.Request(source=source))
        except NoAnswerError as error:
            return Challenge(request=request.request, success=False, message=clip(str(error), 512))
        return Challenge(
            request=request.request,
            success=given.success,
            message=given.message,
            signature_needed=given.signature_needed,
            run_id=given.run_id,
            safety_session=given.session,
            graph_stop=given.stop_id,
            challenge=given.challenge,
        )

    def resume(self, request: Resume, source: str) -> Result:
        """Hand a resume to safety_node, which judges its signature."""
        operator = source.removeprefix("fleet/")
        asked = ResumeGraph.Request(
            source=f"operator/{operator}", reason=request.reason, stop_id=request.graph_stop, challenge=request.challenge,
            key_id=request.key_id, signature=list(bytes.fromhex(request.signature)),
        )  # fmt: skip
        try:
            given = self._call(self._resume, asked)
        except NoAnswerError as error:
            return Result(request=request.request, state="done", refusal="no_answer", message=clip(str(error), 512))
        text = clip(given.message, 512)
        return Result(request=request.request, state="done", success=given.success, refusal=given.refusal, message=text)

    def tell(self, request: Tell, source: str, say: Callable[[Result], None]) -> None:
        """Ask approval_node for a permit for the goal, send it, and say what becomes of it."""
        self._goals.tell(request, source, say)

    def picture(self, camera: str) -> bytes:
        """Return the next picture of any camera of the graph, as JPEG; raises NoAnswerError, UnknownNameError, RenderError."""
        client = GraphClient(beside=self._node, name=f"fleet_pictures_{uuid.uuid4().hex[:8]}")
        try:
            _, pixels = CameraView(client, camera, prefer_raw=False).wait(_CALL_TIMEOUT)
        finally:
            client.close()
        return jpeg_of(pixels, _PICTURE_QUALITY)

    def owner_is_gone(self, source: str) -> None:
        """Cancel the goals that an operator started."""
        self._goals.owner_is_gone(source)

    def _call(self, client: Any, request: Any) -> Any:
        if not client.service_is_ready():
            raise NoAnswerError(f"{client.srv_name} is not there; valid: a graph with safety_node")
        return result_of(client.call_async(request), _CALL_TIMEOUT, client.srv_name)

    def _on_safety(self, message: SafetyState) -> None:
        with self._lock:
            self._safety = (message, time.monotonic())

    def _on_gate(self, message: GateState) -> None:
        with self._lock:
            if message.retired:
                self._gates.pop(message.robot, None)
            else:
                self._gates[message.robot] = (message, time.monotonic())

    def _on_audit(self, message: AuditState) -> None:
        if not message.checkpoint:
            return
        try:
            given = parse_checkpoint_text(message.checkpoint.encode())
        except (CheckpointError, UnicodeEncodeError):
            return
        self._checkpoint = Checkpoint(
            log=given.log, next_index=given.head.next_index, head=given.head.hash, key=given.key,
            signature=given.signature, segment=given.segment, wall_us=given.wall_us,
        )  # fmt: skip


def _gate_report(gate: GateState, age: float) -> GateReport:
    return GateReport(
        robot=gate.robot, is_latched=gate.latched, is_at_rest=gate.at_rest, age_ms=min(int(age * 1000), 2**31)
    )
