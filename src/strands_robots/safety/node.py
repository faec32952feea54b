"""safety_node: publishes the graph's heartbeat, takes stops and resumes, and keeps the latch in a file."""

from __future__ import annotations

import dataclasses
import math
import os
import time
import uuid
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from strands_robots.msg import GateState, SafetyState, StopRequest
from strands_robots.ros import diagnostics, qos
from strands_robots.ros.audit_port import AuditPort
from strands_robots.ros.button_port import listen_to_buttons
from strands_robots.ros.conversions import clip, gate_report_from_msg, safety_state_to_msg
from strands_robots.ros.deferred_service import create_deferred_service
from strands_robots.ros.main import run_node
from strands_robots.ros.parameters import parameter, read_parameters
from strands_robots.ros.resume_port import ResumePort
from strands_robots.ros.robot_discovery import RobotDiscovery
from strands_robots.ros.safety_ports import read_stop_request
from strands_robots.safety.button_watch import ButtonWatch
from strands_robots.safety.latch_file import LatchFile, LatchRecord
from strands_robots.safety.latch_writer import LatchWriter
from strands_robots.safety.resume import AuthorityConfig, ResumeRule, make_authority
from strands_robots.safety.supervisor import GraphState, Supervisor, SupervisorConfig, SupervisorState
from strands_robots.srv import StopGraph

HEARTBEAT_PERIOD = 0.05
LONGEST_WAIT = 10.0
"""Longest wait_for_rest of the service safety/stop [s]."""


@dataclass(frozen=True)
class SafetyParameters:
    """Parameters of safety_node."""

    run_id: str = parameter("", "run of the graph, from bringup; empty makes a new one")
    arm_on_start: bool = parameter(False, "arm the robots at the start of a new run; for simulation")
    latch_folder: str = parameter(
        "", "folder of the latch file; empty for strands_robots/latch/<run> in $ROS_HOME or ~/.ros"
    )
    robots: tuple[str, ...] = parameter((), "robots that must be heard before a resume; others are found on the graph")
    rest_deadline: float = parameter(
        2.0, "time after a stop until a robot that has not reported rest is named [s]", minimum=0.1, maximum=60.0
    )
    arm_deadline: float = parameter(
        2.0, "time after arming until a robot that stays latched stops the graph [s]", minimum=0.1, maximum=60.0
    )
    gate_state_timeout: float = parameter(0.5, "silence of a robot that stops the graph [s]", minimum=0.1, maximum=10.0)
    buttons: tuple[str, ...] = parameter((), "stop buttons without which nothing is armed, by name")
    button_timeout: float = parameter(
        0.5, "silence of a stop button that stops the graph [s]", minimum=0.1, maximum=10.0
    )
    keyring: str = parameter(
        "", "keyring of the operators who may resume; empty lets everybody resume who gives a name"
    )
    require_signed_resume: bool = parameter(False, "refuse to start without a keyring")
    resume_rule: str = parameter(
        ResumeRule.ANY_OPERATOR.value,
        "which signatures a resume needs: of any operator, of one who did not ask for the stop, or of two",
        choices=[rule.value for rule in ResumeRule],
    )
    challenge_lifetime: float = parameter(
        60.0, "time in which a challenge must come back signed [s]", minimum=5.0, maximum=600.0
    )


@dataclass(frozen=True)
class _Waiting:
    """A caller of safety/stop that waits for rest until `deadline` [s, steady time]."""

    answer: Future[StopGraph.Response]
    stop_id: int
    deadline: float


