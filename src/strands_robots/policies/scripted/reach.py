"""Joint positions for tool positions with the gripper pointing down. Needs MuJoCo; no ROS."""

from __future__ import annotations

import math

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import NotAchievedError
from strands_robots.core.pose import Pose
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import IkSolver, Orientation, PoseTarget

POSITION_TOLERANCE = 0.004  # [m]
TILT_TOLERANCE = 0.1  # [rad]
QUARTER = 0.5 * math.pi


class Reach:
    """Inverse kinematics of one kind of robot for grasps from above.

    Args:
        model: Name in config/robots or path.

    Attributes:
        config: The robot's description.
        arm: Its kinematics.
        names: Its joints, in the order of every (D,) array here.
    """

    def __init__(self, model: str) -> None:
        self.config = load_robot(model)
        self.arm = Arm(self.config)
        self._solver = IkSolver(self.arm)
        self.names = self.arm.limits.names
        self.limits = self.arm.limits

    @property
    def opening(self) -> float:
        """Widest object that fits between the open jaws [m]; infinite where the robot's description does not say."""
        gripper = self.config.gripper
        return math.inf if gripper is None or gripper.opening is None else gripper.opening

    def above(self, position: FloatArray, yaw: float | None, start: FloatArray) -> FloatArray:
        """Return joint positions (D,) with the tool at `position` (3,) [m], pointing down if that can be had.

        High positions cannot always be had pointing straight down; then the position counts and the direction comes as near as
        it can.

        Args:
            position: In the base frame [m].
            yaw: Direction of the tool's x axis [rad]; None leaves it free.
            start: Joint positions (D,) to stay near to.

        Raises:
            NotAchievedError: If the position cannot be reached.
        """
        pose = Pose(position, rotation_down(yaw if yaw is not None else 0.0))
        kinds = (Orientation.FULL,) if yaw is not None else (Orientation.AXIS,)
        for kind in kinds:
            target = PoseTarget(pose, kind, POSITION_TOLERANCE, TILT_TOLERANCE)
            for solution in self._solver.solutions(target, start):
                if solution.is_reached:
                    return solution.position
        for cost in (0.02, 0.005, 0.0):
            target = PoseTarget(pose, Orientation.FULL, POSITION_TOLERANCE, math.pi)
            solution = self._solver.solve(target, start, orientation_cost=cost, posture_cost=1e-4)
            if solution.position_error <= POSITION_TOLERANCE:
                return solution.position
        raise NotAchievedError(
            f"the tool of '{self.config.name}' cannot be at ({', '.join(f'{value:.3f}' for value in position)}) m; nearest: "
            f"{1e3 * solution.position_error:.0f} mm away"
        )

    def grasp(
        self, centre: FloatArray, box_yaw: float, widths: tuple[float, float], gap: float, start: FloatArray
    ) -> tuple[FloatArray, float]:
        """Return (joint positions (D,), yaw) that hold a box's middle between the open jaws, pointing straight down.

        The tool is on the fixed jaw's face; the other jaw closes along the tool's +x. Of the box's four directions the one with the
        least motion of the joints is taken, of those in which the gripper opens wide enough.

        Args:
            centre: Of the box, in the base frame [m].
            box_yaw: Direction of the box's x axis about the vertical [rad].
            widths: Its width along its x and y axes [m].
            gap: Distance of the fixed jaw from the box [m].
            start: Joint positions (D,) to stay near to.

        Raises:
            NotAchievedError: If no direction can be reached, or the box is too wide.
        """
        found: list[tuple[float, FloatArray, float]] = []
        for quarter in range(4):
            yaw, width = box_yaw + quarter * QUARTER, widths[quarter % 2]
            if width > self.opening:
                continue
            rotation = rotation_down(yaw)
            tool = centre + rotation[:, 0] * (0.5 * width + gap)
            target = PoseTarget(Pose(tool, rotation), Orientation.FULL, POSITION_TOLERANCE, TILT_TOLERANCE)
            solution = next((s for s in self._solver.solutions(target, start) if s.is_reached), None)
            if solution is not None:
                found.append((float(np.abs(solution.position - start).max()), solution.position, yaw))
        if min(widths) > self.opening:
            raise NotAchievedError(
                f"an object {1e3 * min(widths):.0f} mm wide does not fit between the jaws of '{self.config.name}'; "
                f"valid: up to {1e3 * self.opening:.0f} mm"
            )
        if not found:
            place = ", ".join(f"{value:.3f}" for value in centre)
            raise NotAchievedError(f"'{self.config.name}' cannot grasp from above at ({place}) m")
        _, position, yaw = min(found, key=lambda entry: entry[0])
        return position, yaw

    def tool(self, position: FloatArray) -> FloatArray:
        """Return the tool's position (3,) in the base frame for joint positions (D,) [m]."""
        return self.arm.tool_pose(position).position


def rotation_down(yaw: float) -> FloatArray:
    """Return the rotation (3, 3) of a tool that points down, its x axis at `yaw` [rad] about the vertical."""
    x = np.array([math.cos(yaw), math.sin(yaw), 0.0])
    z = np.array([0.0, 0.0, -1.0])
    return np.stack([x, np.cross(z, x), z], axis=1)
