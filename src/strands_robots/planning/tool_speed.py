"""How fast a tool goes along a path: what a limit of its speed makes of a time law. Needs MuJoCo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import Pose
from strands_robots.motion.arm import Arm
from strands_robots.motion.path import JointPath
from strands_robots.planning.tool_constraints import ToolFrame

_LEAST = 1e-9  # [m]; a tool that moves less than this for the whole parameter stands still


class SpeedLimit(Protocol):
    """What keeps a path slow enough."""

    def most_rates(self, path: JointPath, parameters: FloatArray) -> FloatArray:
        """Return the largest rates (M,) of the parameter that keep the limit at parameters (M,) [1/s]."""


class ToolSpeed:
    """The tool's way along a path of some joints, while the others rest.

    Args:
        arm: The robot, which has a tool.
        columns: Joints that move.
        start: Positions (D,) of all joints; the others stay there [rad] or [m].
        limit: Largest speed of the tool's origin [m/s].
    """

    def __init__(self, arm: Arm, columns: list[int], start: FloatArray, limit: float) -> None:
        self._model, self._data = arm.model, mujoco.MjData(arm.model)
        self._frame = ToolFrame(arm.model, arm.config.tool_frame, Pose(np.zeros(3), np.eye(3)))
        self._arm, self._columns, self._start, self._limit = arm, columns, start.copy(), limit

    def most_rates(self, path: JointPath, parameters: FloatArray) -> FloatArray:
        """Return the largest rates (M,) of the parameter that keep the limit at parameters (M,) [1/s]."""
        slopes = path.derivatives(parameters)[0]
        position, most = self._start.copy(), np.empty(len(parameters))
        for row, (place, slope) in enumerate(zip(path.at(parameters), slopes)):
            position[self._columns] = place
            self._data.qpos[:] = self._arm.qpos(position)
            mujoco.mj_kinematics(self._model, self._data)
            jacobian, _ = self._frame.jacobians(self._data, self._arm.dof_address[self._columns])
            most[row] = self._limit / max(float(np.linalg.norm(jacobian @ slope)), _LEAST)
        return most


class GroupToolSpeed:
    """The limits of several robots' tools along a path of all of their joints.

    Args:
        parts: For each limit the columns of the path that are its robot's, and the limit.
    """

    def __init__(self, parts: Sequence[tuple[list[int], ToolSpeed]]) -> None:
        self._parts = tuple(parts)

    def most_rates(self, path: JointPath, parameters: FloatArray) -> FloatArray:
        """Return the largest rates (M,) of the parameter that keep all limits at parameters (M,) [1/s]."""
        rates = [speed.most_rates(path.part(columns), parameters) for columns, speed in self._parts]
        least: FloatArray = np.min(rates, axis=0)
        return least
