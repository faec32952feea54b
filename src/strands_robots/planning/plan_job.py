"""A request together with what stands around the robot: all that planning in another process needs. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace

from strands_robots.planning.default_clearance import DEFAULT_CLEARANCES, widest_plan
from strands_robots.planning.plan import Plan
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner, checked_start
from strands_robots.planning.surroundings import Surroundings


@dataclass(frozen=True, eq=False)
class PlanJob:
    """One question to a planning process.

    Attributes:
        request: What is asked for.
        surroundings: What stands around the robot.
        held: Objects that move with the tool.
        may_touch: Objects, shapes or links that the robot and what it holds may touch.
        clearances: Distances to keep, tried in this order [m].
    """

    request: PlanRequest
    surroundings: Surroundings
    held: tuple[str, ...] = ()
    may_touch: tuple[str, ...] = ()
    clearances: tuple[float, ...] = DEFAULT_CLEARANCES

    def plan(self, planner: ScenePlanner) -> Plan:
        """Return the plan.

        Raises:
            MotionError: As `ScenePlanner.plan`.
            ConfigurationError: If the scene is not valid for this robot.
            UnknownNameError: If held or may_touch name what is not there.
        """
        arm = planner.arm
        start = checked_start(arm, self.request.start)
        link = arm.tool_link or arm.links[-1]
        link_pose = arm.link_pose(start, link)

        def make(clearance: float, iterations: int) -> Plan:
            scene = self.surroundings.scene(self.held, self.may_touch, clearance, link, link_pose, arm.links)
            return planner.plan(replace(self.request, iterations=iterations), scene)

        return widest_plan(self.clearances, self.request.iterations, make)