class SafetyNode(Node):
    """Wires topics and services to the Supervisor. Uses steady and wall time only, never simulated time."""

    def __init__(self) -> None:
        super().__init__("safety_node")
        parameters = read_parameters(self, SafetyParameters)
        self._run_id = parameters.run_id or uuid.uuid4().hex
        file = LatchFile(_latch_folder(parameters.latch_folder, self._run_id) / "safety_latch.json")
        config = SupervisorConfig(
            run_id=self._run_id,
            session=uuid.uuid4().hex,
            is_restart=file.is_restart(self._run_id),
            arm_on_start=parameters.arm_on_start,
            rest_deadline=parameters.rest_deadline,
            arm_deadline=parameters.arm_deadline,
            gate_state_timeout=parameters.gate_state_timeout,
            expected=parameters.robots,
        )
        terms = AuthorityConfig(
            self._run_id, config.session, ResumeRule(parameters.resume_rule), parameters.challenge_lifetime
        )
        authority = make_authority(parameters.keyring, parameters.require_signed_resume, terms)
        if not parameters.keyring and not parameters.arm_on_start:
            self.get_logger().error(
                "RESUMES ARE NOT SIGNED: whoever reaches safety/resume can arm this robot; give the parameter keyring"
            )
        buttons = ButtonWatch(parameters.buttons, parameters.button_timeout)
        self._supervisor = Supervisor(config, time.monotonic(), authority, buttons)
        self._writer = LatchWriter(file, self.get_logger().error)
        self._last = (GraphState.STOPPING, -1)
        self._waiting: list[_Waiting] = []
        self._publisher = self.create_publisher(SafetyState, "safety/state", qos.SAFETY)
        self.create_subscription(StopRequest, "safety/stop_request", self._on_stop_request, qos.SAFETY, raw=True)
        listen_to_buttons(self, buttons)
        create_deferred_service(self, StopGraph, "safety/stop", self._on_stop, refuse=_refuse_stop)
        self._audit = AuditPort(self)
        self._resume = ResumePort(self, self._supervisor, authority, terms, self._audit, self._beat)
        self._discovery = RobotDiscovery(self, parameters.robots, self._on_gate_state)
        self._diagnostics = diagnostics.DiagnosticsPort(self)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(HEARTBEAT_PERIOD, self._beat, clock=steady)
        self.create_timer(1.0, self._diagnose, clock=steady)
        self._beat()

    def destroy_node(self) -> None:
        """Write what still waits for the disk, then end."""
        self._writer.close(0.4)
        self._audit.close(0.2)
        super().destroy_node()

    def _beat(self) -> None:
        """Publish the next heartbeat; then, and only then, write a change to the disk and answer who waits."""
        now = time.monotonic()
        state = self._supervisor.tick(now)
        problem = self._writer.problem
        shown = dataclasses.replace(state, message=f"{state.message}; {problem}") if problem else state
        self._publisher.publish(safety_state_to_msg(shown, time.time()))
        self._state = shown
        if (state.state, state.stop_id) != self._last:
            self._last = (state.state, state.stop_id)
            self._writer.submit(LatchRecord(self._run_id, state.state.name, state.stop_id, state.stop_reason))
            self._log(state)
        if self._waiting:
            self._answer_waiting(now)

    def _on_stop_request(self, data: bytes) -> None:
        source, reason = read_stop_request(data)
        self._stop(source, reason)

    def _stop(self, source: str, reason: str) -> int:
        stop_id = self._supervisor.request_stop(source, reason, time.monotonic())
        self._beat()
        return stop_id

    def _on_stop(self, request: StopGraph.Request) -> Future[StopGraph.Response]:
        stop_id = self._stop(clip(request.source, 128), clip(request.reason, 256))
        wait = min(request.wait_for_rest, LONGEST_WAIT) if math.isfinite(request.wait_for_rest) else 0.0
        waiting = _Waiting(Future(), stop_id, time.monotonic() + wait)
        self._waiting.append(waiting)
        self._answer_waiting(time.monotonic())
        return waiting.answer

    def _answer_waiting(self, now: float) -> None:
        moving = self._supervisor.moving_robots(now)
        is_over = self._supervisor.is_armed
        for waiting in self._waiting:
            if not moving or is_over or now >= waiting.deadline:
                waiting.answer.set_result(self._stop_response(waiting.stop_id, moving, is_over))
        self._waiting = [waiting for waiting in self._waiting if not waiting.answer.done()]

    def _stop_response(self, stop_id: int, moving: list[str], is_over: bool) -> StopGraph.Response:
        if is_over:
            text = f"stop {stop_id} was latched and has been resumed since"
        elif moving:
            text = f"stop {stop_id} is latched; no evidence of rest yet from {', '.join(moving)}"
        elif self._state.robots:
            text = f"stop {stop_id} is latched; every robot reported rest"
        else:
            text = f"stop {stop_id} is latched; no robot has been heard"
        return StopGraph.Response(
            success=True, message=clip(text, 512), stop_id=stop_id, at_rest=not moving and not is_over, moving=moving
        )

    def _on_gate_state(self, message: GateState) -> None:
        was_armed = self._supervisor.is_armed
        self._supervisor.on_gate_report(gate_report_from_msg(message), time.monotonic())
        if self._supervisor.is_armed != was_armed:
            self._beat()
        elif self._waiting:
            self._answer_waiting(time.monotonic())

    def _log(self, state: SupervisorState) -> None:
        # One call for each severity: rclpy's logger refuses a call whose severity changes.
        text = f"{state.state.name.lower()}: {state.message}"
        if state.state is GraphState.ARMED:
            self.get_logger().info(text)
        elif state.state is GraphState.STOP_NOT_CONFIRMED:
            self.get_logger().error(text)
        else:
            self.get_logger().warning(text)

    def _diagnose(self) -> None:
        state = self._state
        level = {GraphState.ARMED: diagnostics.OK, GraphState.STOP_NOT_CONFIRMED: diagnostics.ERROR}.get(
            state.state, diagnostics.WARN
        )
        values: dict[str, Any] = {"run_id": state.run_id, "arm_epoch": state.arm_epoch, "stop_id": state.stop_id}
        values.update({f"age of {robot.robot} [s]": robot.age for robot in state.robots})
        self._diagnostics.publish(diagnostics.status("safety_node: stop latch", level, state.message, values))


def _refuse_stop(message: str) -> StopGraph.Response:
    return StopGraph.Response(success=False, message=message)


def _latch_folder(given: str, run_id: str) -> Path:
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("ROS_HOME", "") or "~/.ros").expanduser() / "strands_robots" / "latch" / run_id


def main() -> int:
    """Run safety_node until a signal."""
    return run_node(SafetyNode, is_critical=True)
