"""Tolerances of a trajectory, as joint_trajectory_controller resolves and judges them. No I/O.

Source: ros2_controllers, branch jazzy, commit ed360c97d6e9, joint_trajectory_controller/tolerances.hpp, and the update method of
joint_trajectory_controller.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, UnknownNameError
from strands_robots.core.types import JointLimits
from strands_robots.motion.contact import ContactMonitor

ERASED = -1.0
"""What a goal says instead of a tolerance to have none."""


@dataclass(frozen=True)
class JointTolerance:
    """What a goal says of one joint; 0 takes the server's own tolerance, -1 takes it away.

    Attributes:
        name: The joint.
        position: [rad] or [m].
        velocity: [rad/s] or [m/s].
        acceleration: [rad/s^2] or [m/s^2].
    """

    name: str
    position: float = 0.0
    velocity: float = 0.0
    acceleration: float = 0.0


@dataclass(frozen=True)
class TrajectoryTolerances:
    """Largest errors of all joints (D,); 0 for none.

    Attributes:
        path_position, path_velocity: While the trajectory is played [rad, rad/s] or [m, m/s].
        goal_position, goal_velocity: At its end.
        goal_time: How long after the end of the trajectory the joints may need [s].
    """

    path_position: FloatArray
    path_velocity: FloatArray
    goal_position: FloatArray
    goal_velocity: FloatArray
    goal_time: float

    def with_goal(
        self,
        limits: JointLimits,
        path: Sequence[JointTolerance],
        goal: Sequence[JointTolerance],
        goal_time: float,
    ) -> TrajectoryTolerances:
        """Return these tolerances with what a goal asks for instead.

        Args:
            limits: Joints of the robot.
            path, goal: Tolerances of single joints.
            goal_time: [s]; 0 takes the server's own.

        Raises:
            UnknownNameError: If a joint is not the robot's.
            MotionError: If a number is no tolerance. The controller logs both and plays the goal with tolerances that were not asked for.
        """
        if not (goal_time >= 0.0 and np.isfinite(goal_time)):
            raise MotionError(
                "invalid_goal", f"goal_time_tolerance is {goal_time:g} s; valid: above 0, or 0 for the server's own"
            )
        made = replace(
            self,
            path_position=self.path_position.copy(),
            path_velocity=self.path_velocity.copy(),
            goal_position=self.goal_position.copy(),
            goal_velocity=self.goal_velocity.copy(),
            goal_time=goal_time or self.goal_time,
        )
        for kind, given, position, velocity in (
            ("path_tolerance", path, made.path_position, made.path_velocity),
            ("goal_tolerance", goal, made.goal_position, made.goal_velocity),
        ):
            for joint in given:
                if joint.name not in limits.index:
                    raise UnknownNameError(f"joint in {kind}", joint.name, limits.names)
                column = limits.index[joint.name]
                position[column] = _resolved(kind, joint.name, "position", joint.position, position[column])
                velocity[column] = _resolved(kind, joint.name, "velocity", joint.velocity, velocity[column])
                if _resolved(kind, joint.name, "acceleration", joint.acceleration, 0.0) > 0.0:
                    raise MotionError(
                        "invalid_goal",
                        f"{kind} of '{joint.name}' has acceleration {joint.acceleration:g}; valid: 0, because no acceleration is measured",
                    )
        return made


@dataclass
class TrajectoryMonitor(ContactMonitor):
    """Watches the joints of a trajectory: for obstacles as of every arm, and for its path tolerances.

    Attributes:
        path_position, path_velocity: Tolerances (D',); 0 for none.
        measured_velocity: The last measurement (D',) [rad/s] or [m/s].
    """

    path_position: FloatArray = field(default_factory=lambda: np.zeros(0))
    path_velocity: FloatArray = field(default_factory=lambda: np.zeros(0))
    measured_velocity: FloatArray = field(default_factory=lambda: np.zeros(0))
    _words: str = field(default="", repr=False)
    _last: tuple[float, FloatArray] | None = field(default=None, repr=False)

    def check(
        self,
        stamp: float,
        setpoint: FloatArray,
        position: FloatArray,
        velocity: FloatArray,
        effort: FloatArray,
        planned: FloatArray,
    ) -> int | None:
        """See `ContactMonitor`."""
        self.measured_velocity = velocity.copy()
        wanted = self._planned_velocity(stamp, planned)
        for error, largest, unit in (
            (planned - position, self.path_position, "from the trajectory"),
            (wanted - velocity, self.path_velocity, "per second from the trajectory's velocity"),
        ):
            beyond = np.flatnonzero((largest > 0.0) & (np.abs(error) > largest))
            if len(beyond):
                joint = int(beyond[0])
                self._words = f"is {error[joint]:+.4f} {unit}; path_tolerance: {largest[joint]:g}"
                return joint
        return super().check(stamp, setpoint, position, velocity, effort, planned)

    def describe(self, name: str, position: float, lag: float, effort: float) -> str:
        """See `ContactMonitor`."""
        return f"'{name}' {self._words}" if self._words else super().describe(name, position, lag, effort)

    def _planned_velocity(self, stamp: float, planned: FloatArray) -> FloatArray:
        """Return how fast the plan moved since the last measurement (D',); the first look has nothing to compare with."""
        last, self._last = self._last, (stamp, planned)
        if last is None or stamp - last[0] < 1e-6:
            return self.measured_velocity
        velocity: FloatArray = (planned - last[1]) / (stamp - last[0])
        return velocity


def _resolved(kind: str, joint: str, quantity: str, given: float, default: float) -> float:
    if given > 0.0 and np.isfinite(given):
        return given
    if abs(given - ERASED) < 1e-6:
        return 0.0
    if given == 0.0:
        return float(default)
    raise MotionError(
        "invalid_goal",
        f"{kind} of '{joint}' has {quantity} {given:g}; valid: above 0, 0 for the server's own, -1 for none",
    )
