"""One simulated robot on the graph: what it says of its joints can have noise; its gate sees the true state."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from strands_robots.control.gate import Gate
from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import Instant
from strands_robots.ros.robot.robot_topics import Admit, RobotTopics, RobotTopicsConfig
from strands_robots.sim.world.sensor_noise import JointNoise
from strands_robots.sim.world.world import World


class SimulatedRobotTopics(RobotTopics):
    """Topics of one robot of a world; see `RobotTopics`."""

    def __init__(
        self, node: Node, gate: Gate, admit: Admit, now: Callable[[], Instant], description: str, config: RobotTopicsConfig,
        world: World,
    ) -> None:  # fmt: skip
        super().__init__(node, gate, admit, now, description, config)
        self._noise = JointNoise(world, gate.config.robot)

    def observe(self, stamp: float, position: FloatArray, velocity: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return measurements (D,) at `stamp` [s, ROS time] as the robot says them."""
        return self._noise.apply(stamp, position, velocity)

    def publish_state(self, stamp: float, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """See `RobotTopics`."""
        super().publish_state(stamp, *self.observe(stamp, position, velocity), effort)
