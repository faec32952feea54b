"""A hand takes the robot from a running policy and gives it back; a stop wins; without teleop_node the arm holds."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph import Graph, Process, wait_for
from sensor_msgs.msg import Joy
from strands_robots.msg import GateState, JointCommand, SafetyState, TeleopState
from strands_robots.srv import ResumeGraph, StopGraph

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_seconds

from .policy_goals import PolicyGoals

PAN = 0
VELOCITY_LIMIT = 3.0
SWING_SPEED = 0.4 * 2.0 * np.pi * 0.5
"""Largest speed of policy_goals.SWING [rad/s]."""


class Pad:
    """A joystick that speaks 50 times a second from a thread of its own."""

    def __init__(self, publisher: Any) -> None:
        self.axes, self.held = [0.0] * 8, False
        self._publisher = publisher
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def push(self, forward: float = 0.0) -> None:
        """Hold the dead-man button and the left stick."""
        self.axes[1], self.held = forward, True

    def release(self) -> None:
        self.axes[1], self.held = 0.0, False

    def close(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(0.02):
            pressed = [int(self.held and number == 4) for number in range(11)]
            self._publisher.publish(Joy(axes=list(self.axes), buttons=pressed))


class TeleopGraph:
    """sim_node, safety_node, policy_node and teleop_node with a joystick in mode joints."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        self.graph = graph
        graph.start("sim_node", robots=["so101=so101"], cameras=False, heartbeat_timeout=2.0, stall_timeout=2.0)
        graph.start(
            "safety_node",
            run_id="run-1",
            arm_on_start=True,
            latch_folder=str(folder),
            robots=["so101"],
            gate_state_timeout=2.0,
        )
        graph.start("policy_node", use_sim_time=True)
        self.teleop = self.start_teleop()
        client = self.client = graph.client()
        self.gates: deque[GateState] = client.listen(GateState, "so101/gate_state", qos.STATE, keep=50)
        self.applied: deque[JointCommand] = client.listen(JointCommand, "so101/command_applied", qos.COMMAND, keep=4000)
        self.states: deque[TeleopState] = client.listen(TeleopState, "so101/teleop/state", qos.STATE, keep=50)
        self.safety: deque[SafetyState] = client.listen(SafetyState, "safety/state", qos.SAFETY, keep=1)
        self.pad = Pad(client.create_publisher(Joy, "joy", 10))
        self.policies = PolicyGoals(client)
        wait_for(lambda: self.gates and not self.gates[-1].latched, 40.0, "an armed robot")
        wait_for(lambda: self.states and self.states[-1].input_rate > 10.0, 40.0, "teleop_node that hears the joystick")

    def start_teleop(self) -> Process:
        # Turning the first joint only: what moves it can be told apart from the policy's swing by the source.
        return self.graph.start(
            "teleop_node", leader="joy", mode="joints", joy_axes=[1.0, -1.0, -1.0, -1.0, -1.0, -1.0], max_age=1.0
        )

    @property
    def source(self) -> str:
        return str(self.applied[-1].source)

    def wait_for_source(self, source: str) -> None:
        wait_for(lambda: self.source == source, 10.0, f"a command of '{source}' in force")

    def rest(self) -> list[float]:
        """Wait for rest; return the set-points."""
        wait_for(lambda: self.gates[-1].at_rest and not self.gates[-1].playing, 10.0, "rest")
        return list(self.applied[-1].values)

    def fastest(self, since: float) -> float:
        """Largest speed of a set-point since an instant [s, ROS time], over what was applied from tick to tick [rad/s]."""
        path = [message for message in list(self.applied) if to_seconds(message.header.stamp) >= since]
        times = np.array([to_seconds(message.header.stamp) for message in path])
        values = np.array([message.values for message in path])
        steps = np.diff(times)
        usable = steps > 0.004
        return float((np.abs(np.diff(values, axis=0))[usable] / steps[usable, None]).max())


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeleopGraph]:
    with Graph() as graph:
        hand = TeleopGraph(graph, tmp_path_factory.mktemp("latch"))
        yield hand
        hand.pad.close()


@pytest.fixture(autouse=True)
def released(hand: TeleopGraph) -> None:
    """Begin with a released switch and a robot that nobody holds, whatever the test before has left."""
    hand.pad.release()
    if hand.teleop.exit_code is not None:
        hand.states.clear()
        hand.teleop = hand.start_teleop()
    wait_for(
        lambda: hand.states and hand.states[-1].input_rate > 10.0 and not hand.states[-1].engaged, 40.0, "teleop_node"
    )
    wait_for(lambda: not hand.gates[-1].lease_holder, 20.0, "a robot that nobody holds")


