"""Which robots of a simulated world are on the graph: they come with their topics and gate, and leave by their own word."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from strands_robots.control.gate import Gate
from strands_robots.control.loop import ControlLoop, RobotLoop
from strands_robots.core.futures import resolve
from strands_robots.nodes.sim.simulated_robot_topics import SimulatedRobotTopics
from strands_robots.ros.robot.safety_subscriber import SafetySubscriber
from strands_robots.sim.run.runtime import SimRuntime
from strands_robots.sim.world.world import World
from strands_robots.sim.world.world_robot import WorldRobot

PERIOD = 0.05
"""Time between two last words of a robot that leaves [s, steady time]."""
SHORTEST, LONGEST = 0.15, 2.0
"""How long they are repeated at least, and at most when safety_node goes on naming the robot [s, steady time]."""


@dataclass
class _Leaving:
    """A robot that was taken out of the world and tells safety_node so."""

    loop: RobotLoop
    since: float
    is_out: Future[None] = field(default_factory=Future)


class RobotRegistry:
    """The robots of the world with gate, topics and control loop.

    A robot that the world no longer has leaves in this order (docs/adr/0005): the control loop drops it and its gate
    retires; its last report is repeated until safety_node no longer names it; its topics go. Robots that are new come
    after that, so that one name is never two robots.

    Args:
        node: The node; its namespace is the graph's.
        world: The world.
        make_gate: Makes the gate of a new robot.
        make_ports: Makes its topics.

    Attributes:
        gates: The gates, those of robots that leave among them.
        ports: The topics of each robot.
    """

    def __init__(
        self,
        node: Node,
        world: World,
        make_gate: Callable[[WorldRobot], Gate],
        make_ports: Callable[[Gate], SimulatedRobotTopics],
    ) -> None:
        self.gates: list[Gate] = []
        self.ports: dict[str, SimulatedRobotTopics] = {}
        self._node = node
        self._world = world
        self._make_gate = make_gate
        self._make_ports = make_ports
        self._loops: dict[str, RobotLoop] = {}
        self._leaving: list[_Leaving] = []
        self._waiting: list[tuple[Future[None], Callable[[], None]]] = []
        self._enter()

    @property
    def loops(self) -> list[RobotLoop]:
        """The control loops of the robots that the world has, in its order."""
        return [self._loops[name] for name in self._world.robots if name in self._loops]

    def start(self, runtime: SimRuntime, safety: SafetySubscriber) -> None:
        """Follow the world from now on."""
        self._runtime, self._safety = runtime, safety
        self._timer = self._node.create_timer(PERIOD, self._turn, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._timer.cancel()

    def prune(self) -> None:
        """Drop robots that the world no longer has from the control loop; in the physics thread, with the change itself."""
        control = self._runtime.control
        gone = [loop for loop in control.robots if not self._is_there(loop)]
        if not gone:
            return
        control.set_robots([loop for loop in control.robots if self._is_there(loop)])
        for loop in gone:
            loop.gate.retire()
            loop.report(control.now())

    def follow(self, then: Callable[[], None]) -> Future[None]:
        """Bring topics and control loops into line with the world; in the executor's thread.

        Args:
            then: Called in the executor's thread when every robot that left is gone and every new one has its topics.
        """
        answer: Future[None] = Future()
        self._waiting.append((answer, then))
        self._turn()
        return answer

    def _is_there(self, loop: RobotLoop) -> bool:
        return self._world.robots.get(loop.robot.name) is loop.robot

    def _turn(self) -> None:
        now = time.monotonic()
        for name, loop in list(self._loops.items()):
            if not self._is_there(loop):
                del self._loops[name]
                self._leaving.append(_Leaving(loop, now, self._runtime.call(self.prune)))
        for leaving in list(self._leaving):
            self._part(leaving, now)
        if self._leaving:
            self._timer.reset()
            return
        self._timer.cancel()
        self._enter()
        self._runtime.call(self._take_over)
        waiting, self._waiting = self._waiting, []
        for answer, then in waiting:
            resolve(answer, then)

    def _part(self, leaving: _Leaving, now: float) -> None:
        """Say once more that the robot is gone, or close its topics when that is known."""
        if not leaving.is_out.done():
            return
        gate, name = leaving.loop.gate, leaving.loop.robot.name
        instant = self._runtime.now()
        leaving.loop.port.publish_gate(instant.ros, gate.report(instant))
        age, is_named = now - leaving.since, self._safety.is_named(name)
        if age < SHORTEST or (is_named and age < LONGEST):
            return
        if is_named:
            self._node.get_logger().error(
                f"safety_node still names '{name}', which was removed; it will stop the graph"
            )
        self._leaving.remove(leaving)
        self.gates.remove(gate)
        self.ports.pop(name).close()
        self._node.get_logger().info(f"robot '{name}' is gone")

    def _enter(self) -> None:
        for name, robot in self._world.robots.items():
            if name not in self._loops:
                gate = self._make_gate(robot)
                self.gates.append(gate)
                self.ports[name] = self._make_ports(gate)
                self._loops[name] = RobotLoop(robot, gate, self.ports[name])

    def _take_over(self) -> None:
        """Control the robots that there are; in the physics thread."""
        control: ControlLoop = self._runtime.control
        control.set_robots([loop for loop in self.loops if self._is_there(loop)])
        control.freeze(self._runtime.is_frozen)
