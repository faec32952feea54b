"""/tf and /tf_static, where tf2_msgs is installed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node

from strands_robots.ros import qos
from strands_robots.ros.publishers import create_publisher
from strands_robots.ros.stamps import fill_time
from strands_robots.types import FloatArray

Pose = tuple[str, str, Sequence[float], Sequence[float]]
"""Frame, parent frame, origin in the parent [m], rotation in the parent as xyzw."""


def has_transforms() -> bool:
    """Return whether tf2_msgs is installed."""
    return find_spec("tf2_msgs") is not None


class TransformPort:
    """Publisher of the moving frames; the message is reused. Needs tf2_msgs.

    Args:
        node: The node.
        frames: (frame, parent frame) of each moving frame.
        fixed: Frames that never move, said once.
    """

    def __init__(self, node: Node, frames: Iterable[tuple[str, str]], fixed: Iterable[Pose]) -> None:
        from tf2_msgs.msg import TFMessage

        self._message: Any = TFMessage(transforms=[_transform(name, parent) for name, parent in frames])
        self._publisher = create_publisher(node, TFMessage, "/tf", qos.STATE)
        self._static_publisher = create_publisher(node, TFMessage, "/tf_static", qos.DESCRIPTION)
        static = []
        for name, parent, position, quaternion in fixed:
            transform = _transform(name, parent)
            _set(transform, position, quaternion)
            static.append(transform)
        self._static_publisher.publish(TFMessage(transforms=static))

    def is_wanted(self) -> bool:
        """Return whether anybody listens."""
        return bool(self._publisher.get_subscription_count())

    def publish(self, stamp: float, positions: FloatArray, quaternions: FloatArray) -> None:
        """Publish every moving frame at `stamp` [s, ROS time].

        Args:
            stamp: Time [s].
            positions: Origins in the parents (N, 3) [m].
            quaternions: Rotations in the parents (N, 4), xyzw.
        """
        for transform, position, quaternion in zip(self._message.transforms, positions.tolist(), quaternions.tolist()):
            fill_time(transform.header.stamp, stamp)
            _set(transform, position, quaternion)
        self._publisher.publish(self._message)


def _transform(name: str, parent: str) -> TransformStamped:
    message = TransformStamped(child_frame_id=name)
    message.header.frame_id = parent
    return message


def _set(message: TransformStamped, position: Sequence[float], quaternion: Sequence[float]) -> None:
    translation, rotation = message.transform.translation, message.transform.rotation
    translation.x, translation.y, translation.z = position
    rotation.x, rotation.y, rotation.z, rotation.w = quaternion
