"""What a goal of MoveTo or SetGripper asks of a robot, in one form for the session that carries it out. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from strands_robots.control.lease import source_class
from strands_robots.control.refusal import Refused
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.text import printable
from strands_robots.core.types import JointLimits
from strands_robots.description.robot_config import RobotConfig
from strands_robots.motion.arm import Arm
from strands_robots.motion.contact import ContactMonitor, arm_contact
from strands_robots.motion.gripper import Grip
from strands_robots.motion.move_to import SLOWEST, SPEED, JointTarget, Reached, Target, judge
from strands_robots.motion.planner import MovePlanner, PlannedMove

SETTLE_TIMEOUT = 2.0
"""Longest wait at the end of a path for the measured joints to be there [s]."""

DEFAULT_SOURCE = "agent/motion"
"""Source of a goal that names none: the lowest class, so that it cannot preempt any other source."""


@dataclass(frozen=True)
class MotionPlan:
    """What to play, and how to judge it.

    Attributes:
        move: The path.
        contact: What tells of an obstacle or an object.
        is_reached: Tells from measured positions (D,) whether the target is reached.
        settle_timeout: Longest wait at the end of the path for the measured joints to be there [s].
        start_tolerance: How far set-points may have moved while this was planned [rad] or [m]; the gate closes the gap.
        begin: ROS time at which the path begins, in motion [s]; None: at once and at rest.
    """

    move: PlannedMove
    contact: ContactMonitor
    is_reached: Callable[[FloatArray], bool]
    settle_timeout: float = SETTLE_TIMEOUT
    start_tolerance: float = math.inf
    begin: float | None = None


class MotionTask(Protocol):
    """One goal's wish."""

    speed: float
    """Part of the velocity limits to use."""

    def plan(self, position: FloatArray, effort: FloatArray, commanded: FloatArray) -> MotionPlan:
        """Return how to carry it out.

        Args:
            position: Measured positions (D,) [rad] or [m].
            effort: Measured efforts (D,) [Nm] or [N].
            commanded: Present set-points (D,) [rad] or [m].

        Raises:
            MotionError: If it cannot be done.
        """


class RobotKinematics:
    """One robot that can be asked to move. Used by one goal at a time.

    Args:
        name: Its name on the graph.
        config: What kind of robot it is.
        avoid_ground: Keep clear of the plane under its base.
    """

    def __init__(self, name: str, config: RobotConfig, *, avoid_ground: bool) -> None:
        self.name = name
        self.config = config
        self.limits: JointLimits = config.limits()
        self.arm = Arm(config, name, avoid_ground=avoid_ground)
        self.planner = MovePlanner(self.arm)

    def frame(self, frame_id: str) -> str:
        """Return "base" or "tool" for a frame that poses may be given in.

        Raises:
            MotionError: If it is another frame; the message lists the valid ones.
        """
        names = {"": "base"}
        for frame, kind in ((self.config.base_frame, "base"), (self.config.tool_frame, "tool")):
            if frame:
                names |= {frame: kind, f"{self.name}/{frame}": kind}
        if frame_id not in names:
            valid = ", ".join(f"'{name}'" for name in names)
            raise MotionError("invalid_goal", f"pose is given in frame '{printable(frame_id)}'; valid: {valid}")
        return names[frame_id]


class MoveTask:
    """Joints to positions, or the tool to a pose.

    Args:
        robot: The robot.
        make_target: Gives the target for measured positions (D,); may raise MotionError.
        straight: Move the tool on a straight line.
        speed: Part of the velocity limits to use.

    Attributes:
        target: The target; None before `plan`.
        planned: The path; None before `plan`.
    """

    def __init__(
        self, robot: RobotKinematics, make_target: Callable[[FloatArray], Target], *, straight: bool, speed: float
    ) -> None:
        self.speed = speed
        self.target: Target | None = None
        self.planned: PlannedMove | None = None
        self._robot = robot
        self._make_target = make_target
        self._straight = straight

    def plan(self, position: FloatArray, effort: FloatArray, commanded: FloatArray) -> MotionPlan:
        """Return the path from the present set-points."""
        robot = self._robot
        target = self.target = self._make_target(position)
        move = self.planned = robot.planner.plan(target, commanded, straight=self._straight)
        contact = arm_contact(robot.limits.velocity[list(move.columns)])

        def is_reached(measured: FloatArray) -> bool:
            return judge(robot.arm, target, move.columns, move.end, measured).is_reached

        return MotionPlan(move, contact, is_reached)

    def reached(self, position: FloatArray) -> Reached | None:
        """Return how near measured positions (D,) are to the target; None before there is one."""
        if self.target is None:
            return None
        if self.planned is None:
            columns, end = _without_path(self.target, position)
            return judge(self._robot.arm, self.target, columns, end, position)
        return judge(self._robot.arm, self.target, self.planned.columns, self.planned.end, position)


class GripTask:
    """A gripper to a position.

    Args:
        robot: The robot.
        make_grip: Gives the grip for measured efforts (D,); may raise MotionError.
        speed: Part of the velocity limits to use.

    Attributes:
        grip: The grip; None before `plan`.
    """

    def __init__(self, robot: RobotKinematics, make_grip: Callable[[FloatArray], Grip], *, speed: float) -> None:
        self.speed = speed
        self.grip: Grip | None = None
        self._robot = robot
        self._make_grip = make_grip

    def plan(self, position: FloatArray, effort: FloatArray, commanded: FloatArray) -> MotionPlan:
        """Return the way from the present set-points."""
        grip = self.grip = self._make_grip(effort)
        return MotionPlan(grip.move(commanded), grip.contact(self._robot.limits.velocity), grip.is_reached)


def checked_source(given: str) -> str:
    """Return the source of an asker, or the default for none.

    Raises:
        MotionError: If it is not "class/name"; the message lists the classes.
    """
    source = given or DEFAULT_SOURCE
    try:
        source_class(source)
    except Refused as refused:
        raise MotionError("invalid_goal", str(refused)) from refused
    return source


def checked_speed(given: float) -> float:
    """Return the speed scale of an asker, or the default for 0.

    Raises:
        MotionError: If it is not from `SLOWEST` to 1.
    """
    if given and not SLOWEST <= given <= 1.0:
        raise MotionError("invalid_goal", f"speed_scale is {given:g}; valid: {SLOWEST:g} to 1, or 0 for {SPEED:g}")
    return given or SPEED


def _without_path(target: Target, position: FloatArray) -> tuple[tuple[int, ...], FloatArray]:
    """Return columns and end of a target to which there is no path: its joints, or all joints where they are."""
    if isinstance(target, JointTarget):
        return target.columns, target.positions
    return tuple(range(len(position))), np.array(position)
