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
from strands_robots.planning.plan import Plan
from strands_robots.planning.plan_job import PlanJob
from strands_robots.planning.plan_process import PlannedRobot, PlanProcess, Search
from strands_robots.planning.surroundings import Surroundings

MOST_KEPT = 32
"""Plans that are kept for each robot."""


@dataclass(frozen=True, eq=False)
class KeptPlan:
    """A plan with what it was made in.

    Attributes:
        plan: The plan.
        surroundings: What stood around the robot.
        held: Objects that move with the tool.
        tool_points: Places of the tool at its way points (N, 3) [m]; none for a robot without tool.
    """

    plan: Plan
    surroundings: Surroundings
    held: tuple[str, ...]
    tool_points: FloatArray


class Plans:
    """One planning process for each robot, started when it is needed. From any thread.

    Args:
        avoid_ground: Take the plane under the robots' bases for an obstacle.
        search: Asks another program for ways, as `PlanProcess`; None for none.
    """

    def __init__(self, *, avoid_ground: bool, search: Search | None = None) -> None:
        self._avoid_ground, self._search = avoid_ground, search
        self._lock = threading.Lock()
        self._processes: dict[str, tuple[RobotKinematics, PlanProcess]] = {}
        self._kept: dict[str, OrderedDict[str, KeptPlan]] = {}

    def make(self, robot: RobotKinematics, job: PlanJob, is_over: Callable[[], bool]) -> Plan:
        """Return the plan of a job; see `PlanProcess.plan`."""
        return self._process(robot).plan(job, is_over)

    def keep(self, plan: Plan, job: PlanJob, tool_points: FloatArray) -> None:
        """Keep a plan with the places of the tool at its way points; the oldest of its robot goes where there are too many."""
        with self._lock:
            kept = self._kept.setdefault(plan.robot, OrderedDict())
            kept[plan.digest] = KeptPlan(plan, job.surroundings, job.held, tool_points)
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

    def _process(self, robot: RobotKinematics) -> PlanProcess:
        with self._lock:
            known = self._processes.get(robot.name)
            if known is None or known[0] is not robot:
                if known is not None:  # the robot of this name is another one now
                    known[1].close()
                process = PlanProcess(PlannedRobot(robot.config, robot.name, self._avoid_ground), self._search)
                known = self._processes[robot.name] = robot, process
            return known[1]
