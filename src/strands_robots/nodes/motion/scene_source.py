"""What stands around each robot: the simulated world's shapes, and what <robot>/planning_scene says."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from rclpy.node import Node
from strands_robots.msg import PlanningScene

from strands_robots.core.errors import MotionError, StrandsRobotsError, WorldError
from strands_robots.motion.task import RobotKinematics
from strands_robots.planning.surroundings import Surroundings
from strands_robots.ros.goals.world_client import WorldClient, WorldClients
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.planning_messages import surroundings_from_msg


class SceneSource:
    """Hears scenes and asks the world. `listen` is for the executor's thread, `look` for the goals' threads.

    Args:
        node: The node; its namespace is the graph's.
        robots: The robots that are known, by name.
        world: The world's services.
        is_simulated: The robots are a simulated world's: without its answer there is no scene.
    """

    def __init__(
        self, node: Node, robots: Mapping[str, RobotKinematics], world: WorldClients, *, is_simulated: bool
    ) -> None:
        self._node = node
        self._robots = robots
        self._world = world
        self._is_simulated = is_simulated
        self._lock = threading.Lock()
        self._heard: dict[str, Surroundings | MotionError] = {}
        self._subscriptions: dict[str, object] = {}
        for name in robots:
            self.listen(name)

    def listen(self, robot: str) -> None:
        """Hear <robot>/planning_scene from now on."""
        if robot in self._subscriptions:
            return

        def take(message: PlanningScene) -> None:
            self._take(robot, message)

        self._subscriptions[robot] = self._node.create_subscription(
            PlanningScene, f"{robot}/planning_scene", take, qos.DESCRIPTION
        )

    def look(self, robot: str) -> Surroundings:
        """Return what stands around a robot now; waits for the world.

        Raises:
            MotionError: "world_failed" if the simulated world does not answer, "invalid_goal" if nothing is known of a real robot's
                surroundings, or the last scene was not valid.
        """
        with self._lock:
            heard = self._heard.get(robot)
        if isinstance(heard, MotionError):
            raise heard
        kinematics = self._robots[robot]
        client = WorldClient(self._world, robot, lambda: None)
        if self._is_simulated or client.has_world():
            try:
                shapes = client.surroundings(kinematics.config.base_frame, kinematics.arm.ground)
            except WorldError as error:
                raise MotionError("world_failed", str(error)) from error
            return shapes if heard is None else shapes.joined(heard)
        if heard is None:
            raise MotionError(
                "invalid_goal",
                f"nothing is known of what stands around '{robot}'; valid: a message on {robot}/planning_scene, an empty one "
                "for nothing",
            )
        return heard

    def _take(self, robot: str, message: PlanningScene) -> None:
        base = self._robots[robot].config.base_frame
        try:
            heard: Surroundings | MotionError = surroundings_from_msg(message, ("", base, f"{robot}/{base}"))
        except StrandsRobotsError as error:
            # Kept, not dropped: planning with the scene before it would be planning with what is no longer there.
            heard = MotionError("invalid_goal", f"the last message on {robot}/planning_scene is not valid: {error}")
            self._node.get_logger().warning(str(heard))
        with self._lock:
            self._heard[robot] = heard
