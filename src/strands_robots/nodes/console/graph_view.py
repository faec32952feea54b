"""Looks at the graph for the console's pages. Subscribes while a page is open, and lets go of everything when the last one is closed."""

from __future__ import annotations

import hashlib
import math
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from rcl_interfaces.msg import Log
from rclpy.node import Node
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String
from strands_robots.msg import ApprovalState, EpisodeState

from strands_robots.clients.client import GraphClient
from strands_robots.clients.graph_survey import action_types
from strands_robots.clients.live_watch import LiveWatch
from strands_robots.clients.state_client import SILENCE, RobotSnapshot
from strands_robots.console.port import Picture
from strands_robots.core.errors import ModelError
from strands_robots.core.types import JointLimits
from strands_robots.description.urdf_limits import limits_from_urdf
from strands_robots.nodes.console.view_words import approval_words, episode_words, finite
from strands_robots.nodes.console.world_view import WorldView
from strands_robots.ros.calls.drain import Drained
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.stamps import to_seconds
from strands_robots.ros.process.graph_names import scope_of

LOG_LINES = 60
AGENTS_PERIOD = 3.0
"""Time between two looks for agents [s]."""

_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "fatal"}
"""Source: rcl_interfaces/msg/Log."""


class RosView:
    """A GraphView on ROS. Belongs to the thread that looks; no executor spins its node.

    Args:
        beside: A node of this process.

    Attributes:
        world: What stands around the robots.
    """

    def __init__(self, beside: Node) -> None:
        self._beside = beside
        self._open: _OpenView | None = None
        self.world = WorldView(beside)

    def look(self) -> dict[str, Any]:
        """Return the moment; see console/port.py."""
        if self._open is None:
            self._open = _OpenView(self._beside)
        self.world.look(self._open.node)
        return self._open.look()

    def pictures(self, cameras: frozenset[str]) -> list[Picture]:
        """Return new pictures of these cameras."""
        return [] if self._open is None else self._open.pictures(cameras)

    def urdf(self, robot: str) -> str | None:
        """Return the description of a robot, as it was said last; in any thread."""
        view = self._open
        return None if view is None else view.urdfs.get(robot)

    def rest(self) -> None:
        """Let go of everything."""
        if self._open is not None:
            self.world.close()
            self._open.close()
            self._open = None


