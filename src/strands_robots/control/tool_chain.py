"""Where the tool is: forward kinematics of one serial chain, in numpy, for one position or for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError


@dataclass(frozen=True)
class ChainJoint:
    """One joint between base and tool, as seen from the one before it.

    Attributes:
        column: Its place in (D,) arrays; None for a fixed one.
        rotation, translation: Of the joint's frame at position 0, in the frame before it (3, 3) and (3,) [m].
        axis: Unit vector (3,) in the joint's frame, about which it turns or along which it slides.
        is_slide: True for a prismatic joint.
    """

    column: int | None
    rotation: FloatArray
    translation: FloatArray
    axis: FloatArray
    is_slide: bool = False


class ToolChain:
    """Position of the tool frame's origin in the base frame.

    Args:
        joints: From the base to the tool; the last one's frame carries the tool.
        tool: The tool's origin in that frame (3,) [m].
        size: Number of joints D of the robot.

    Attributes:
        reach: How far the tool moves at most for each radian (or metre) of each joint (D,) [m]; 0 where it does not depend on it.
    """

    def __init__(self, joints: Sequence[ChainJoint], tool: FloatArray, size: int) -> None:
        self._size = size
        self._tool = np.array(tool, dtype=np.float64)
        moving = [joint for joint in joints if joint.column is not None]
        self.reach: FloatArray = np.zeros(size)
        distance = float(np.linalg.norm(self._tool))
        for joint in reversed(joints):
            if joint.column is not None:
                self.reach[joint.column] = max(self.reach[joint.column], 1.0 if joint.is_slide else distance)
            distance += float(np.linalg.norm(joint.translation))
        self._columns = np.array([joint.column for joint in moving], dtype=np.intp)
        # A joint maps v to (P + sin(q) Q + cos(q) R + q S) v in homogeneous coordinates: linear in 1, sin, cos and q.
        parts, self._head = _fold(joints)
        count = len(moving)
        self._parts = parts.reshape(count, 4, 16)
        self._side_by_side = np.ascontiguousarray(parts.transpose(0, 3, 1, 2).reshape(count, 4, 16))
        self._slides = [joint.is_slide for joint in moving]
        self._factors = np.ones((count, 1, 4))
        self._one, self._sine, self._cosine, self._shift = self._factors[:, 0, :].T
        self._flat = np.zeros((count, 1, 16))
        self._matrices = list(self._flat.reshape(count, 4, 4)[::-1])
        self._point, self._next = np.zeros(4), np.zeros(4)

    def position(self, joints: FloatArray) -> FloatArray:
        """Return the tool (3,) [m] for one position (D,) [rad] or [m]; overwritten by the next call. Nothing is allocated but views."""
        np.take(joints, self._columns, out=self._shift, mode="clip")
        np.sin(self._shift, out=self._sine)
        np.cos(self._shift, out=self._cosine)
        np.matmul(self._factors, self._parts, out=self._flat)
        point, following = self._point, self._next
        point[:3], point[3] = self._tool, 1.0
        for matrix in self._matrices:
            np.dot(matrix, point, out=following)
            point, following = following, point
        np.dot(self._head, point, out=following)
        return following[:3]

    def positions(self, joints: FloatArray) -> FloatArray:
        """Return the tool (N, 3) [m] for many positions (N, D) [rad] or [m].

        Raises:
            ShapeError: If the rows do not have D values.
        """
        if joints.ndim != 2 or joints.shape[1] != self._size:
            raise ShapeError(f"positions have shape {joints.shape}; valid: (N, {self._size})")
        angles = joints[:, self._columns]
        sine, cosine = np.sin(angles), np.cos(angles)
        points: FloatArray = np.empty((len(joints), 4))
        points[:, :3], points[:, 3] = self._tool, 1.0
        for k in range(len(self._columns) - 1, -1, -1):
            mapped = points @ self._side_by_side[k]
            points = mapped[:, 0:4]
            if self._slides[k]:
                points += angles[:, k, None] * mapped[:, 12:16]
            else:
                points += sine[:, k, None] * mapped[:, 4:8]
                points += cosine[:, k, None] * mapped[:, 8:12]
        found: FloatArray = (points @ self._head.T)[:, :3]
        return found


def _fold(joints: Sequence[ChainJoint]) -> tuple[FloatArray, FloatArray]:
    """Return the parts (K, 4, 4, 4) of K moving joints that go with 1, sine, cosine and position, and what comes before the
    first of them (4, 4). Fixed joints go into the moving one before them.
    """
    head = np.eye(4)
    parts: list[FloatArray] = []
    for joint in joints:
        frame = np.eye(4)
        frame[:3, :3], frame[:3, 3] = joint.rotation, joint.translation
        if not parts:
            head = head @ frame
        else:
            parts[-1] = parts[-1] @ frame
        if joint.column is not None:
            parts.append(_turn(joint))
    return np.array(parts).reshape(len(parts), 4, 4, 4), head


def _turn(joint: ChainJoint) -> FloatArray:
    """Parts (4, 4, 4) of one joint, that go with 1, sine, cosine and position.

    Source: Rodrigues' formula, R = a a^T + sin(q) [a] + cos(q) (1 - a a^T).
    """
    parts: FloatArray = np.zeros((4, 4, 4))
    fixed, sine, cosine, shift = parts
    fixed[3, 3] = 1.0
    axis = joint.axis / np.linalg.norm(joint.axis)
    if joint.is_slide:
        fixed[:3, :3] = np.eye(3)
        shift[:3, 3] = axis
        return parts
    x, y, z = axis
    along = np.outer(axis, axis)
    fixed[:3, :3] = along
    sine[:3, :3] = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    cosine[:3, :3] = np.eye(3) - along
    return parts
