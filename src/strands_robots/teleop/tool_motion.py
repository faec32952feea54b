"""Moves a robot's tool by small steps: differential inverse kinematics on the robot's own model. Belongs to one thread; no I/O."""

from __future__ import annotations

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.description.robot_config import RobotConfig
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import IkSolver, Orientation, PoseTarget

ORIENTATION_COST = 0.03
"""An orientation error of 1 rad weighs as much as a position error of so many metres: arms of five joints must miss some."""

POSTURE_COST = 1e-3
"""Keeps joints still that help little [m for 1 rad]."""

POSITION_TOLERANCE = 0.003
"""Where the tool would be farther than this from where it shall be [m], the step is not made."""

LARGEST_STEP = 0.25
"""A step that turns a joint by more than this [rad] or [m] is not made: it is another way to hold the arm."""


class ToolMotion:
    """The tool of one robot, moved by steps.

    Positions add up exactly; the orientation is taken as the last step left it, so that an arm of five joints, which cannot keep it,
    loses no accuracy of position.

    Args:
        config: The robot; has a tool frame.
        name: Its name on the graph, for messages.
        frame: "base": steps are along the base's axes; "tool": along the tool's.

    Attributes:
        message: Why the last step was not made; empty when it was.
        refused: Steps that were not made.
    """

    def __init__(self, config: RobotConfig, name: str, frame: str) -> None:
        self._arm = Arm(config, name)
        self._solver = IkSolver(self._arm)
        self._is_tool_frame = frame == "tool"
        self._at_start: dict[tuple[int, int], float] = {}
        self._place: FloatArray = np.zeros(3)
        self.message = ""
        self.refused = 0

    def begin(self, position: FloatArray) -> None:
        """Start from joint positions (D,) [rad] or [m]: what touches there may touch."""
        self._at_start = self._arm.contacts(position)
        self._place = self._arm.tool_pose(position).position
        self.message = ""

    def step(self, goal: FloatArray, shift: FloatArray, turn: FloatArray) -> FloatArray:
        """Return joint positions for a tool that moves one step, or the given ones where it cannot.

        Args:
            goal: Joint positions (D,) before the step [rad] or [m].
            shift: Way of the tool (3,) [m].
            turn: Rotation vector of the tool (3,) [rad].
        """
        arm = self._arm
        before = Pose(self._place, arm.tool_pose(goal).rotation)
        if self._is_tool_frame:
            wanted = before.at(Pose(shift, rotation_matrix(turn)))
        else:
            wanted = Pose(before.position + shift, rotation_matrix(turn) @ before.rotation)
        found = self._solver.solve(PoseTarget(wanted, Orientation.FULL), goal, ORIENTATION_COST, POSTURE_COST)
        moved = goal.copy()
        moved[arm.tool_columns] = found.position[arm.tool_columns]
        self.message = self._trouble(goal, moved, wanted, found.position_error)
        if self.message:
            self.refused += 1
            return goal
        self._place = wanted.position
        return moved

    def _trouble(self, goal: FloatArray, moved: FloatArray, wanted: Pose, miss: float) -> str:
        if miss > POSITION_TOLERANCE or np.abs(moved - goal).max() > LARGEST_STEP:
            place = ", ".join(f"{value:.3f}" for value in wanted.position)
            return f"the tool cannot get to ({place}) m from here"
        collision = self._arm.collision(moved, self._at_start)
        return "" if collision is None else str(collision)
