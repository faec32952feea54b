"""Arrays as geometry_msgs, and back. Quaternions are xyzw."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import Point, Pose, Quaternion, Twist, Vector3, Wrench

from strands_robots.core.arrays import FloatArray

Triple = tuple[float, float, float]


def to_point(values: FloatArray) -> Point:
    """Return (3,) as a point."""
    x, y, z = values.tolist()
    return Point(x=x, y=y, z=z)


def to_vector(values: FloatArray) -> Vector3:
    """Return (3,) as a vector."""
    x, y, z = values.tolist()
    return Vector3(x=x, y=y, z=z)


def to_pose(position: FloatArray, quaternion: FloatArray) -> Pose:
    """Return origin (3,) and rotation (4,) as a pose."""
    x, y, z, w = quaternion.tolist()
    return Pose(position=to_point(position), orientation=Quaternion(x=x, y=y, z=z, w=w))


def to_twist(linear: FloatArray, angular: FloatArray) -> Twist:
    """Return two (3,) as a twist."""
    return Twist(linear=to_vector(linear), angular=to_vector(angular))


def to_wrench(force: FloatArray, torque: FloatArray) -> Wrench:
    """Return two (3,) as a wrench."""
    return Wrench(force=to_vector(force), torque=to_vector(torque))


def triple(message: Any) -> Triple:
    """Return a point or vector as numbers."""
    return (message.x, message.y, message.z)


def quadruple(message: Quaternion) -> tuple[float, float, float, float]:
    """Return a quaternion as numbers, xyzw."""
    return (message.x, message.y, message.z, message.w)
