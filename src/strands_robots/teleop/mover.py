"""From a leader's frame to where the joints shall go. No I/O; belongs to one thread."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.description.robot_config import RobotConfig
from strands_robots.teleop.frame import InputFrame, TeleopMode, Vector
from strands_robots.teleop.teleop_options import TeleopOptions


class ToolMover(Protocol):
    """Moves the tool by steps; see tool_motion.ToolMotion."""

    message: str
    refused: int

    def begin(self, position: FloatArray) -> None:
        """Start from joint positions (D,)."""

    def step(self, goal: FloatArray, shift: FloatArray, turn: FloatArray) -> FloatArray:
        """Return joint positions (D,) for the tool moved by `shift` (3,) [m] and `turn` (3,) [rad]."""


class Mover:
    """Turns frames into goals, one each period.

    Args:
        config: The robot.
        options: Options.
        tool: Moves the tool; None for a robot without a tool frame.

    Attributes:
        mode: Mode of the last frame.
        message: Why the last frame moved nothing, though it asked to; else empty.
    """

    def __init__(self, config: RobotConfig, options: TeleopOptions, tool: ToolMover | None) -> None:
        self.mode = TeleopMode.JOINTS
        self.message = ""
        self._limits = config.limits()
        self._options = options
        self._tool = tool
        gripper = config.gripper
        self._gripper = [] if gripper is None else [self._limits.index[name] for name in gripper.joints]
        self._opens = 0.0 if gripper is None else math.copysign(1.0, gripper.open - gripper.closed)
        self._ends = (0.0, 0.0) if gripper is None else tuple(sorted((gripper.open, gripper.closed)))
        self._goal: FloatArray = np.zeros(len(self._limits))
        self._offset: FloatArray = np.zeros(len(self._limits))

    @property
    def refused(self) -> int:
        """Steps of the tool that could not be made."""
        return 0 if self._tool is None else self._tool.refused

    def begin(self, position: FloatArray, frame: InputFrame) -> None:
        """Start from the robot's set-point (D,) with the first frame."""
        self._goal = position.copy()
        self.message = ""
        self._offset = np.zeros(len(position))
        if self._options.engaging == "offset":
            for name, value in frame.positions.items():
                column = self._limits.index[name]
                if column not in self._gripper:
                    self._offset[column] = position[column] - value
        self._take_mode(frame.mode)

    def goal(self, frame: InputFrame, speed: float) -> FloatArray:
        """Return where the joints (D,) shall be one period after the last call [rad] or [m]."""
        if frame.mode is not self.mode:
            self._take_mode(frame.mode)
        self.message = ""
        goal = self._goal.copy()
        if frame.mode is TeleopMode.FOLLOW:
            for name, value in frame.positions.items():
                column = self._limits.index[name]
                goal[column] = value + self._offset[column]
        elif frame.mode is TeleopMode.JOINTS:
            step = speed * self._options.period
            for name, rate in frame.rates.items():
                column = self._limits.index[name]
                goal[column] += rate * step * self._limits.velocity[column]
            self._move_gripper(goal, frame.gripper, step)
        else:
            goal = self._move_tool(goal, frame, speed)
            self._move_gripper(goal, frame.gripper, speed * self._options.period)
        self._goal = np.clip(goal, self._limits.lower, self._limits.upper)
        return self._goal

    def _take_mode(self, mode: TeleopMode) -> None:
        self.mode = mode
        if mode is TeleopMode.TOOL and self._tool is not None:
            self._tool.begin(self._goal)

    def _move_tool(self, goal: FloatArray, frame: InputFrame, speed: float) -> FloatArray:
        if not any((*frame.linear, *frame.angular)):
            return goal
        if self._tool is None:
            self.message = "the robot's description names no tool_frame; valid: mode joints"
            return goal
        step = speed * self._options.period
        shift = _within_one(frame.linear) * step * self._options.linear_speed
        turn = _within_one(frame.angular) * step * self._options.angular_speed
        moved = self._tool.step(goal, shift, turn)
        self.message = self._tool.message
        return moved

    def _move_gripper(self, goal: FloatArray, rate: float, step: float) -> None:
        for column in self._gripper if rate else ():
            moved = goal[column] + self._opens * rate * step * self._limits.velocity[column]
            goal[column] = min(max(moved, self._ends[0]), self._ends[1])


def _within_one(vector: Vector) -> FloatArray:
    """Return a direction (3,) that is no longer than 1: two keys at once are no faster than one."""
    array = np.array(vector)
    return array / max(float(np.linalg.norm(array)), 1.0)


def checked_mode(text: str) -> TeleopMode:
    """Return the mode of a word.

    Raises:
        ConfigurationError: If it is none that a person chooses.
    """
    if text not in ("joints", "tool"):
        raise ConfigurationError(f"mode is '{printable(text)}'; valid: joints, tool")
    return TeleopMode[text.upper()]
