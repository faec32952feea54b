"""One robot as a policy sees it: what is heard of it while a goal runs, and where its chunks go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import String
from strands_robots.action import RunPolicy

from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.types import Instant
from strands_robots.description.urdf_limits import limits_from_urdf
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason
from strands_robots.ros.goals.robot_subscriber import RobotSubscriber
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.images import rgb_from_msg
from strands_robots.ros.messages.stamps import to_seconds
from strands_robots.ros.robot.robot_discovery import camera_path


class PolicyRobot:
    """Feeds a session from the robot's topics and publishes its chunks. Made and closed by the executor's thread.

    Args:
        node: The node; its namespace is the graph's.
        session: The session to feed.
        goal: The goal, for feedback; None for a policy that is only loaded.
    """

    def __init__(self, node: Node, session: PolicySession, goal: ServerGoalHandle | None) -> None:
        self._node = node
        self._session = session
        self._goal = goal
        self._cameras: set[str] = set()
        self._pictures: list[Any] = []
        self._is_closed = False
        robot = session.goal.robot
        self._feed = RobotSubscriber(node, robot, session, lockstep=session.goal.lockstep)
        self._description = node.create_subscription(
            String, f"{robot}/robot_description", self._on_description, qos.DESCRIPTION
        )

    def now(self) -> Instant:
        """Return the present, see `RobotSubscriber.now`."""
        return self._feed.now()

    def send(self, chunk: Chunk, latency: float) -> None:
        """Publish a chunk that took `latency` [s] to infer."""
        self._feed.send(chunk, latency)

    def is_connected(self) -> bool:
        """Return whether a robot node listens to the chunks."""
        return self._feed.is_connected()

    def open_cameras(self, cameras: Iterable[str]) -> None:
        """Listen to cameras of the robot or the world; may be called from any thread, the executor's does it."""
        names = [name for name in cameras if name not in self._cameras]
        self._cameras.update(names)
        executor = self._node.executor
        if executor is not None:
            executor.create_task(lambda: self._subscribe(names))
            executor.wake()

    def report_progress(self) -> None:
        """Publish the action's feedback."""
        if self._goal is None:
            return
        run, now = self._session.run, self.now()
        with self._session.changed:
            feedback = RunPolicy.Feedback(
                elapsed=run.elapsed(now), steps=run.steps(now), chunks=run.chunks, inference_latency=run.last_latency,
                observation_age=run.last_age,
            )  # fmt: skip
        self._goal.publish_feedback(feedback)

    def close(self) -> None:
        """Stop listening."""
        self._feed.close()
        self._is_closed = True
        for subscription in (self._description, *self._pictures):
            self._node.destroy_subscription(subscription)

    def _subscribe(self, cameras: list[str]) -> None:
        if self._is_closed:
            return
        robot = self._session.goal.robot
        self._pictures += [
            self._node.create_subscription(
                Image,
                f"{camera_path(robot, camera)}/image_raw",
                lambda message, name=camera: self._on_image(name, message),
                qos.IMAGE_READER,
            )
            for camera in cameras
        ]

    def _on_image(self, camera: str, message: Image) -> None:
        try:
            self._session.on_picture(camera, to_seconds(message.header.stamp), rgb_from_msg(message))
        except StrandsRobotsError as error:
            self._session.end(RunReason.OBSERVATION_LOST, f"picture of '{camera}': {error}")

    def _on_description(self, message: String) -> None:
        try:
            self._session.on_limits(limits_from_urdf(message.data))
        except StrandsRobotsError as error:
            self._node.get_logger().warning(f"limits of '{self._session.goal.robot}' are not known: {error}")
