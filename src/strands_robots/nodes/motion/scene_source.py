"""What stands around each robot: the simulated world's shapes, and what is heard on <robot>/planning_scene, from sensors and MoveIt."""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import PointCloud2
from strands_robots.msg import PlanningScene

from strands_robots.core.errors import MotionError, StrandsRobotsError, WorldError
from strands_robots.motion.task import RobotKinematics
from strands_robots.nodes.motion.moveit_scenes import MoveItScenes
from strands_robots.nodes.motion.scene_markers import SceneMarkers
from strands_robots.planning.group_job import GroupPlace
from strands_robots.planning.surroundings import Surroundings, WorldRobot
from strands_robots.ros.goals.world_client import WorldClient, WorldClients
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.planning_messages import (
    surroundings_from_cloud,
    surroundings_from_msg,
    surroundings_from_octomap,
)

SCENE, CLOUD, OCTOMAP = "planning_scene", "planning_cloud", "octomap_binary"
"""Topics of a robot, below its name."""

Read = Callable[[Any, Sequence[str]], Surroundings]


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
        self._heard: dict[str, dict[str, Surroundings | MotionError]] = {}
        self._subscriptions: dict[str, list[object]] = {}
        self._markers = SceneMarkers(node)
        self._topics: list[tuple[str, Any, Any, Read]] = [
            (SCENE, PlanningScene, qos.DESCRIPTION, surroundings_from_msg),
            (CLOUD, PointCloud2, qos.IMAGE_READER, surroundings_from_cloud),
        ]
        if importlib.util.find_spec("octomap_msgs") is not None:
            octomap = importlib.import_module("octomap_msgs.msg").Octomap
            self._topics.append((OCTOMAP, octomap, qos.DESCRIPTION, surroundings_from_octomap))
        is_there = importlib.util.find_spec("moveit_msgs") is not None
        self._moveit = MoveItScenes(node, robots, self._keep) if is_there else None
        for name in robots:
            self.listen(name)

    def listen(self, robot: str) -> None:
        """Hear a robot's scene, cloud and octree, and MoveIt's scene, from now on."""
        if robot not in self._subscriptions:
            self._subscriptions[robot] = [self._hear(robot, *topic) for topic in self._topics]
            if self._moveit is not None:
                self._subscriptions[robot] += self._moveit.listen(robot)

    def look(self, robot: str) -> Surroundings:
        """Return what stands around a robot now; waits for the world.

        Raises:
            MotionError: "world_failed" if the simulated world does not answer, "invalid_goal" if nothing is known of a real robot's
                surroundings, or the last message of a source was not valid.
        """
        parts = self._told(robot)
        kinematics = self._robots[robot]
        client = WorldClient(self._world, robot, lambda: None)
        if self._is_simulated or client.has_world():
            try:
                parts.insert(0, client.surroundings(kinematics.config.base_frame, kinematics.arm.ground))
            except WorldError as error:
                raise MotionError("world_failed", str(error)) from error
        if not parts:
            raise MotionError(
                "invalid_goal",
                f"nothing is known of what stands around '{robot}'; valid: a message on {robot}/{SCENE}, an empty one for nothing, or a "
                f"cloud on {robot}/{CLOUD}",
            )
        return reduce(Surroundings.joined, parts)

    def look_together(self, robots: Sequence[str]) -> GroupPlace:
        """Return where some robots of the simulated world stand, and what stands around them; waits for the world.

        Raises:
            MotionError: "world_failed" if the world does not answer; "invalid_goal" if there is none, or the last message of a source
                was not valid.
        """
        client = WorldClient(self._world, robots[0], lambda: None)
        if not (self._is_simulated or client.has_world()):
            raise MotionError(
                "invalid_goal",
                f"where {', '.join(robots)} stand from each other is not known here; valid: robots of one simulated world",
            )
        arms = [self._robots[name].arm for name in robots]
        places = [WorldRobot(arm.name, arm.config.base_frame, arm.ground) for arm in arms]
        try:
            around, bases = client.group_surroundings(places)
        except WorldError as error:
            raise MotionError("world_failed", str(error)) from error
        told = [part.of_robot(name, base) for name, base in zip(robots, bases) for part in self._told(name)]
        return GroupPlace(tuple(robots), bases, reduce(Surroundings.joined, told, around))

    def _told(self, robot: str) -> list[Surroundings]:
        """Return what the robot's own sources said last; raises MotionError where one of them was not valid."""
        with self._lock:
            heard = list(self._heard.get(robot, {}).values())
        for each in heard:
            if isinstance(each, MotionError):
                raise each
        return [each for each in heard if isinstance(each, Surroundings)]

    def _hear(self, robot: str, topic: str, kind: Any, profile: Any, read: Read) -> object:
        def take(message: Any) -> None:
            self._take(robot, topic, message, read)

        return self._node.create_subscription(kind, f"{robot}/{topic}", take, profile)

    def _take(self, robot: str, topic: str, message: Any, read: Read) -> None:
        base = self._robots[robot].config.base_frame
        try:
            heard: Surroundings | MotionError = read(message, ("", base, f"{robot}/{base}"))
        except StrandsRobotsError as error:
            # Kept, not dropped: planning with what was there before it would be planning with what is no longer there.
            heard = MotionError("invalid_goal", f"the last message on {robot}/{topic} is not valid: {error}")
            self._node.get_logger().warning(str(heard))
        self._keep(robot, topic, heard)

    def _keep(self, robot: str, topic: str, heard: Surroundings | MotionError) -> None:
        with self._lock:
            known = self._heard.setdefault(robot, {})
            known[topic] = heard
        base = self._robots[robot].config.base_frame
        self._markers.show(robot, base, [part for part in known.values() if isinstance(part, Surroundings)])
