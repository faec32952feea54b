"""A trajectory of joints as a goal of a motion session: checked whole before the robot moves. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from strands_robots.control.trajectory import Trajectory
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, UnknownNameError
from strands_robots.core.number_text import outside
from strands_robots.core.types import JointLimits
from strands_robots.motion.contact import arm_contact
from strands_robots.motion.move_to import LIMIT_TOLERANCE
from strands_robots.motion.path import JointPath
from strands_robots.motion.planner import PlannedMove
from strands_robots.motion.task import MotionPlan
from strands_robots.motion.trajectory_law import TrajectoryLaw
from strands_robots.motion.trajectory_tolerance import TrajectoryMonitor, TrajectoryTolerances

START_TOLERANCE = 0.1
"""Largest distance from the set-point at which a trajectory may begin [rad] or [m]; MoveIt itself allows 0.01 from the measurement."""

_AT_REST = 1e-6  # [rad/s] or [m/s]; a last point that is slower ends at rest


class TrajectoryTask:
    """Plays one trajectory.

    Args:
        names: Its joints.
        trajectory: Its points.
        start: ROS time of its time 0 [s]; 0 for now.
        limits: Limits of the robot.
        tolerances: Tolerances of all joints of the robot.
        now: Gives the ROS time [s].

    Attributes:
        columns: Its joints in the robot's order.
        law: The trajectory as it is played; None before `plan`.

    Raises:
        UnknownNameError: If the robot has no such joint.
        MotionError: If anything else is wrong; the message says what, and what is valid.
    """

    def __init__(
        self,
        names: Sequence[str],
        trajectory: Trajectory,
        start: float,
        limits: JointLimits,
        tolerances: TrajectoryTolerances,
        now: Callable[[], float],
    ) -> None:
        self.speed = 1.0
        self.columns = _columns(names, limits)
        self.law: TrajectoryLaw | None = None
        self._trajectory, self._start, self._limits = trajectory, start, limits
        self._tolerances, self._now = tolerances, now
        _check_positions(names, trajectory, limits, self.columns)
        _check_end(names, trajectory)

    def plan(self, position: FloatArray, effort: FloatArray, commanded: FloatArray) -> MotionPlan:
        """Return the trajectory from the present set-points; see `MotionTask`.

        Raises:
            MotionError: "old_stamp" if it is over, "invalid_goal" if it begins elsewhere.
        """
        columns, limits, tolerances = self.columns, self._limits, self._tolerances
        now = self._now()
        ahead = (self._start - now) if self._start > 0.0 else 0.0
        self.check_stamp(now)
        trajectory = self._trajectory.begin_at(commanded[columns], ahead)
        begin = max(-ahead, 0.0) if trajectory is self._trajectory else 0.0
        self._check_start(trajectory.at(np.array([begin]))[0], commanded[columns])
        self.law = law = TrajectoryLaw(trajectory, limits, columns, begin)
        end = trajectory.positions[-1].copy()
        arm = arm_contact(limits.velocity[columns])
        monitor = TrajectoryMonitor(
            arm.lag,
            arm.still,
            arm.delay,
            arm.reason,
            retreats=True,
            path_position=tolerances.path_position[columns],
            path_velocity=tolerances.path_velocity[columns],
            measured_velocity=np.zeros(len(columns)),
        )
        nearest, slowest = tolerances.goal_position[columns], tolerances.goal_velocity[columns]

        def is_reached(measured: FloatArray) -> bool:
            is_near = (nearest <= 0.0) | (np.abs(measured[columns] - end) <= nearest)
            is_slow = (slowest <= 0.0) | (np.abs(monitor.measured_velocity) <= slowest)
            return bool(is_near.all() and is_slow.all())

        move = PlannedMove(tuple(columns), JointPath(np.array([commanded[columns], end])), end, law)
        return MotionPlan(move, monitor, is_reached, settle_timeout=tolerances.goal_time)

    def check_stamp(self, now: float) -> None:
        """Refuse a trajectory that is over.

        Raises:
            MotionError: "old_stamp".
        """
        over = now - self._start - float(self._trajectory.times[-1])
        if self._start > 0.0 and over > 0.0:
            raise MotionError(
                "old_stamp",
                f"the trajectory ended {over:.3f} s ago, by its header.stamp; valid: one that is not over, or a stamp of 0",
            )

    def _check_start(self, first: FloatArray, commanded: FloatArray) -> None:
        away = np.abs(first - commanded)
        if away.max() > START_TOLERANCE:
            joint = int(away.argmax())
            name = self._limits.names[self.columns[joint]]
            raise MotionError(
                "invalid_goal",
                f"'{name}' begins {away[joint]:.4f} from its set-point of {commanded[joint]:.4f}; valid: up to {START_TOLERANCE:g}, or a "
                "first point later than 0 s",
            )


def _columns(names: Sequence[str], limits: JointLimits) -> list[int]:
    if not names or len(set(names)) != len(names):
        raise MotionError(
            "invalid_joints",
            f"joint_names is {', '.join(names) or 'empty'}; valid: each once, of {', '.join(limits.names)}",
        )
    for name in names:
        if name not in limits.index:
            raise UnknownNameError("joint", name, limits.names)
    return [limits.index[name] for name in names]


def _check_positions(names: Sequence[str], trajectory: Trajectory, limits: JointLimits, columns: list[int]) -> None:
    values = (trajectory.positions, trajectory.velocities, trajectory.accelerations)
    if not all(array is None or np.isfinite(array).all() for array in values):
        raise MotionError("invalid_goal", "a point holds NaN or infinity; valid: finite numbers")
    low, high = limits.lower[columns] - LIMIT_TOLERANCE, limits.upper[columns] + LIMIT_TOLERANCE
    beyond = np.argwhere((trajectory.positions < low) | (trajectory.positions > high))
    if len(beyond):
        point, joint = (int(number) for number in beyond[0])
        position = float(trajectory.positions[point, joint])
        words = outside(position, float(limits.lower[columns[joint]]), float(limits.upper[columns[joint]]))
        raise MotionError("invalid_goal", f"position of '{names[joint]}' at point {point} is {words}")


def _check_end(names: Sequence[str], trajectory: Trajectory) -> None:
    if trajectory.velocities is None:
        return
    moving = np.flatnonzero(np.abs(trajectory.velocities[-1]) > _AT_REST)
    if len(moving):
        joint = int(moving[0])
        raise MotionError(
            "invalid_goal",
            f"the last point moves '{names[joint]}' at {float(trajectory.velocities[-1, joint]):g}; valid: 0 at the end",
        )
