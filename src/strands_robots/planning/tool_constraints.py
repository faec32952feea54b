"""What a tool keeps to on its way: a cone for one of its directions, a box for its place; and how joints bring it back. Needs MuJoCo.

Source: Berenson, Srinivasa, Ferguson and Kuffner 2009, "Manipulation planning on constraint manifolds", for the projection.
"""

from __future__ import annotations

from typing import Protocol

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import Pose

NARROW = 0.3
"""A cone up to this [rad] is narrow: a search projects its places onto its axis, and its edges are short."""

_NARROW_PART = 0.3  # of the tolerance; way points nearer than this to the axis leave room for the curve between them
_WIDE_PART, _WIDE_GOAL = 0.85, 0.7  # the same for a wide cone, and where a projection goes
_BOX_ROOM = 0.1  # of the half lengths; likewise


class ToolFrame:
    """A frame of the robot in a model that may have more than the robot.

    Args:
        model: The model.
        name: The frame, a site or a body.
        base: Pose of the robot's base frame in the model's world frame.
    """

    def __init__(self, model: mujoco.MjModel, name: str, base: Pose) -> None:
        self._model, self._base = model, base
        self._site = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, name))
        self._body = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name))

    def pose(self, data: mujoco.MjData) -> Pose:
        """Return its pose in the base frame, of data whose kinematics are up to date."""
        if self._site >= 0:
            place, matrix = data.site_xpos[self._site], data.site_xmat[self._site]
        else:
            place, matrix = data.xpos[self._body], data.xmat[self._body]
        return self._base.inverse().at(Pose(place.copy(), matrix.reshape(3, 3).copy()))

    def jacobians(self, data: mujoco.MjData, dofs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how place and turn change with some degrees of freedom (3, D') each, in the base frame."""
        place, turn = np.zeros((3, self._model.nv)), np.zeros((3, self._model.nv))
        mujoco.mj_comPos(self._model, data)
        if self._site >= 0:
            mujoco.mj_jacSite(self._model, data, place, turn, self._site)
        else:
            mujoco.mj_jacBody(self._model, data, place, turn, self._body)
        to_base = self._base.rotation.T
        return to_base @ place[:, dofs], to_base @ turn[:, dofs]


class ToolConstraint(Protocol):
    """One thing that the tool keeps to."""

    is_narrow: bool
    """Whether straight ways of the joints leave it soon."""

    def problem(self, tool: Pose) -> str:
        """Return in words how a pose of the tool breaks it; empty where it is kept."""

    def is_kept(self, tool: Pose) -> bool:
        """Return whether a pose of the tool keeps it."""

    def way_back(self, tool: Pose, place: FloatArray, turn: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """Return rows (K, D') and what they shall change by (K,) to come well inside; None where the tool is.

        Args:
            tool: The tool's pose in the base frame.
            place, turn: Its Jacobians (3, D').
        """


class ToolCone:
    """Holds a direction of the tool near a direction of the base frame; turning about it is free.

    Args:
        in_tool: The direction in the tool's frame (3,).
        in_base: The direction in the base frame (3,).
        tolerance: Largest angle between them [rad].
        words: What a larger angle is called, with {angle}.
    """

    def __init__(self, in_tool: FloatArray, in_base: FloatArray, tolerance: float, words: str) -> None:
        self.is_narrow = tolerance <= NARROW
        self._wanted = in_tool / np.linalg.norm(in_tool)
        self._in_base = in_base / np.linalg.norm(in_base)
        self._tolerance, self._words = tolerance, words

    def problem(self, tool: Pose) -> str:
        """Return in words how a pose breaks it; empty where it is kept."""
        angle = self._angle(tool)
        return (
            "" if angle <= self._tolerance else f"{self._words.format(angle=angle)}; valid: up to {self._tolerance:g}"
        )

    def is_kept(self, tool: Pose) -> bool:
        """Return whether a pose keeps it."""
        return self._angle(tool) <= self._tolerance

    def way_back(self, tool: Pose, place: FloatArray, turn: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """Return the rows that turn the tool back; see `ToolConstraint`."""
        angle = self._angle(tool)
        if angle <= (_NARROW_PART if self.is_narrow else _WIDE_PART) * self._tolerance:
            return None
        now = tool.rotation.T @ self._in_base
        # The direction in the tool's frame is R^T d; a turn w of the tool in the base frame changes it by R^T (d x w).
        slope = tool.rotation.T @ np.cross(self._in_base, turn, axisb=0, axisc=0)
        part = 1.0 if self.is_narrow else 1.0 - _WIDE_GOAL * self._tolerance / angle
        return slope, part * (self._wanted - now)

    def _angle(self, tool: Pose) -> float:
        return float(np.arccos(np.clip((tool.rotation.T @ self._in_base) @ self._wanted, -1.0, 1.0)))


class ToolBox:
    """Holds the tool's origin in a box along the axes of the base frame.

    Args:
        lower, upper: Its corners (3,) [m].
    """

    def __init__(self, lower: FloatArray, upper: FloatArray) -> None:
        self._lower, self._upper = lower, upper
        room = _BOX_ROOM * 0.5 * (upper - lower)
        self._inner = lower + room, upper - room
        self.is_narrow = bool((upper - lower).min() < NARROW)

    def problem(self, tool: Pose) -> str:
        """Return in words how a pose breaks it; empty where it is kept."""
        away = np.maximum(self._lower - tool.position, tool.position - self._upper)
        axis = int(away.argmax())
        if away[axis] <= 0.0:
            return ""
        return (
            f"the tool would be {1e3 * away[axis]:.1f} mm outside its box: {'xyz'[axis]} is {tool.position[axis]:.4f} m; "
            f"valid: {self._lower[axis]:.4g} to {self._upper[axis]:.4g}"
        )

    def is_kept(self, tool: Pose) -> bool:
        """Return whether a pose keeps it."""
        return bool((tool.position >= self._lower).all() and (tool.position <= self._upper).all())

    def way_back(self, tool: Pose, place: FloatArray, turn: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """Return the rows that move the tool back; see `ToolConstraint`."""
        if self.is_kept(tool):
            return None
        return place, np.clip(tool.position, *self._inner) - tool.position
