"""A plan: the curve that was checked, its time law, and what it was checked in. No I/O."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.types import JointLimits
from strands_robots.motion.grid_timed_path import GridTimedPath
from strands_robots.motion.part_law import PartTimedPath
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
        if self.robots:
            raise MotionError(
                "invalid_goal", f"the plan is for {', '.join(self.robots)} together; valid: each its own part"
            )
        unknown = [name for name in self.joint_names if name not in limits.index]
        if unknown:
            raise MotionError("invalid_goal", f"the plan moves {', '.join(unknown)}; valid: {', '.join(limits.names)}")
        columns = [limits.index[name] for name in self.joint_names]
        law = self._law(limits, columns)
        return PlannedMove(tuple(columns), law.path, self.way_points[-1].copy(), law)

    def part(self, robot: str, limits: Mapping[str, JointLimits]) -> PlannedMove:
        """Return what one robot of several plays: its joints of exactly this curve, by the time law of all.

        Args:
            robot: The robot.
            limits: Limits of all joints of each robot of the plan.

        Raises:
            MotionError: If the plan names robots or joints that are not there.
            ShapeError: If its arrays do not belong together.
        """
        if robot not in self.robots or set(limits) != set(self.robots):
            raise MotionError(
                "invalid_goal",
                f"a part for '{robot}' among {', '.join(limits)} was asked for; valid: one of {', '.join(self.robots)}",
            )
        together = joined_limits({name: limits[name] for name in self.robots})
        unknown = [name for name in self.joint_names if name not in together.index]
        if unknown:
            raise MotionError(
                "invalid_goal", f"the plan moves {', '.join(unknown)}; valid: {', '.join(together.names)}"
            )
        columns = [together.index[name] for name in self.joint_names]
        prefix = f"{robot}/"
        own = [number for number, name in enumerate(self.joint_names) if name.startswith(prefix)]
        law = PartTimedPath(self._law(together, columns), together, columns, own)
        index = limits[robot].index
        local = tuple(index[self.joint_names[number][len(prefix) :]] for number in own)
        return PlannedMove(local, law.path, self.way_points[-1, own].copy(), law)

    def start_of(self, robot: str, limits: Mapping[str, JointLimits]) -> FloatArray:
        """Return the positions (D,) that one robot of several starts from [rad] or [m]."""
        first = sum(len(limits[name]) for name in self.robots[: self.robots.index(robot)])
        return self.start[first : first + len(limits[robot])]

    def _law(self, limits: JointLimits, columns: list[int]) -> GridTimedPath:
        path = JointPath(self.way_points)
        most_rate = self.most_rate or math.inf
        return GridTimedPath(path, limits, columns, self.times, self.parameters, self.rates, most_rate)


def joined_limits(limits: Mapping[str, JointLimits]) -> JointLimits:
    """Return the limits of several robots' joints, robot by robot, named "<robot>/<joint>"."""

    def together(field: str) -> FloatArray:
        values: FloatArray = np.concatenate([getattr(each, field) for each in limits.values()])
        return values

    names = tuple(f"{robot}/{joint}" for robot, each in limits.items() for joint in each.names)
    return JointLimits(names, *(together(field) for field in ("lower", "upper", "velocity", "acceleration", "effort")))
