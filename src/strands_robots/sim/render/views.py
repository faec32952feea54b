"""Free cameras: places to look from that are no part of the world, and how a camera is turned to a point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.sim.render.cameras import OPTICAL_QUATERNION, Intrinsics, intrinsics
from strands_robots.sim.world.checks import Vector, checked_position, unit_quaternion

NARROWEST, WIDEST = 0.01, 3.1
"""Vertical fields of view that can be drawn [rad]."""

FOVY = math.radians(45.0)

_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class FreeView:
    """A camera that looks once.

    Attributes:
        name: What its picture is called.
        position: Origin of its optical frame in the world frame [m].
        quaternion_xyzw: Rotation of its optical frame (z forward, x right, y down) in the world frame.
        fovy: Vertical field of view [rad].
        width, height: Size of its pictures [px].
    """

    name: str
    position: Vector
    quaternion_xyzw: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    fovy: float = FOVY
    width: int = 640
    height: int = 480

    def __post_init__(self) -> None:
        checked_position(self.name, self.position)
        unit_quaternion(self.name, self.quaternion_xyzw)
        if not NARROWEST <= self.fovy <= WIDEST:
            raise ConfigurationError(
                f"field of view {self.fovy:g} of view '{printable(self.name)}' given; "
                f"valid: {NARROWEST:g} to {WIDEST:g} rad"
            )

    @property
    def frame_id(self) -> str:
        """The optical frame, which is not published."""
        return f"{self.name}_optical_frame"

    def intrinsics(self, width: int = 0, height: int = 0) -> Intrinsics:
        """Return the calibration of a picture of the given size [px]; 0 takes the view's own."""
        return intrinsics(width or self.width, height or self.height, self.fovy)

    def rotation(self) -> FloatArray:
        """Return the rotation (3, 3) of the optical frame in the world frame."""
        matrix = np.empty(9)
        mujoco.mju_quat2Mat(matrix, unit_quaternion(self.name, self.quaternion_xyzw))
        return matrix.reshape(3, 3)


def view_at(name: str, position: Vector, target: Vector, fovy: float = FOVY) -> FreeView:
    """Return a view from a position at a target, world frame [m]; the world's z axis is up in the picture.

    Raises:
        ConfigurationError, WorldError: If both are the same point, or a number is not possible.
    """
    place, aim = checked_position(name, position), checked_position(name, target)
    rotation = np.empty(4)
    mujoco.mju_mulQuat(rotation, looking(name, np.array(place), np.array(aim)), OPTICAL_QUATERNION)
    w, x, y, z = rotation.tolist()
    return FreeView(name, (place[0], place[1], place[2]), (x, y, z, w), fovy)


def view_around(
    name: str, target: Vector, distance: float, azimuth: float, elevation: float, fovy: float = FOVY
) -> FreeView:
    """Return a view of a target from a distance.

    Args:
        name: Its name.
        target: World frame (3,) [m].
        distance: To the target [m].
        azimuth: Direction of looking, seen from above [rad]: 0 along +x.
        elevation: Of looking above the horizon [rad]; negative looks down.
        fovy: Vertical field of view [rad].

    Raises:
        ConfigurationError, WorldError: If a number is not possible.
    """
    if not (math.isfinite(distance) and 1e-3 <= distance <= 1e4):
        raise ConfigurationError(f"distance {distance:g} of view '{printable(name)}' given; valid: 0.001 to 10000 m")
    if not (math.isfinite(azimuth) and abs(elevation) <= 0.5 * math.pi + 1e-9):
        raise ConfigurationError(
            f"azimuth {azimuth:g} and elevation {elevation:g} of view '{printable(name)}' given; "
            "valid: a finite number, and -pi/2 to pi/2"
        )
    level = math.cos(elevation)
    forward = (level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation))
    x, y, z = (aim - distance * along for aim, along in zip(checked_position(name, target), forward))
    return view_at(name, (x, y, z), target, fovy)


def looking(name: str, position: FloatArray, target: FloatArray) -> FloatArray:
    """Return the rotation (4,), wxyz, of a MuJoCo camera that looks at a point.

    Raises:
        ConfigurationError: If it is where it is to look at.
    """
    forward = target - position
    distance = float(np.linalg.norm(forward))
    if distance < 1e-6:
        raise ConfigurationError(
            f"camera '{printable(name)}' is to look at the point where it is; valid: another point"
        )
    back = -forward / distance
    right = np.cross(_UP, back)
    # Straight up or down: the picture's up is +x, as for the camera above the robots.
    right = np.array([0.0, -1.0, 0.0]) if np.linalg.norm(right) < 1e-6 else right / np.linalg.norm(right)
    rotation = np.empty(4)
    mujoco.mju_mat2Quat(rotation, np.stack([right, np.cross(back, right), back], axis=1).ravel())
    return rotation


def quaternion_of(rotation: FloatArray) -> FloatArray:
    """Return the quaternion (4,), xyzw, of a rotation (3, 3)."""
    wxyz = np.empty(4)
    mujoco.mju_mat2Quat(wxyz, np.ascontiguousarray(rotation).ravel())
    return wxyz[[1, 2, 3, 0]]