class _OpenView:
    """What is subscribed to while a page is open."""

    def __init__(self, beside: Node) -> None:
        self._client = GraphClient(beside=beside, name=f"{beside.get_name()}_view")
        node = self.node = self._client.node
        self._watch = LiveWatch(self._client)
        self._clock = Drained(node, ClockMessage, "/clock")
        self._rosout = Drained(node, Log, "/rosout", profile=qos.STATE)
        self._recorder = Drained(node, EpisodeState, "recorder/state")
        self._approvals = Drained(node, ApprovalState, "approvals/state")
        self._descriptions: dict[str, Drained] = {}
        self._limits: dict[str, JointLimits | None] = {}
        self.urdfs: dict[str, str] = {}
        self._models: dict[str, str] = {}
        self._cameras: dict[str, Drained] = {}
        self._lines: deque[dict[str, str]] = deque(maxlen=LOG_LINES)
        self._factor = 1.0
        self._agent_names: list[str] = []
        self._agents_due = -math.inf

    def close(self) -> None:
        self._client.close()

    def look(self) -> dict[str, Any]:
        moment = self._watch.look()
        self._rosout.look(self._take_line)
        self._factor = moment.real_time_factor
        safety = moment.graph.safety
        return {
            "at": time.time(),
            "safety": None if safety is None else {
                "state": safety.state, "stop_id": safety.stop_id, "source": safety.source, "reason": safety.reason,
                "epoch": safety.arm_epoch, "rate": safety.rate,
            },
            "robots": [self._robot(robot) for robot in moment.graph.robots],
            "cameras": [{"name": name, "rate": rate} for name, rate in moment.cameras if self._is_published(name)],
            "refusals": [{"at": at, "robot": robot, "words": words} for at, robot, words in moment.refusals],
            "buttons": [{"name": name, "problem": problem} for name, problem in moment.buttons],
            "sim_time": moment.sim_time,
            "factor": moment.real_time_factor,
            "log": list(self._lines),
            "agents": self._agents(),
            "recorder": episode_words(self._said(self._recorder, 3.0)),
            "approvals": approval_words(self._said(self._approvals, 3.0)),
        }  # fmt: skip

    def pictures(self, cameras: frozenset[str]) -> list[Picture]:
        for name in self._cameras.keys() - cameras:
            self._cameras.pop(name).close()
        found = []
        for name in cameras:
            topic = self._cameras.get(name)
            if topic is None:
                if not self._is_published(name):
                    continue
                topic = Drained(self.node, CompressedImage, f"{name}/image_raw/compressed", depth=2)
                self._cameras[name] = topic
            if topic.look():
                found.append(
                    Picture(name, self._age(to_seconds(topic.message.header.stamp)), bytes(topic.message.data))
                )
        return found

    def _agents(self) -> list[str]:
        """Return the names of the agents of the graph, looked for now and then."""
        if time.monotonic() >= self._agents_due:
            self._agents_due = time.monotonic() + AGENTS_PERIOD
            scope, kind = scope_of(self.node), "strands_robots/action/PromptAgent"
            found = (scope.relative(name) for name, types in action_types(self._client).items() if kind in types)
            self._agent_names = sorted(name.removesuffix("/prompt") for name in found if name)
        return self._agent_names

    def _is_published(self, camera: str) -> bool:
        return bool(self.node.count_publishers(f"{camera}/image_raw/compressed"))

    def _age(self, stamp: float) -> float:
        """Return how long ago something was stamped in ROS time [s]."""
        self._clock.look()
        now = time.time()
        if self._clock.message is not None and time.monotonic() - self._clock.heard_at < SILENCE:
            passed = max(now - self._clock.source_time, 0.0) * min(self._factor, 1.0)
            return max(to_seconds(self._clock.message.clock) + passed - stamp, 0.0)
        return max(now - stamp, 0.0)

    def _said(self, topic: Drained, silence: float) -> Any:
        topic.look()
        return topic.message if time.monotonic() - topic.heard_at < silence else None

    def _robot(self, robot: RobotSnapshot) -> dict[str, Any]:
        limits = self._limits_of(robot.name)
        return {
            "name": robot.name, "is_heard": robot.is_heard, "is_latched": robot.is_latched, "reason": robot.latch_reason,
            "is_at_rest": robot.is_at_rest, "velocity": finite(robot.max_velocity), "holder": robot.lease_holder,
            "refused": robot.refused, "rate": robot.joint_rate, "model": self._models.get(robot.name, ""),
            "joints": [_joint(robot, i, limits) for i in range(len(robot.joint_names))],
        }  # fmt: skip

    def _limits_of(self, robot: str) -> JointLimits | None:
        """Return the limits that a robot's description states; looked at until it came, and again when it is said anew."""
        topic = self._descriptions.get(robot)
        if topic is None:
            topic = Drained(self.node, String, f"{robot}/robot_description", profile=qos.DESCRIPTION)
            self._descriptions[robot] = topic
        if topic.look():
            self.urdfs[robot] = topic.message.data
            self._models[robot] = hashlib.sha256(topic.message.data.encode()).hexdigest()[:8]
            try:
                self._limits[robot] = limits_from_urdf(topic.message.data)
            except ModelError:
                self._limits[robot] = None  # The bars then have no ends; what is wrong with it, the robot's node says.
        return self._limits.get(robot)

    def _take_line(self, line: Any) -> None:
        name = "/" + line.name.replace(".", "/")
        if line.level >= 20 and scope_of(self.node).relative(name) is not None:
            self._lines.append(
                {
                    "at": time.strftime("%H:%M:%S", time.localtime(line.stamp.sec)), "name": clip(line.name, 64),
                    "level": _LEVELS.get(line.level, "info"), "words": clip(line.msg, 400),
                }
            )  # fmt: skip


def _joint(robot: RobotSnapshot, i: int, limits: JointLimits | None) -> Mapping[str, Any]:
    name = robot.joint_names[i]
    column = limits.index.get(name) if limits is not None else None
    low, high = (
        (math.nan, math.nan) if limits is None or column is None else (limits.lower[column], limits.upper[column])
    )

    def at(values: tuple[float, ...]) -> float | None:
        return finite(values[i]) if i < len(values) else None

    return {
        "name": name, "position": at(robot.position), "velocity": at(robot.velocity), "effort": at(robot.effort),
        "low": finite(low), "high": finite(high),
    }  # fmt: skip
