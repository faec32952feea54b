"""A plan as a goal of a motion session: played unchanged, or not at all. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.text import printable
from strands_robots.core.types import JointLimits
from strands_robots.motion.contact import arm_contact
from strands_robots.motion.move_to import JOINT_TOLERANCE
from strands_robots.motion.planner import PlannedMove
from strands_robots.motion.task import MotionPlan
from strands_robots.planning.plan import Plan

START_TOLERANCE = 0.01
"""Largest distance of a set-point from the plan's start [rad] or [m]."""


class PlanTask:
    """Plays one plan, bound to its digest: what was approved is what is played.

    The time law is the plan's own, so the speed of the session is not used; after a delay the rest of the same curve is played slower.

    Args:
        plan: The plan.
        digest: Digest of the plan that was approved.
        robot: Name of the robot that plays it.
        limits: Its limits.
        scene_change: Says in words what changed in the scene since the plan was made; empty for nothing. Asked before the robot moves.
        tolerance: Largest distance of a joint from the plan's end [rad] or [m].
        group: Limits of every robot of a plan for several, of which this one plays its part; None for a plan of one.

    Attributes:
        scene_change: As given; also asked while the plan is played.
        planned: What is played; None before `plan`.
    """

    def __init__(
        self,
        plan: Plan,
        digest: str,
        robot: str,
        limits: JointLimits,
        scene_change: Callable[[], str],
        tolerance: float = JOINT_TOLERANCE,
        group: Mapping[str, JointLimits] | None = None,
    ) -> None:
        self.speed = plan.speed_scale
        self.planned: PlannedMove | None = None
        self.scene_change = scene_change
        self._plan, self._digest, self._robot, self._limits = plan, digest, robot, limits
        self._tolerance, self._group = tolerance, group

    def plan(self, position: FloatArray, effort: FloatArray, commanded: FloatArray) -> MotionPlan:
        """Return the plan as it is; see `MotionTask`.

        Raises:
            MotionError: "refused" if it is another plan, of another robot, or starts elsewhere; "scene_changed" if its
                scene is another one.
        """
        plan = self._plan
        if plan.digest != self._digest:
            raise MotionError(
                "refused",
                f"the plan's digest is {plan.digest[:16]}..., approved was {printable(self._digest)[:16]}...; valid: the same one",
            )
        given = tuple(self._group or ()) if plan.robots else (self._robot,)
        if given != (plan.robots or (plan.robot,)):
            robots = "robots" if plan.robots else "robot"
            named = ", ".join(f"'{name}'" for name in plan.robots or (plan.robot,))
            valid = ", ".join(f"'{name}'" for name in given) or f"'{self._robot}'"
            raise MotionError("refused", f"the plan is for {robots} {named}; valid: for {valid}")
        change = self.scene_change()
        if change:
            raise MotionError(
                "scene_changed", f"since the plan was made, {change}; the robot was not moved; valid: plan anew"
            )
        if self._group is None:
            move, start = plan.move(self._limits), plan.start
        else:
            move, start = plan.part(self._robot, self._group), plan.start_of(self._robot, self._group)
        self.planned = move
        begin = commanded.copy() if start.shape != commanded.shape else start.copy()
        begin[list(move.columns)] = move.path.points[0]
        away = np.abs(commanded - begin)
        if away.max() > START_TOLERANCE:  # of all joints: an open gripper is another shape than a closed one
            joint = self._limits.names[int(away.argmax())]
            raise MotionError(
                "refused",
                f"'{joint}' is {away.max():.4f} from the plan's start; valid: up to {START_TOLERANCE:g}, so plan anew from here",
            )
        columns, end, tolerance = list(move.columns), move.end, self._tolerance

        def is_reached(measured: FloatArray) -> bool:
            return bool(np.abs(measured[columns] - end).max() <= tolerance)

        return MotionPlan(
            move, arm_contact(self._limits.velocity[columns]), is_reached, start_tolerance=START_TOLERANCE
        )
