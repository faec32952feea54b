"""Two arms of one simulation that swing, seen and moved from outside."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from graph import Client, wait_for
from rosgraph_msgs.msg import Clock
from strands_robots.msg import ActionChunk, GateState, JointCommand, SafetyState
from strands_robots.srv import ResumeGraph

from strands_robots.description.robot_config import load_robot
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration, to_seconds, to_time

ARMS = ("left", "right")
JOINTS = load_robot("so101").limits().names
SOURCE = "operator/test"


class TwoArms:
    """What a person sees of two arms, and a swing of both shoulders to interrupt.

    Args:
        client: A node on the graph.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.gates: dict[str, GateState] = {}
        self.applied: dict[str, deque[tuple[float, JointCommand]]] = {arm: deque(maxlen=5000) for arm in ARMS}
        self.rests: dict[str, float] = {}
        self.clocks = client.listen(Clock, "/clock", qos.CLOCK, keep=1)
        self.safety = client.listen(SafetyState, "safety/state", qos.SAFETY, keep=1)
        self.chunks = {arm: client.create_publisher(ActionChunk, f"{arm}/action_chunk", qos.COMMAND) for arm in ARMS}
        self._resumes = client.create_client(ResumeGraph, "safety/resume")
        self._sequence = time.time_ns()
        for arm in ARMS:
            client.create_subscription(JointCommand, f"{arm}/command_applied", self._on_applied(arm), qos.COMMAND)
            client.create_subscription(GateState, f"{arm}/gate_state", self._on_gate(arm), qos.STATE)
        wait_for(lambda: len(self.gates) == len(ARMS) and self.clocks and self.safety, 30.0, "two robots")

    @property
    def state(self) -> SafetyState:
        return self.safety[-1]

    def arm(self) -> None:
        """Wait until both may move; resume what is stopped."""
        wait_for(lambda: self._is_armed() or self._resume_if_stopped(), 30.0, "two armed robots")
        armed = self.now()
        wait_for(lambda: self.now() > armed + 0.02, 5.0, "time after the arming")

    def swing(self, duration: float = 30.0) -> None:
        """Swing both shoulders and wait until they are under way; chunks that came too late under load are sent again."""

        def is_held() -> bool:
            return all(self.gates[arm].lease_holder == SOURCE for arm in ARMS)

        end = time.monotonic() + 20.0
        while not is_held() and time.monotonic() < end:
            self._send_swings(duration)
            again = time.monotonic() + 2.0
            while not is_held() and time.monotonic() < again:
                time.sleep(0.005)
        assert is_held(), f"no motion: {[(gate.latch_reason, gate.last_refusal) for gate in self.gates.values()]}"

    def _send_swings(self, duration: float) -> None:
        for arm, publisher in self.chunks.items():
            times = np.arange(round(duration / 0.05)) * 0.05
            rows = np.tile(list(self.applied[arm][-1][1].values), (len(times), 1))
            rows[:, 0] += 0.15 * np.sin(math.pi * times)
            self._sequence += 1
            message = ActionChunk(
                source=SOURCE, sequence=self._sequence, lifetime=to_duration(0.5), joint_names=list(JOINTS),
                horizon=len(rows), control_period=to_duration(0.05), values=rows.ravel().tolist(),
            )  # fmt: skip
            message.header.stamp = to_time(self.now())
            publisher.publish(message)

    def assert_swinging(self, duration: float) -> None:
        """Both go on to play their chunk for so long [s], without a gap."""
        begin = time.monotonic()
        wait_for(lambda: time.monotonic() > begin + duration, duration + 5.0)
        for arm in ARMS:
            since = [command for received, command in list(self.applied[arm]) if received > begin]
            told = f"{arm}: {len(since)} set-points, latched: '{self.gates[arm].latch_reason}', {self.gates[arm].last_refusal}"
            assert len(since) > 40 * duration and all(command.source == SOURCE for command in since), told

    def time_to_rest(self, begin: float, timeout: float = 4.0) -> float:
        """Return the time from `begin` [s, steady] until the gates of both arms reported that they are latched and at rest [s]."""
        wait_for(lambda: all(self.rests.get(arm, 0.0) > begin for arm in ARMS), timeout, "rest of both arms")
        return max(self.rests.values()) - begin

    def wait_stopped(self) -> None:
        wait_for(lambda: self.state.state == SafetyState.STOPPED, 10.0, "STOPPED")

    def now(self) -> float:
        """ROS time [s]."""
        return to_seconds(self.clocks[-1].clock)

    def _is_armed(self) -> bool:
        return self.state.state == SafetyState.ARMED and not any(gate.latched for gate in self.gates.values())

    def _resume_if_stopped(self) -> bool:
        if self.state.state == SafetyState.STOPPED:
            request = ResumeGraph.Request(source=SOURCE, reason="test", stop_id=self.state.stop_id)
            assert self._resumes.wait_for_service(10.0), "safety/resume is not there"
            answer = self._resumes.call_async(request)
            # A flood of forged ones may push it out of the service's queue; it is then asked again.
            end = time.monotonic() + 2.0
            while not answer.done() and time.monotonic() < end:
                time.sleep(0.01)
        return False

    def _on_applied(self, arm: str) -> Callable[[Any], None]:
        return lambda message: self.applied[arm].append((time.monotonic(), message))

    def _on_gate(self, arm: str) -> Callable[[Any], None]:
        def note(message: GateState) -> None:
            self.gates[arm] = message
            if not (message.latched and message.at_rest):
                self.rests.pop(arm, None)
            elif arm not in self.rests:
                self.rests[arm] = time.monotonic()

        return note