def test_hand_takes_a_running_policy_over_and_gives_the_robot_back_without_a_jump(hand: TeleopGraph) -> None:
    goal = hand.policies.send(duration=30.0)
    hand.wait_for_source("policy/sine")
    goal.wait_for_chunks(4)
    began = to_seconds(hand.applied[-1].header.stamp)
    hand.pad.push(0.6)
    hand.wait_for_source("teleop/joy")
    wait_for(lambda: hand.states[-1].engaged, 5.0, "word that the hand has the robot")
    result = goal.result()
    assert result.termination_reason == "refused" and "teleop/joy" in result.message
    hand.pad.release()
    held = hand.rest()
    assert not hand.states[-1].engaged
    taken = hand.fastest(began)
    wait_for(lambda: not hand.gates[-1].lease_holder, 5.0, "the end of the hand's lease")
    back = hand.policies.run(duration=2.0)
    assert back.success, back.message
    print(f"largest speed of a set-point over the take-over: {taken:.2f} rad/s")
    assert taken <= max(SWING_SPEED, 0.6 * 0.5 * VELOCITY_LIMIT) * 1.2
    assert hand.fastest(began) <= SWING_SPEED * 1.2
    assert abs(hand.applied[-1].values[PAN] - held[PAN]) < 1.0


@pytest.mark.guarantee(
    "Supervision", "a stop wins over a hand, and a resume alone moves nothing", "teleop/teleoperation.py _trouble"
)
def test_stop_wins_over_a_hand_and_a_resume_alone_moves_nothing(hand: TeleopGraph) -> None:
    hand.rest()
    hand.pad.push(-0.6)
    hand.wait_for_source("teleop/joy")
    answer = hand.client.call(StopGraph, "safety/stop", StopGraph.Request(source="operator/test", reason="test"))
    assert answer.success, answer.message
    wait_for(lambda: hand.gates[-1].latched and not hand.states[-1].engaged, 5.0, "a stop")
    wait_for(lambda: "stopped" in hand.states[-1].message, 5.0, "the reason")
    stopped = hand.rest()

    def resumed() -> bool:
        stop_id = hand.safety[-1].stop_id
        request = ResumeGraph.Request(source="operator/test", reason="test", stop_id=stop_id)
        return bool(hand.client.call(ResumeGraph, "safety/resume", request).success)

    wait_for(resumed, 10.0, "the resume")
    wait_for(lambda: not hand.gates[-1].latched, 10.0, "an armed robot")
    seen = hand.states[-1].frames
    wait_for(lambda: hand.states[-1].frames > seen + 25, 5.0, "half a second of a stick that is still pushed")
    assert not hand.states[-1].engaged and "release the switch" in hand.states[-1].message
    assert list(hand.applied[-1].values) == pytest.approx(stopped, abs=1e-9)
    hand.pad.release()
    wait_for(lambda: "release the switch" not in hand.states[-1].message, 5.0, "the released switch")
    hand.pad.push(0.6)
    hand.wait_for_source("teleop/joy")
    hand.pad.release()
    hand.rest()


@pytest.mark.long
def test_arm_holds_when_teleop_node_is_killed_and_moves_again_only_after_the_switch(hand: TeleopGraph) -> None:
    hand.pad.push(-0.6)
    hand.wait_for_source("teleop/joy")
    start = hand.applied[-1].values[PAN]
    wait_for(lambda: hand.applied[-1].values[PAN] < start - 0.05, 5.0, "motion")
    hand.teleop.send(signal.SIGKILL)
    hand.teleop.wait()
    held = hand.rest()
    assert not hand.gates[-1].latched
    hand.states.clear()
    hand.teleop = hand.start_teleop()
    wait_for(lambda: hand.states and hand.states[-1].input_rate > 10.0, 30.0, "teleop_node again")
    # The switch is still held: whoever starts with a held switch takes nothing.
    seen = hand.states[-1].frames
    wait_for(lambda: hand.states[-1].frames > seen + 25, 5.0, "half a second")
    assert list(hand.applied[-1].values) == pytest.approx(held, abs=1e-9)
    hand.pad.release()
