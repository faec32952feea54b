"""Everything that the live view shows of a running graph, at a negligible cost."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CameraInfo, JointState

from strands_robots.clients.client import GraphClient
from strands_robots.clients.state_client import SILENCE, GraphSnapshot, RobotSnapshot, SafetySnapshot, state_name
from strands_robots.clients.stop import GraphStop
from strands_robots.msg import GateState, SafetyState, StopButtonState
from strands_robots.ros.calls.drain import Drained
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.stamps import to_seconds
from strands_robots.ros.process.graph_names import topics_of_graph
from strands_robots.ros.robot.robot_discovery import robots_on_graph
from strands_robots.safety.stop_report import StopReport

STOP_WAIT = 5.0
"""How long a stop asks on and waits for evidence of rest [s]."""

LOOK_PERIOD = 1.0
"""Time between two looks at the graph for new topics [s]."""

_CAMERA_INFO = "/camera_info"


@dataclass(frozen=True)
class LiveSnapshot:
    """One moment of a graph.

    Attributes:
        graph: Safety and robots.
        sim_time: Time of the world [s]; None where /clock is not published.
        real_time_factor: Simulated seconds for each second.
        cameras: (name, frames a second) of each camera; the rate of its camera_info, which comes with every frame.
        refusals: (time of day, robot, words) of the last refusals, oldest first.
        buttons: (name, what is wrong or empty) of each stop button.
    """

    graph: GraphSnapshot
    sim_time: float | None
    real_time_factor: float
    cameras: tuple[tuple[str, float], ...]
    refusals: tuple[tuple[str, str, str], ...]
    buttons: tuple[tuple[str, str], ...]


class LiveWatch:
    """Looks at the graph each time `look` is called, and in between costs nothing. No executor spins its node.

    Args:
        client: Client of the graph.
    """

    def __init__(self, client: GraphClient) -> None:
        self._node = client.node
        self._prefix = self._node.get_namespace().rstrip("/") + "/"
        self._safety = Drained(self._node, SafetyState, "safety/state")
        self._clock = Drained(self._node, ClockMessage, "/clock")
        self._buttons = Drained(self._node, StopButtonState, "safety/buttons")
        self._known_buttons: dict[str, tuple[str, float]] = {}
        self._times: deque[tuple[float, float]] = deque(maxlen=8)
        self._gates: dict[str, Drained] = {}
        self._joints: dict[str, Drained] = {}
        self._cameras: dict[str, Drained] = {}
        self._refusals: deque[tuple[str, str, str]] = deque(maxlen=20)
        self._refused: dict[str, int] = {}
        self._look_at = 0.0

    def look(self) -> LiveSnapshot:
        """Take what has arrived and return the moment."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_PERIOD
            self._find_topics()
        topics = [self._safety, *self._gates.values(), *self._joints.values(), *self._cameras.values()]
        for topic in topics:
            topic.look()
        self._take_clock()
        self._buttons.look(self._take_button)
        robots = tuple(self._robot(name, gate) for name, gate in sorted(self._gates.items()) if gate.message)
        return LiveSnapshot(
            graph=GraphSnapshot(self._safety_snapshot(), robots),
            sim_time=self._times[-1][1] if self._times and _is_heard(self._clock) else None,
            real_time_factor=self._real_time_factor(),
            cameras=tuple((name, topic.rate) for name, topic in sorted(self._cameras.items())),
            refusals=tuple(self._refusals),
            buttons=tuple(
                (name, problem if now - at < SILENCE else "SILENT")
                for name, (problem, at) in sorted(self._known_buttons.items())
            ),
        )

    def _find_topics(self) -> None:
        for name in robots_on_graph(self._node):
            if name not in self._gates:
                self._gates[name] = Drained(self._node, GateState, f"{name}/gate_state")
                self._joints[name] = Drained(self._node, JointState, f"{name}/joint_states")
        for topic, types in topics_of_graph(self._node).items():
            name = topic[len(self._prefix) : -len(_CAMERA_INFO)]
            is_camera = topic.startswith(self._prefix) and topic.endswith(_CAMERA_INFO) and not name.endswith("/depth")
            if is_camera and name not in self._cameras and "sensor_msgs/msg/CameraInfo" in types:
                self._cameras[name] = Drained(self._node, CameraInfo, topic)

    def _take_clock(self) -> None:
        if self._clock.look():
            sim_time = to_seconds(self._clock.message.clock)
            if self._times and sim_time < self._times[-1][1]:
                self._times.clear()
            self._times.append((self._clock.source_time, sim_time))

    def _real_time_factor(self) -> float:
        if len(self._times) < 2 or not _is_heard(self._clock):
            return 0.0
        (first, started), (last, reached) = self._times[0], self._times[-1]
        return (reached - started) / (last - first) if last > first else 0.0

    def _take_button(self, beat: StopButtonState) -> None:
        is_ready = beat.state == StopButtonState.READY
        problem = "" if is_ready else clip(beat.message, 80) or f"state {beat.state}"
        self._known_buttons[clip(beat.name, 64)] = (problem, time.monotonic())

    def _safety_snapshot(self) -> SafetySnapshot | None:
        state = self._safety.message
        if state is None or not _is_heard(self._safety):
            return None
        return SafetySnapshot(
            state_name(state.state),
            state.arm_epoch,
            state.stop_id,
            clip(state.stop_source, 128),
            clip(state.stop_reason, 256),
            self._safety.rate,
        )

    def _robot(self, name: str, gate: Drained) -> RobotSnapshot:
        state, joints = gate.message, self._joints[name]
        refused = sum(entry.count for entry in state.refusals)
        if refused > self._refused.get(name, 0) and state.last_refusal:
            self._refusals.append((time.strftime("%H:%M:%S"), name, clip(state.last_refusal, 300)))
        self._refused[name] = refused
        values = joints.message or JointState()
        return RobotSnapshot(
            name,
            _is_heard(gate),
            state.latched,
            clip(state.latch_reason, 256),
            state.at_rest,
            state.max_velocity,
            clip(state.lease_holder, 128),
            refused,
            joints.rate,
            tuple(values.name),
            tuple(values.position),
            tuple(values.velocity),
            tuple(values.effort),
        )


def _is_heard(topic: Drained) -> bool:
    return time.monotonic() - topic.heard_at < SILENCE


class StopKey:
    """Stops every robot of the graph from any thread, without waiting for what becomes of it. `close` ends it.

    Args:
        client: Client of the graph.
        source: Who asks.
        on_report: Takes what became of each stop; called by a thread of its own.
    """

    def __init__(self, client: GraphClient, source: str, on_report: Callable[[StopReport], None]) -> None:
        self._stop = GraphStop(client.node)
        self._source = source
        self._on_report = on_report

    def press(self) -> None:
        """Ask for a stop; every press is one, whatever became of those before."""
        threading.Thread(target=self._ask, name="stop key", daemon=True).start()

    def close(self) -> None:
        """Let go of the graph."""
        self._stop.close()

    def _ask(self) -> None:
        self._on_report(self._stop.stop(self._source, "space in the live view", STOP_WAIT))
