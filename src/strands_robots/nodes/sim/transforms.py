"""/tf and /tf_static, where tf2_msgs is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node

from strands_robots.ros.calls.publishers import create_publisher
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import fill_time
from strands_robots.sim.query.frames import FrameTree
from strands_robots.sim.scene.description_frames import description_frames
from strands_robots.sim.world.world import World

Pose = tuple[str, str, Sequence[float], Sequence[float]]
"""Frame, parent frame, origin in the parent [m], rotation in the parent as xyzw."""


def has_transforms() -> bool:
    """Return whether tf2_msgs is installed."""
    return find_spec("tf2_msgs") is not None


class WorldTransforms:
    """Frames of a simulated world: links, objects and cameras. The messages are reused. Needs tf2_msgs.

    Frames that cannot move are said once on /tf_static, and again when the world was changed.

    Args:
        node: The node.
        world: The world.
    """

    def __init__(self, node: Node, world: World) -> None:
        from tf2_msgs.msg import TFMessage

        self._kind = TFMessage
        self._world = world
        self._publisher = create_publisher(node, TFMessage, "/tf", qos.STATE)
        self._static_publisher = create_publisher(node, TFMessage, "/tf_static", qos.DESCRIPTION)
        self._frames: FrameTree
        self._message: Any
        self.follow()()

    def follow(self) -> Callable[[], None]:
        """Say where the fixed frames are now; in the executor's thread, after the world was changed.

        Returns:
            What the physics thread is to call between two steps; then the moving ones follow as well.
        """
        with self._world.lock:
            frames = FrameTree(self._world)
            fixed = [
                (frame.name, frame.parent, position, quaternion)
                for frame, position, quaternion in zip(frames.fixed, *(part.tolist() for part in frames.fixed_poses()))
            ]
            cameras = [camera for camera in self._world.cameras.values() if camera.is_fixed]
            known = {frame.name for frame in (*frames.frames, *frames.fixed)} | {each.frame_id for each in cameras}
            links = description_frames(self._world, known)
        optical = [(each.frame_id, each.parent_frame, each.position, each.quaternion_xyzw) for each in cameras]
        self._static_publisher.publish(self._kind(transforms=_transforms([*fixed, *links, *optical])))
        message = self._kind(transforms=[_transform(frame.name, frame.parent) for frame in frames.frames])

        def take_over() -> None:
            self._frames, self._message = frames, message

        return take_over

    def publish(self, stamp: float) -> None:
        """Publish where every moving frame is at `stamp` [s, ROS time], if there is a listener; in the physics thread."""
        if not self._publisher.get_subscription_count():
            return
        self._frames.read()
        positions, quaternions = self._frames.positions.tolist(), self._frames.quaternions.tolist()
        for transform, position, quaternion in zip(self._message.transforms, positions, quaternions):
            fill_time(transform.header.stamp, stamp)
            _set(transform, position, quaternion)
        self._publisher.publish(self._message)


def _transforms(poses: Iterable[Pose]) -> list[TransformStamped]:
    messages = []
    for name, parent, position, quaternion in poses:
        message = _transform(name, parent)
        _set(message, position, quaternion)
        messages.append(message)
    return messages


def _transform(name: str, parent: str) -> TransformStamped:
    message = TransformStamped(child_frame_id=name)
    message.header.frame_id = parent
    return message


def _set(message: TransformStamped, position: Sequence[float], quaternion: Sequence[float]) -> None:
    translation, rotation = message.transform.translation, message.transform.rotation
    translation.x, translation.y, translation.z = position
    rotation.x, rotation.y, rotation.z, rotation.w = quaternion
