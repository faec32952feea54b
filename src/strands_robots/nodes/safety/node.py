"""safety_node: publishes the graph's heartbeat, takes stops and resumes, and keeps the latch in a file."""

from __future__ import annotations

import dataclasses
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from strands_robots.msg import GateState, SafetyState

from strands_robots.audit.watches.health import OnAuditLoss
from strands_robots.core.ros_home import ros_home
from strands_robots.nodes.safety.audit_monitor import AuditMonitor
from strands_robots.nodes.safety.button_subscriber import listen_to_buttons
from strands_robots.nodes.safety.resume_services import ResumeServices
from strands_robots.nodes.safety.stop_services import StopServices
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import gate_report_from_msg, safety_state_to_msg
from strands_robots.ros.process import diagnostics
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters
from strands_robots.ros.robot.local_stop_listener import SupervisorStopPort
from strands_robots.ros.robot.robot_discovery import RobotDiscovery
from strands_robots.safety.button_watch import ButtonWatch
from strands_robots.safety.latch_file import LatchFile, LatchRecord
from strands_robots.safety.latch_writer import LatchWriter
from strands_robots.safety.resume import AuthorityConfig, ResumeRule
from strands_robots.safety.signed_resume import make_authority
from strands_robots.safety.supervisor import GraphState, Supervisor, SupervisorConfig, SupervisorState

HEARTBEAT_PERIOD = 0.05
START_PERIOD = 0.1
LONGEST_START = 20.0
"""The first arming waits no longer for other nodes [s]; one that does not come up is told by others."""


@dataclass(frozen=True)
class SafetyParameters:
    """Parameters of safety_node."""

    run_id: str = parameter("", "run of the graph, from bringup; empty makes a new one")
    arm_on_start: bool = parameter(False, "arm the robots at the start of a new run; for simulation")
    settle_time: float = parameter(
        1.0,
        "with arm_on_start: a robot is armed once it was heard for this long without a gap [s]",
        minimum=0.0,
        maximum=60.0,
    )
    start_nodes: tuple[str, ...] = parameter(
        (), "with arm_on_start: nodes of the graph that must be up before, waited for at most 20 s"
    )
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
        "", "keyring of the operators who may resume; empty lets every person resume who gives a name"
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
    audit_wait: float = parameter(
        0.1, "time that the answer to a stop waits for its record to be on the disk [s]", minimum=0.0, maximum=5.0
    )
    on_audit_loss: str = parameter(
        OnAuditLoss.ALARM.value,
        "what happens while nothing is recorded: an alarm; a stop, and no resume until it is; or nothing",
        choices=[choice.value for choice in OnAuditLoss],
    )


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
            settle_time=parameters.settle_time,
        )
        terms = AuthorityConfig(
            self._run_id, config.session, ResumeRule(parameters.resume_rule), parameters.challenge_lifetime
        )
        authority = make_authority(parameters.keyring, parameters.require_signed_resume, terms)
        if not parameters.keyring and not parameters.arm_on_start:
            self.get_logger().error(
                "RESUMES ARE NOT SIGNED: any process that reaches safety/resume can arm this robot; give the parameter keyring"
            )
        buttons = ButtonWatch(parameters.buttons, parameters.button_timeout)
        self._supervisor = Supervisor(config, time.monotonic(), authority, buttons)
        self._missing = set(parameters.start_nodes)
        self._born = time.monotonic()
        self._writer = LatchWriter(file, self.get_logger().error)
        self._last = (GraphState.STOPPING, -1)
        self._publisher = self.create_publisher(SafetyState, "safety/state", qos.SAFETY)
        self._audit = audit_of(self)
        self._recording = AuditMonitor(self, OnAuditLoss(parameters.on_audit_loss))
        self._stops = StopServices(self, self._supervisor, self._audit, self._beat, parameters.audit_wait)
        self._local_stops = SupervisorStopPort(
            self, self._run_id, self._stops.on_local_request, lambda: self._supervisor.is_armed
        )
        listen_to_buttons(self, buttons)
        self._resume = ResumeServices(
            self, self._supervisor, authority, terms, self._audit, self._beat, self._recording.refuse_resume
        )
        self._discovery = RobotDiscovery(self, parameters.robots, self._on_gate_state)
        self._diagnostics = diagnostics.DiagnosticsPort(self)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(HEARTBEAT_PERIOD, self._beat, clock=steady)
        self.create_timer(1.0, self._diagnose, clock=steady)
        self._start_timer = self.create_timer(START_PERIOD, self._wait_for_nodes, clock=steady)
        self._wait_for_nodes()  # before the first report of a robot can come
        self._beat()

    def destroy_node(self) -> None:
        """Write what still waits for the disk, then end."""
        self._local_stops.close()
        self._writer.close(0.4)
        self._audit.close(0.2)
        super().destroy_node()

    def _beat(self) -> None:
        """Publish the next heartbeat; then, and only then, write a change to the disk and answer who waits."""
        now = time.monotonic()
        reason = self._recording.reason_to_stop(now)
        if reason and self._supervisor.is_armed:
            self._supervisor.request_stop("safety_node", reason, now)
        state = self._supervisor.tick(now)
        problems = [text for text in (self._writer.problem, self._recording.problem(now)) if text]
        shown = dataclasses.replace(state, message="; ".join([state.message, *problems])) if problems else state
        self._publisher.publish(safety_state_to_msg(shown, time.time()))
        self._state = shown
        if (state.state, state.stop_id) != self._last:
            self._last = (state.state, state.stop_id)
            self._writer.submit(LatchRecord(self._run_id, state.state.name, state.stop_id, state.stop_reason))
            self._log(state)
        self._stops.on_state(state, now)

    def _wait_for_nodes(self) -> None:
        """Hold the first arming until the other nodes of the graph are up: while they start, the machine has no time for a heartbeat."""
        own = self.get_namespace()
        self._missing -= {name for name, namespace in self.get_node_names_and_namespaces() if namespace == own}
        if time.monotonic() > self._born + LONGEST_START:
            self._missing.clear()
        self._supervisor.settling.hold(", ".join(sorted(self._missing)))
        if not self._missing:
            self._start_timer.cancel()

    def _on_gate_state(self, message: GateState) -> None:
        was_armed = self._supervisor.is_armed
        self._supervisor.on_gate_report(gate_report_from_msg(message), time.monotonic())
        if self._supervisor.is_armed != was_armed:
            self._beat()
        else:
            self._stops.answer_waiting(time.monotonic())

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
        problem = self._recording.problem(time.monotonic())
        self._diagnostics.publish(
            diagnostics.status("safety_node: stop latch", level, state.message, values),
            diagnostics.status(
                "safety_node: audit", diagnostics.ERROR if problem else diagnostics.OK, problem or "recorded", {}
            ),
        )


def _latch_folder(given: str, run_id: str) -> Path:
    if given:
        return Path(given).expanduser()
    return ros_home() / "strands_robots" / "latch" / run_id


def main() -> int:
    """Run safety_node until a signal."""
    return run_node(SafetyNode, grace=2.5, is_critical=True)
