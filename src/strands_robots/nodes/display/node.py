"""gate_marker_node: the state of every robot's gate as a text above the robot, for RViz."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from strands_robots.msg import GateState
from visualization_msgs.msg import Marker, MarkerArray

from strands_robots.description.robot_spec import robot_spec
from strands_robots.nodes.display.gate_text import GateText, gate_text, silent_text
from strands_robots.ros.messages import qos
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters
from strands_robots.ros.robot.robot_discovery import RobotDiscovery

PERIOD = 0.2
"""Time between two looks at what has changed [s, steady time]."""

SILENCE = 1.0
"""A robot whose gate says nothing for this long is not heard [s, steady time]."""

HEIGHT = 0.04
"""Height of the letters [m]."""


@dataclass(frozen=True)
class GateMarkerParameters:
    """Parameters of gate_marker_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")
    robots: tuple[str, ...] = parameter(
        ("so101=so101",), "Robots as sim_node has them, '<name>=<robot>'; the text stands in the frame of their bases."
    )
    height: float = parameter(0.9, "How far above the robot's base the text is [m].", minimum=0.0, maximum=10.0)


class GateMarkerNode(Node):
    """Publishes gate_markers when a text changes, and keeps it for who comes later."""

    def __init__(self) -> None:
        super().__init__("gate_marker_node")
        given = read_parameters(self, GateMarkerParameters)
        specs = [robot_spec(text, i, 1.0) for i, text in enumerate(given.robots)]
        self._frames = {spec.name: f"{spec.name}/{spec.config.base_frame}" for spec in specs}
        self._height = given.height
        self._heard: dict[str, tuple[float, GateText]] = {}
        self._shown: dict[str, GateText] = {}
        self._publisher = self.create_publisher(MarkerArray, "gate_markers", qos.DESCRIPTION)
        RobotDiscovery(self, self._frames, self._on_gate)
        self.create_timer(PERIOD, self._show, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_gate(self, state: GateState) -> None:
        text = gate_text(
            state.robot,
            is_latched=state.latched,
            latch_reason=state.latch_reason,
            lease_holder=state.lease_holder,
            is_playing=state.playing,
            is_at_rest=state.at_rest,
            refused=sum(entry.count for entry in state.refusals),
        )
        self._heard[state.robot] = (time.monotonic(), text)

    def _show(self) -> None:
        now = time.monotonic()
        wanted = {
            robot: text if now - moment < SILENCE else silent_text(robot)
            for robot, (moment, text) in self._heard.items()
        }
        if wanted == self._shown:
            return
        self._shown = wanted
        self._publisher.publish(
            MarkerArray(markers=[self._marker(i, *item) for i, item in enumerate(sorted(wanted.items()))])
        )

    def _marker(self, number: int, robot: str, shown: GateText) -> Marker:
        marker = Marker(ns="gate", id=number, type=Marker.TEXT_VIEW_FACING, action=Marker.ADD, text=shown.text)
        # A robot that joined later has no configuration here: its text stands in the world, one above the other.
        marker.header.frame_id = self._frames.get(robot, "world")
        marker.pose.position.z = self._height if robot in self._frames else self._height + 0.1 * (1 + number)
        marker.pose.orientation.w = 1.0
        marker.scale.z = HEIGHT
        marker.color.r, marker.color.g, marker.color.b = shown.colour
        marker.color.a = 1.0
        marker.frame_locked = True
        return marker


def main() -> int:
    """Run gate_marker_node until a signal."""
    return run_node(GateMarkerNode)


if __name__ == "__main__":
    raise SystemExit(main())
