"""A request together with what stands around the robot: all that planning in another process needs. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from strands_robots.planning.plan import Plan
from strands_robots.planning.planning_scene import DEFAULT_CLEARANCE
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
        clearance: Distance to keep [m].
    """

    request: PlanRequest
    surroundings: Surroundings
    held: tuple[str, ...] = ()
    may_touch: tuple[str, ...] = ()
    clearance: float = DEFAULT_CLEARANCE

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
        scene = self.surroundings.scene(
            self.held, self.may_touch, self.clearance, link, arm.link_pose(start, link), arm.links
        )
        return planner.plan(self.request, scene)
