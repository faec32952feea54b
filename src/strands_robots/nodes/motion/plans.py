"""The planning processes of motion_node, and the plans that it keeps for execute_plan."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.text import printable
from strands_robots.motion.task import RobotKinematics
from strands_robots.planning.group_job import GroupJob
from strands_robots.planning.plan import Plan
from strands_robots.planning.plan_job import PlanJob
from strands_robots.planning.plan_process import PlannedGroup, PlannedRobot, PlanProcess, Search

MOST_KEPT = 32
"""Plans that are kept for each robot."""


@dataclass(frozen=True, eq=False)
class KeptPlan:
    """A plan with what it was made for.

    Attributes:
        plan: The plan.
        job: The question that it answers, with what stood around the robot or robots.
        tool_points: Places of the tools at its way points, as in its message [m].
    """

    plan: Plan
    job: PlanJob | GroupJob
    tool_points: FloatArray


class Plans:
    """One planning process for each robot, and for each group that is planned together, started when needed. From any thread.

    Args:
        avoid_ground: Take the plane under the robots' bases for an obstacle.
        search: Asks another program for ways, as `PlanProcess`; None for none.
    """

    def __init__(self, *, avoid_ground: bool, search: Search | None = None) -> None:
        self._avoid_ground, self._search = avoid_ground, search
        self._lock = threading.Lock()
        self._processes: dict[tuple[str, ...], tuple[tuple[RobotKinematics, ...], PlanProcess]] = {}
        self._kept: dict[str, OrderedDict[str, KeptPlan]] = {}

    def make(self, robot: RobotKinematics, job: PlanJob, is_over: Callable[[], bool]) -> Plan:
        """Return the plan of a job; see `PlanProcess.plan`."""
        return self._process((robot,)).plan(job, is_over)

    def make_together(self, robots: tuple[RobotKinematics, ...], job: GroupJob, is_over: Callable[[], bool]) -> Plan:
        """Return the plan of a job for several robots; see `PlanProcess.plan`."""
        return self._process(robots).plan(job, is_over)

    def keep(self, plan: Plan, job: PlanJob | GroupJob, tool_points: FloatArray) -> None:
        """Keep a plan, with the places of the tools at its way points.

        The oldest of its robot, or of the first of its robots, goes where there are too many.
        """
        with self._lock:
            kept = self._kept.setdefault(plan.robot, OrderedDict())
            kept[plan.digest] = KeptPlan(plan, job, tool_points)
            kept.move_to_end(plan.digest)
            while len(kept) > MOST_KEPT:
                kept.popitem(last=False)

    def find(self, robot: str, digest: str) -> KeptPlan:
        """Return a plan by its digest.

        Raises:
            MotionError: "refused" if it is not kept; the message lists the last ones that are.
        """
        with self._lock:
            kept = self._kept.get(robot, OrderedDict())
            found = kept.get(digest)
            valid = ", ".join(name for name in reversed(list(kept)[-3:])) or "none, so plan_motion first"
        if found is None:
            raise MotionError(
                "refused", f"no plan with digest '{printable(digest)}' is kept for '{robot}'; valid: {valid}"
            )
        return found

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            processes, self._processes = list(self._processes.values()), {}
        for _, process in processes:
            process.close()

    def _process(self, robots: tuple[RobotKinematics, ...]) -> PlanProcess:
        names = tuple(robot.name for robot in robots)
        with self._lock:
            known = self._processes.get(names)
            if known is None or any(one is not other for one, other in zip(known[0], robots)):
                if known is not None:  # the robot of this name is another one now
                    known[1].close()
                planned = tuple(PlannedRobot(robot.config, robot.name, self._avoid_ground) for robot in robots)
                process = PlanProcess(planned[0] if len(planned) == 1 else PlannedGroup(planned), self._search)
                known = self._processes[names] = robots, process
            return known[1]
