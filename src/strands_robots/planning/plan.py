"""A plan: the curve that was checked, its time law, and what it was checked in. No I/O."""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.types import JointLimits
from strands_robots.motion.grid_timed_path import GridTimedPath
from strands_robots.motion.path import JointPath
from strands_robots.motion.planner import PlannedMove


@dataclass(frozen=True, eq=False)
class Plan:
    """What PlanMotion answers and ExecutePlan plays.

    Attributes:
        robot: Robot that it is for; of several the first.
        planner: Planner that found it.
        seed: Seed that the planner was given.
        scene_version: Version of the scene that it was checked in.
        attached: Names of the world's bodies that move with the tool.
        start: Positions of all joints (D,) that it starts from, also of those that it does not move [rad] or [m].
        joint_names: Joints that it moves (D').
        way_points: Points (N, D') of the natural cubic spline that is played [rad] or [m].
        times, parameters, rates: Time law (M,), as in `GridTimedPath` [s], [], [1/s].
        time_law: Its name.
        speed_scale: Part of the velocity limits that it uses.
        length: Length in joint space [rad].
        direct_length: That of the straight way from its start to its end [rad].
        check_step: Between two collision checks no point of the robot moves further [m].
        clearance: Distance that every checked state keeps from the surroundings [m].
        fraction: Part of a straight line that is done, 0 to 1; 1 for other goals.
        tool_speed: Largest speed of the tool's origin that was asked for [m/s]; 0 for no limit.
        most_rate: Largest rate of the path parameter that keeps it, also after a delay [1/s]; 0 for no limit.
        planning_time: CPU time that planning took [s]; not part of the digest.
        robots: All robots of a plan for several, whose joints are named "<robot>/<joint>"; empty for a plan of `robot` alone.
    """

    robot: str
    planner: str
    seed: int
    scene_version: str
    attached: tuple[str, ...]
    start: FloatArray
    joint_names: tuple[str, ...]
    way_points: FloatArray
    times: FloatArray
    parameters: FloatArray
    rates: FloatArray
    time_law: str
    speed_scale: float
    length: float
    direct_length: float
    check_step: float
    clearance: float
    fraction: float = 1.0
    tool_speed: float = 0.0
    most_rate: float = 0.0
    planning_time: float = 0.0
    robots: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Time of the whole path [s]."""
        return float(self.times[-1])

    @property
    def knots(self) -> FloatArray:
        """Path parameters (N,) of the way points."""
        return JointPath(self.way_points).knots

    @property
    def digest(self) -> str:
        """SHA-256 of everything but the planning time, hexadecimal: the same plan has the same one on every machine."""
        made = hashlib.sha256()
        texts = (self.robot, self.planner, self.scene_version, self.time_law, *self.attached, "", *self.joint_names)
        for text in (*texts, *(("", *self.robots) if self.robots else ())):
            made.update(text.encode("utf-8") + b"\0")
        numbers = (
            self.speed_scale,
            self.length,
            self.direct_length,
            self.check_step,
            self.clearance,
            self.fraction,
            self.tool_speed,
            self.most_rate,
        )
        made.update(struct.pack("<Q8d", self.seed, *numbers))
        for values in (self.start, self.way_points, self.times, self.parameters, self.rates):
            made.update(struct.pack("<Q", values.size) + np.ascontiguousarray(values, dtype="<f8").tobytes())
        return made.hexdigest()

    def move(self, limits: JointLimits) -> PlannedMove:
        """Return what is played: exactly this curve with exactly this time law.

        Args:
            limits: Limits of all joints of the robot.

        Raises:
            MotionError: If the plan names joints that the robot does not have.
            ShapeError: If its arrays do not belong together.
        """
        unknown = [name for name in self.joint_names if name not in limits.index]
        if unknown:
            raise MotionError("invalid_goal", f"the plan moves {', '.join(unknown)}; valid: {', '.join(limits.names)}")
        columns = [limits.index[name] for name in self.joint_names]
        path = JointPath(self.way_points)
        most_rate = self.most_rate or math.inf
        law = GridTimedPath(path, limits, columns, self.times, self.parameters, self.rates, most_rate)
        return PlannedMove(tuple(columns), path, self.way_points[-1].copy(), law)
