"""A graph of real processes with an arm that moves, and what a test can see of it from outside."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from graph import Graph, Process, wait_for
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from strands_robots.msg import ActionChunk, GateState, JointCommand, SafetyState
from strands_robots.srv import ResumeGraph, StopGraph

from strands_robots.description.robot_config import load_robot
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration, to_seconds, to_time

LIMITS = load_robot("so101").limits()
CONTROL_PERIOD = 0.01


class MovingArm:
    """sim_node and safety_node as processes, one client that listens, and a swing of the shoulder to interrupt."""

    def __init__(self, graph: Graph, folder: Path, robot_node: str = "sim_node", **sim_parameters: Any) -> None:
        self.graph = graph
        self.folder = folder
        self.sim = graph.start(robot_node, **{"robots": ["so101=so101"], "cameras": False, **sim_parameters})
        self.safety = self.start_safety()
        client = self.client = graph.client()
        self.applied: deque[tuple[float, JointCommand]] = deque(maxlen=20000)
        self.measured: deque[tuple[float, JointState]] = deque(maxlen=20000)
        client.create_subscription(JointCommand, "so101/command_applied", self._stamped(self.applied), qos.COMMAND)
        client.create_subscription(JointState, "so101/joint_states", self._stamped(self.measured), qos.STATE)
        self.gates = client.listen(GateState, "so101/gate_state", qos.STATE)
        self.safety_states = client.listen(SafetyState, "safety/state", qos.SAFETY)
        self.clocks = client.listen(Clock, "/clock", qos.CLOCK, keep=1)
        self.chunks = client.create_publisher(ActionChunk, "so101/action_chunk", qos.COMMAND)
        self.keep: Callable[[str, object], None] = lambda name, value: None
        self._sequence = time.time_ns()
        wait_for(lambda: self.chunks.get_subscription_count() and self.applied and self.clocks, 30.0, "sim_node")
        wait_for(lambda: self.safety_states, 30.0, "safety_node")
        self.wait_armed()

    @property
    def gate(self) -> GateState:
        return self.gates[-1]

    @property
    def state(self) -> SafetyState:
        return self.safety_states[-1]

    def start_safety(self) -> Process:
        return self.graph.start(
            "safety_node", run_id="run-1", arm_on_start=True, settle_time=0.5, latch_folder=str(self.folder),
            robots=["so101"],
        )  # fmt: skip

    def wait_armed(self) -> None:
        wait_for(lambda: (self.gates and not self.gate.latched) or self._resume_if_stopped(), 30.0, "an armed robot")
        # A command with a stamp before the arming would be refused, and /clock comes every 10 ms only.
        armed = self.now()
        wait_for(lambda: self.now() > armed + 0.02, 5.0, "time after the arming")

    def _resume_if_stopped(self) -> bool:
        """A loaded machine may have starved the heartbeat while the processes started; that stop is not what a test is about."""
        if self.safety_states and self.state.state == SafetyState.STOPPED:
            self.resume()
        return False

    def now(self) -> float:
        """ROS time [s]."""
        return to_seconds(self.clocks[-1].clock)

    def swing(self, duration: float = 20.0, source: str = "operator/test") -> None:
        """Swing the shoulder pan for `duration` [s], 0.4 rad at 0.5 Hz, and wait until it is fast."""
        self.send_swing(duration, source)
        wait_for(
            lambda: self.gate.lease_holder == source and abs(self.measured[-1][1].velocity[0]) > 0.5,
            10.0, f"a moving arm ({self.gate.last_refusal})",
        )  # fmt: skip

    def send_swing(self, duration: float, source: str) -> None:
        """Publish the chunk of a swing."""
        self._sequence += 1
        times = np.arange(round(duration / 0.05)) * 0.05
        start = list(self.applied[-1][1].values)
        rows = np.tile(start, (len(times), 1))
        rows[:, 0] = start[0] + 0.2 * (1.0 - np.cos(math.pi * times))
        message = ActionChunk(
            source=source, sequence=self._sequence, lifetime=to_duration(0.5), joint_names=list(LIMITS.names),
            horizon=len(rows), control_period=to_duration(0.05), values=rows.ravel().tolist(),
        )  # fmt: skip
        message.header.stamp = to_time(self.now())
        self.chunks.publish(message)

    def stop(self, **fields: Any) -> Any:
        return self.client.call(
            StopGraph, "safety/stop", StopGraph.Request(source="operator/test", reason="test", **fields)
        )

    def resume(self, stop_id: int | None = None) -> Any:
        request = ResumeGraph.Request(
            source="operator/test", reason="test", stop_id=self.state.stop_id if stop_id is None else stop_id
        )
        return self.client.call(ResumeGraph, "safety/resume", request)

    def wait_rest(self, since: float | None = None, timeout: float = 3.0) -> None:
        """Wait for rest; the time from `since` [s, steady] is kept for --junitxml: docs/explanation/safety.md shows it."""
        wait_for(lambda: self.gate.at_rest and self.gate.latched, timeout, "rest")
        if since is not None:
            self.keep("time_to_rest", f"{time.monotonic() - since:.2f} s")

    def assert_still(self, duration: float) -> None:
        """Nothing moves for `duration` [s]."""
        before = np.array(self.measured[-1][1].position)
        end = time.monotonic() + duration
        while time.monotonic() < end:
            assert np.abs(np.array(self.measured[-1][1].position) - before).max() < 2e-3, "the arm moved"
            time.sleep(0.01)

    def braking_began(self, after: float) -> float:
        """Return when the first applied set-point without a source arrived after `after` [s, steady time]."""
        return wait_for(
            lambda: next((received for received, command in list(self.applied) if received > after and not command.source), None),
            5.0, "braking",
        )  # fmt: skip

    def braking_path(self, after: float) -> np.ndarray:
        """Return the applied shoulder set-points (N, 2) [s, rad] from the last commanded one on."""
        commands = list(self.applied)
        first = next(i for i, (received, command) in enumerate(commands) if received > after and not command.source)
        path = [
            (to_seconds(c.header.stamp), c.values[list(c.joint_names).index("shoulder_pan")])
            for _, c in commands[first - 2 :]
        ]
        return np.array(path)

    def assert_braked_within_limits(self, after: float) -> None:
        """The set-point came to rest as fast as the acceleration limit says, and no faster."""
        self.wait_rest(after)
        path = self.braking_path(after)
        steps = np.diff(path[:, 0])
        velocity = np.diff(path[:, 1])[steps > 0] / steps[steps > 0]
        limit = LIMITS.acceleration[LIMITS.index["shoulder_pan"]]
        moving = np.abs(velocity) > 1e-9
        duration = steps[steps > 0][moving].sum()
        assert not moving[-1]
        assert duration <= abs(velocity[0]) / limit + 4 * CONTROL_PERIOD
        assert np.abs(velocity).max() <= abs(velocity[0]) + 1e-6

    @staticmethod
    def _stamped(messages: deque[Any]) -> Any:
        return lambda message: messages.append((time.monotonic(), message))
