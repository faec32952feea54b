"""The topics of a recording: their messages as samples of a sampler. Made and closed by the executor's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, JointState
from strands_robots.msg import JointCommand, TeleopState

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError, StrandsRobotsError
from strands_robots.dataset.schema import CameraPart, RobotPart, Schema
from strands_robots.recording.sampler import CommandSample, JointSample, command_topic, image_topic, state_topic
from strands_robots.recording.stream import SECOND, Stream
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.images import depth_from_msg, rgb_from_msg

JOINT_DEPTH = 500
IMAGE_DEPTH = 30
"""Messages that wait for the executor, where time passes by itself."""

_UNSUPPORTED = 2**63
"""Sequence numbers from here on mean that the middleware gives none."""


class RecordingSubscriber:
    """Subscribes to everything that a schema names.

    Args:
        node: The node; its namespace is the graph's.
        schema: What is recorded.
        streams: Where samples go, by topic.
        is_lockstep: True for a world that waits for its readers: then no message is ever dropped here.
        on_sample: Called after each sample.
        on_leader: Takes the source of a hand whose leader was heard alive.
    """

    def __init__(
        self, node: Node, schema: Schema, streams: dict[str, Stream], is_lockstep: bool, on_sample: Callable[[], None],
        on_leader: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._node = node
        self._on_sample = on_sample
        self._on_leader = on_leader
        self._is_lockstep = is_lockstep
        self._subscriptions: list[Any] = []
        for robot in schema.robots:
            order = _Order(robot)
            self._listen(JointState, state_topic(robot.name), streams, self._joint_taker(order), JOINT_DEPTH)
            self._subscriptions.append(
                node.create_subscription(TeleopState, f"{robot.name}/teleop/state", self._on_teleop, qos.STATE)
            )
            self._listen(JointCommand, command_topic(robot.name), streams, self._command_taker(order), JOINT_DEPTH)
        for camera in schema.cameras:
            self._listen(Image, image_topic(camera.name), streams, self._image_taker(camera), IMAGE_DEPTH)

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def _on_teleop(self, message: TeleopState) -> None:
        """Note a hand whose leader is read: when it is silent, the person has let go of the robot."""
        if message.input_rate > 0.0:
            self._on_leader(message.source)

    def _listen(
        self, kind: Any, topic: str, streams: dict[str, Stream], convert: Callable[[Any], Any], depth: int
    ) -> None:
        stream = streams[topic]

        def take(message: Any, info: Any) -> None:
            try:
                payload = convert(message)
            except StrandsRobotsError as error:
                self._node.get_logger().warning(f"{topic}: message dropped: {error}", throttle_duration_sec=5.0)
                return
            sequence = info.get("publication_sequence_number") or 0
            stamp = message.header.stamp
            stream.push(stamp.sec * SECOND + stamp.nanosec, payload, 0 if sequence >= _UNSUPPORTED else sequence)
            self._on_sample()

        self._subscriptions.append(self._node.create_subscription(kind, topic, take, self._profile(topic, depth)))

    def _profile(self, topic: str, depth: int) -> QoSProfile:
        """Return a reliable reader's profile, unless a publisher is not: then they would not match."""
        publishers = self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(topic))
        is_reliable = all(p.qos_profile.reliability is not ReliabilityPolicy.BEST_EFFORT for p in publishers)
        return QoSProfile(
            history=HistoryPolicy.KEEP_ALL if self._is_lockstep else HistoryPolicy.KEEP_LAST,
            depth=depth,
            reliability=ReliabilityPolicy.RELIABLE if is_reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.VOLATILE,
        )

    @staticmethod
    def _joint_taker(order: _Order) -> Callable[[JointState], JointSample]:
        def convert(message: JointState) -> JointSample:
            index = order.of(message.name)
            return JointSample(
                order.pick(message.position, index, "position"),
                order.pick(message.velocity, index, "velocity") if len(message.velocity) else order.unknown,
                order.pick(message.effort, index, "effort") if len(message.effort) else order.unknown,
            )

        return convert

    @staticmethod
    def _command_taker(order: _Order) -> Callable[[JointCommand], CommandSample]:
        def convert(message: JointCommand) -> CommandSample:
            return CommandSample(order.pick(message.values, order.of(message.joint_names), "values"), message.source)

        return convert

    @staticmethod
    def _image_taker(camera: CameraPart) -> Callable[[Image], Any]:
        def convert(message: Image) -> Any:
            if (message.height, message.width) != (camera.height, camera.width):
                raise ShapeError(
                    f"picture of {message.width}x{message.height}; the dataset has {camera.width}x{camera.height}"
                )
            return depth_from_msg(message) if camera.is_depth else rgb_from_msg(message)

        return convert


class _Order:
    """The schema's order of a robot's joints, for messages in any order."""

    def __init__(self, robot: RobotPart) -> None:
        self._names = robot.codec.names
        self._known: tuple[str, ...] = ()
        self._index: list[int] = []
        self.unknown: FloatArray = np.full(len(self._names), np.nan)

    def of(self, names: Any) -> list[int]:
        """Return where each joint is in a message.

        Raises:
            ShapeError: If one is missing.
        """
        given = tuple(names)
        if given != self._known:
            missing = [name for name in self._names if name not in given]
            if missing:
                raise ShapeError(f"joints {', '.join(missing)} are missing; given: {', '.join(given) or 'none'}")
            self._known, self._index = given, [given.index(name) for name in self._names]
        return self._index

    def pick(self, values: Any, index: list[int], what: str) -> FloatArray:
        """Return the joints' values in the schema's order."""
        array = np.array(values, dtype=np.float64)
        if len(array) != len(self._known):
            raise ShapeError(f"{what} has {len(array)} values for {len(self._known)} joints")
        return array[index]
