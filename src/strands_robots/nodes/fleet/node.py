"""fleet_node: the one door between a graph and its fleet. The graph's own topics never leave its machine."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from strands_robots.audit.event import Durability
from strands_robots.clients.spun_client import SpunClient
from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.break_glass import used_markers
from strands_robots.fleet.member_folder import MemberFolder
from strands_robots.fleet.refusal import FleetRefusedError
from strands_robots.fleet.robot_member import RobotMember
from strands_robots.nodes.fleet.fleet_goals import FleetGoals
from strands_robots.nodes.fleet.ros_graph import RosGraph
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters

TICK = 0.1
_LASTING = 5
"""A problem of a transport is said once it was there this many seconds."""


@dataclass(frozen=True)
class FleetParameters:
    """Parameters of fleet_node."""

    run_id: str = parameter("", "run of the graph, from bringup; only recorded")
    folder: str = parameter("", "folder of the enrolled member (strands-robots fleet accept)")


class FleetNode(Node):
    """Wires one graph to its fleet. It stops the graph when it starts: stops that were given before are not known."""

    def __init__(self) -> None:
        super().__init__("fleet_node")
        parameters = read_parameters(self, FleetParameters)
        if not parameters.folder:
            raise ConfigurationError("folder is empty; valid: the folder of an enrolled member")
        member = MemberFolder(Path(parameters.folder))
        channel = member.channel()
        if not channel.me.is_robot:
            raise ConfigurationError(f"'{member.name}' is {channel.me.kind.value}; valid: a robot or sim")
        self._audit = audit_of(self)
        self._channel = channel
        self._transport = member.transport()
        # Goals have a client of their own: this node's executor must not wait for a permit.
        self._client = SpunClient(self.get_namespace())
        self._goals = FleetGoals(self._client, uuid.uuid4().hex)
        graph = RosGraph(self, self._goals)
        self._robot = RobotMember(
            channel,
            self._transport,
            graph,
            on_refusal=self._on_refusal,
            folder=member.folder,
            pictures=member.pictures(),
            on_picture=self._on_picture,
        )
        details = {"member": member.name, "roster": channel.roster.version, "session": self._robot.session}
        details["break_glass"] = used_markers(member.folder)
        self._audit.record("fleet_joined", details, durability=Durability.NOW)
        # A thread and not a timer: a service call that the executor runs must not keep a beacon back.
        self._ending = threading.Event()
        self._unlinked = 0
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)
        self._thread.start()
        self.create_timer(1.0, self._flush, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy_node(self) -> None:
        """Leave the fleet, then the graph."""
        self._ending.set()
        self._thread.join(0.5)
        self._goals.close()
        self._robot.close()
        self._transport.close()
        self._client.close()
        self._audit.close()
        super().destroy_node()

    def _run(self) -> None:
        saved = time.monotonic()
        while not self._ending.wait(TICK):
            self._robot.tick()
            if time.monotonic() - saved > 1.0:
                saved = time.monotonic()
                self._channel.numbers.save()

    def _on_refusal(self, error: FleetRefusedError) -> None:
        text = f"fleet message refused ({error.refusal.value}): {clip(str(error), 256)}"
        self.get_logger().warning(text, throttle_duration_sec=1.0)

    def _on_picture(self, operator: str, camera: str, sha256: str) -> None:
        self._audit.record("fleet_picture", {"camera": camera, "sha256": sha256}, actor=f"fleet/{operator}")

    def _flush(self) -> None:
        if not self._thread.is_alive() and not self._ending.is_set():
            raise RuntimeError("the thread that sends beacons has ended")
        self._watch_transport()
        if self._robot.renewal_problem:
            self.get_logger().warning(self._robot.renewal_problem, throttle_duration_sec=60.0)
        for (refusal, sender), count in self._channel.take_refusals().items():
            details = {"refusal": refusal, "sender": sender, "count": count}
            self._audit.record("fleet_refused", details, actor=f"fleet/{sender}")

    def _watch_transport(self) -> None:
        """Say what keeps messages, stops among them, from this robot, once it has lasted; a link comes back by itself."""
        problem = self._transport.problem
        self._unlinked = self._unlinked + 1 if problem else 0
        if self._unlinked >= _LASTING:
            self.get_logger().warning(f"fleet: {clip(problem, 512)}", throttle_duration_sec=60.0)


def main() -> int:
    """Run fleet_node until a signal."""
    return run_node(FleetNode, is_critical=True)
