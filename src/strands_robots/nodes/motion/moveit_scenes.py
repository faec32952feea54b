"""Hears the scenes of MoveIt, where moveit_msgs is installed: full ones and differences, from move_group or from what sees."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from strands_robots.core.errors import ConfigurationError, MotionError
from strands_robots.core.pose import Pose
from strands_robots.motion.task import RobotKinematics
from strands_robots.planning.moveit.moveit_scene import MoveItScene
from strands_robots.planning.moveit.static_frames import static_frames
from strands_robots.planning.surroundings import Surroundings
from strands_robots.ros.messages.moveit_scene_messages import updated_scene

MONITORED, RAW = "monitored_planning_scene", "planning_scene"
"""Topics of move_group's own scene, and of what perception sends to move_group."""

QOS = QoSProfile(depth=100)
"""Reliable, and as many as MoveIt keeps: a difference that is lost is an obstacle that is not known."""

Keep = Callable[[str, str, Surroundings | MotionError], None]


class MoveItScenes:
    """Follows MoveIt's scene of each robot. For the executor's thread.

    `<robot>/monitored_planning_scene` is heard for every robot. A graph of one robot also hears both of MoveIt's topics in its own
    namespace: there it is clear which robot a scene is about.

    Args:
        node: The node; its namespace is the graph's.
        robots: The robots that are known, by name.
        keep: Takes what stands around a robot, or why that is not known, with the topic.
    """

    def __init__(self, node: Node, robots: Mapping[str, RobotKinematics], keep: Keep) -> None:
        self._node, self._robots, self._keep = node, robots, keep
        self._kind = importlib.import_module("moveit_msgs.msg").PlanningScene
        self._scenes: dict[str, MoveItScene] = {}
        self._frames: dict[str, dict[str, Pose]] = {}
        self._words: dict[str, str] = {}

    def listen(self, robot: str) -> list[object]:
        """Hear a robot's scene from now on; return the subscriptions."""
        self._frames[robot] = static_frames(self._robots[robot].arm)
        topics = [f"{robot}/{MONITORED}"]
        if len(self._robots) == 1:
            topics += [MONITORED, RAW]
        return [self._hear(robot, topic) for topic in topics]

    def _hear(self, robot: str, topic: str) -> object:
        def take(message: Any) -> None:
            self._take(robot, topic, message)

        return self._node.create_subscription(self._kind, topic, take, QOS)

    def _take(self, robot: str, topic: str, message: Any) -> None:
        """Change the robot's scene, which is one for all topics: move_group tells again what it was told."""
        scene = updated_scene(self._scenes.get(robot, MoveItScene()), message, self._frames[robot], robot)
        self._scenes[robot] = scene
        try:
            heard: Surroundings | MotionError = scene.surroundings(self._robots[robot].arm.links)
            words = ""
        except ConfigurationError as error:
            words = f"MoveIt's scene of '{robot}' is not valid: {error}"
            heard = MotionError("invalid_goal", words)
        if words and words != self._words.get(robot):
            self._node.get_logger().warning(f"{topic}: {words}")
        self._words[robot] = words
        self._keep(robot, "moveit", heard)
