"""The graph of a real arm, `strands-robots real`, with the simulated servo bus, and what a test does to it and sees of it."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from diagnostic_msgs.msg import DiagnosticArray
from drivers.simulated_bus import SimulatedBus, write_calibration
from graph import Graph, Process, wait_for
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from sensor_msgs.msg import JointState
from strands_robots.msg import ActionChunk, GateState, SafetyState
from strands_robots.srv import ResumeGraph

from strands_robots.description.robot_config import load_robot
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration, to_time

LIMITS = load_robot("so101").limits()
PAN, LIFT, ELBOW = (LIMITS.index[name] for name in ("shoulder_pan", "shoulder_lift", "elbow_flex"))

PATIENT = """\
/**/driver_node: {ros__parameters: {heartbeat_timeout: 3.0, stall_timeout: 3.0, answer_timeout: 1.0}}
/**/safety_node: {ros__parameters: {gate_state_timeout: 3.0}}
"""
"""So that a loaded machine is not taken for a dead one; what must be fast says so in its test."""


@contextmanager
def real_arm(folder: Path) -> Iterator[RealArm]:
    """Start the graph of a real arm in a folder, and end it."""
    with Graph() as graph:
        arm = RealArm(graph, folder)
        try:
            yield arm
        finally:
            arm.bus.close()


class RealArm:
    """One arm, its graph and its bus."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        self.graph, self.folder = graph, folder
        self.bus = SimulatedBus(folder)
        self.calibration = write_calibration(folder / "mine.json")
        command = [
            sys.executable,
            "-m",
            "strands_robots.cli.entry",
            "real",
            "--robot",
            "so101",
            "--port",
            self.bus.port,
        ]
        parameters = folder / "parameters.yaml"
        parameters.write_text(PATIENT, encoding="ascii")
        command += ["--calibration", str(self.calibration), "--params-file", str(parameters)]
        self.process = Process(command, {**graph.environment, "ROS_HOME": str(folder)})
        graph.processes.append(self.process)
        client = self.client = graph.client()
        self.gates = client.listen(GateState, "so101/gate_state", qos.STATE)
        self.states = client.listen(JointState, "so101/joint_states", qos.STATE)
        self.safety: deque[Any] = client.listen(SafetyState, "safety/state", qos.SAFETY)
        self.diagnostics = client.listen(DiagnosticArray, "/diagnostics", 10)
        self._chunks = client.create_publisher(ActionChunk, "so101/action_chunk", qos.COMMAND)
        self._sequence = time.time_ns()
        wait_for(lambda: self.gates and self.states and self.safety, 40.0, "the graph of a real arm")
        wait_for(lambda: self.state() == State.PRIMARY_STATE_ACTIVE, 20.0, "an active driver")

    @property
    def gate(self) -> GateState:
        return self.gates[-1]

    @property
    def stop_reason(self) -> str:
        """Why the graph stops or stands; empty while it is armed."""
        return "" if self.safety[-1].state == SafetyState.ARMED else str(self.safety[-1].stop_reason)

    def position(self, joint: int) -> float:
        """What the driver says [rad]."""
        return float(self.states[-1].position[joint])

    def driver(self) -> dict[str, str]:
        """What the driver last said on /diagnostics, with its level and message."""
        for message in reversed(self.diagnostics):
            for status in message.status:
                if status.name.endswith(": driver"):
                    values = {entry.key: entry.value for entry in status.values}
                    return {**values, "level": str(int.from_bytes(status.level, "big")), "message": status.message}
        return {}

    def change(self, transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return bool(self.client.call(ChangeState, "driver_node/change_state", request, 20.0).success)

    def state(self) -> int:
        return int(self.client.call(GetState, "driver_node/get_state", GetState.Request()).current_state.id)

    def connect_again(self) -> None:
        """What an operator does after the link was lost; LeRobot's classes may need a second try on a busy machine."""
        if self.state() != State.PRIMARY_STATE_UNCONFIGURED:
            assert self.change(Transition.TRANSITION_CLEANUP)
        assert self.change(Transition.TRANSITION_CONFIGURE) or self.change(Transition.TRANSITION_CONFIGURE)
        assert self.change(Transition.TRANSITION_ACTIVATE)

    def resume(self) -> None:
        """Resume until the arm may move."""

        def is_armed() -> bool:
            if self.gate.latched or self.stop_reason:
                request = ResumeGraph.Request(source="operator/test", reason="test", stop_id=self.safety[-1].stop_id)
                self.client.call(ResumeGraph, "safety/resume", request)
                time.sleep(0.1)
            return not self.gate.latched and not self.stop_reason

        wait_for(is_armed, 15.0, "an armed arm")

    def send(self, joint: int, positions: list[float], period: float) -> None:
        """Send a chunk for one joint [rad]."""
        self._sequence += 1
        message = ActionChunk(
            source="operator/test", sequence=self._sequence, lifetime=to_duration(0.5),
            joint_names=[LIMITS.names[joint]], horizon=len(positions), control_period=to_duration(period),
            values=positions,
        )  # fmt: skip
        message.header.stamp = to_time(time.time())
        self._chunks.publish(message)

    def swing(self) -> None:
        """Swing the shoulder for 20 s, 0.4 rad at 0.5 Hz, and wait until it is fast."""
        start = self.position(PAN)
        times = np.arange(400) * 0.05
        towards = -1.0 if start > 0.0 else 1.0
        rows = start + towards * 0.2 * (1.0 - np.cos(math.pi * times))

        def is_fast() -> bool:
            if not self.gate.lease_holder:
                self.send(PAN, rows.tolist(), 0.05)
                time.sleep(0.2)
            return abs(self.states[-1].velocity[PAN]) > 0.4

        wait_for(is_fast, 15.0, "a moving arm")

    def truth(self) -> np.ndarray:
        """Where the joints really are [rad]."""
        found = dict(item.split("=") for item in self.bus.do("status").split())
        return np.array([float(found[name]) for name in LIMITS.names])

    def wait_true_rest(self) -> np.ndarray:
        """Wait until no joint really moves, and return where they are [rad]."""
        before = self.truth()

        def is_still() -> bool:
            nonlocal before
            time.sleep(0.1)
            now = self.truth()
            moved, before = float(np.abs(now - before).max()), now
            return moved < 1e-3

        wait_for(is_still, 10.0, "an arm that stands")
        return before

    def largest_deviation(self, start: np.ndarray, duration: float) -> float:
        """Return how far a joint really went from `start` in the next `duration` [s]."""
        end, largest = time.monotonic() + duration, 0.0
        while time.monotonic() < end:
            largest = max(largest, float(np.abs(self.truth() - start).max()))
            time.sleep(0.005)
        return largest

    def node_pid(self, name: str) -> int:
        """Return the process of a node of the graph."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            if any(part.endswith(f"/{name}") for part in process.cmdline()):
                return int(process.pid)
        raise AssertionError(f"{name} is not there")
