"""A request for several robots together with what stands around them: all that planning in another process needs. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import Pose, rotation_between
from strands_robots.planning.default_clearance import DEFAULT_CLEARANCES, widest_plan
from strands_robots.planning.group_planner import GroupPlanner, GroupRequest, RobotWish, about_robot
from strands_robots.planning.plan import Plan
from strands_robots.planning.scene_move import SceneGoal
from strands_robots.planning.scene_planner import checked_start
from strands_robots.planning.surroundings import Holder, Surroundings

_SAME_PLACE = 1e-3  # [m]; a base that moved less is where it was
_SAME_TURN = 1e-2  # [rad]


@dataclass(frozen=True, eq=False)
class GroupPlace:
    """Where some robots stand, and what stands around them.

    Attributes:
        robots: Names of the robots.
        bases: Pose of each robot's base frame in that of the first.
        around: What stands around them, in the base frame of the first.
    """

    robots: tuple[str, ...]
    bases: tuple[Pose, ...]
    around: Surroundings = field(default_factory=Surroundings)

    def change_from(self, other: GroupPlace, held: Iterable[str]) -> str:
        """Return in words what changed since another look; empty for nothing above 1 mm or 0.01 rad."""
        changes = []
        for name, now, before in zip(self.robots, self.bases, other.bases):
            moved = float(np.linalg.norm(now.position - before.position))
            turned = rotation_between(now.rotation, before.rotation)
            if moved > _SAME_PLACE or turned > _SAME_TURN:
                changes.append(f"the base of '{name}' has moved by {1e3 * moved:.1f} mm and {turned:.3f} rad")
        return "; ".join([*changes, *filter(None, [self.around.change_from(other.around, held)])])


@dataclass(frozen=True, eq=False)
class GroupJob:
    """One question to a planning process of several robots.

    Attributes:
        request: What is asked for.
        place: Where they stand.
        held: For each robot the objects that move with its tool.
        may_touch: For each robot the objects, shapes or links that it may touch.
        clearances: Distances to keep from the surroundings, and from each other, tried in this order [m].
    """

    request: GroupRequest
    place: GroupPlace
    held: tuple[tuple[str, ...], ...]
    may_touch: tuple[tuple[str, ...], ...]
    clearances: tuple[float, ...] = DEFAULT_CLEARANCES

    def plan(self, planner: GroupPlanner) -> Plan:
        """Return the plan.

        Raises:
            MotionError: As `GroupPlanner.plan`.
            ConfigurationError: If the scene is not valid for these robots.
            UnknownNameError: If held or may_touch name what is not there.
        """
        holders = []
        for arm, base, wish, held, may_touch in zip(
            planner.arms, self.place.bases, self.request.wishes, self.held, self.may_touch, strict=True
        ):
            with about_robot(arm):
                start = checked_start(arm, wish.start)
            link = arm.tool_link or arm.links[-1]
            links = tuple(f"{arm.name}/{each}" for each in arm.links)
            named = tuple(f"{arm.name}/{name}" if name in arm.links else name for name in may_touch)
            holders.append(Holder(held, named, f"{arm.name}/{link}", base.at(arm.link_pose(start, link)), links))

        def make(clearance: float, iterations: int) -> Plan:
            scene = self.place.around.scene_of(holders, clearance)
            return planner.plan(replace(self.request, iterations=iterations), self.place.bases, scene)

        return widest_plan(self.clearances, self.request.iterations, make)


def group_job(wishes: Sequence[SceneGoal], starts: Sequence[FloatArray], place: GroupPlace) -> GroupJob:
    """Return the question to a planning process.

    Args:
        wishes: What is asked of each robot; planner, time law, speed, seed, iterations and clearances are the first one's.
        starts: Joint positions (D,) of each robot [rad] or [m].
        place: Where they stand.
    """
    first = wishes[0]
    asked = tuple(RobotWish(wish.goal, start, wish.tool) for wish, start in zip(wishes, starts, strict=True))
    request = GroupRequest(asked, first.planner, first.time_law, first.speed, first.seed, first.iterations)
    held, may_touch = tuple(wish.held for wish in wishes), tuple(wish.may_touch for wish in wishes)
    return GroupJob(request, place, held, may_touch, first.clearances)
