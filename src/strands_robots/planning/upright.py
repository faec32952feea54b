"""The tool's tilt as a constraint of a way: how far it is from what it was, and how joints bring it back. No I/O.

Source: Berenson, Srinivasa, Ferguson and Kuffner 2009, "Manipulation planning on constraint manifolds", for the projection.
"""

from __future__ import annotations

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray


class Upright:
    """Holds the direction of up in the tool's frame to what it was; turning about it is free.

    Args:
        model: The robot in its scene.
        data: Its state, whose kinematics are up to date.
        frame: The tool's frame, a site or a body.
        up: Direction of up (3,) in the model's world frame.
        tolerance: Largest angle [rad].

    Attributes:
        tolerance: Largest angle [rad].
    """

    def __init__(
        self, model: mujoco.MjModel, data: mujoco.MjData, frame: str, up: FloatArray, tolerance: float
    ) -> None:
        self.tolerance = tolerance
        self._model, self._up = model, up
        self._site = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, frame))
        self._body = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, frame))
        self._jacobian: FloatArray = np.zeros((3, model.nv))
        self._wanted = self._up_in_tool(data)

    def tilt(self, data: mujoco.MjData) -> float:
        """Return the angle from what it was [rad]."""
        return float(np.arccos(np.clip(self._up_in_tool(data) @ self._wanted, -1.0, 1.0)))

    def correction(self, data: mujoco.MjData, dofs: FloatArray) -> FloatArray:
        """Return the smallest step of some joints (D',) that takes the tilt away, to first order [rad] or [m].

        Args:
            data: State whose kinematics are up to date.
            dofs: Numbers (D',) of the degrees of freedom that may change.
        """
        mujoco.mj_comPos(self._model, data)
        if self._site >= 0:
            mujoco.mj_jacSite(self._model, data, None, self._jacobian, self._site)
        else:
            mujoco.mj_jacBody(self._model, data, None, self._jacobian, self._body)
        # up in the tool's frame is R^T up; a turn w of the tool in the world changes it by R^T (up x w).
        slope = self._rotation(data).T @ np.cross(self._up, self._jacobian[:, dofs], axisb=0, axisc=0)
        step = np.linalg.lstsq(slope, self._wanted - self._up_in_tool(data), rcond=1e-3)[0]
        return np.asarray(step, dtype=np.float64)

    def _up_in_tool(self, data: mujoco.MjData) -> FloatArray:
        direction: FloatArray = self._up @ self._rotation(data)
        return direction

    def _rotation(self, data: mujoco.MjData) -> FloatArray:
        matrix = data.site_xmat[self._site] if self._site >= 0 else data.xmat[self._body]
        rotation: FloatArray = matrix.reshape(3, 3)
        return rotation
