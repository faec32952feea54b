"""A planner that is another program: the planning process asks its parent, which has the way to it. No I/O.

Source of the one there is: MoveIt 2, github.com/moveit/moveit2 at commit 8fcb5d2327767af3c764b1348a69a9b74c5efd18.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.planning.planner import Problem
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.robot_group import single_arm
from strands_robots.planning.rrt_connect import shortened
from strands_robots.planning.tool_limits import ToolLimits


@dataclass(frozen=True, eq=False)
class OutsideSearch:
    """What another program is asked.

    Attributes:
        robot: Name of the robot.
        base_frame: Frame that the scene's poses are in.
        joint_names: All joints of the robot (D).
        start: Their positions (D,) [rad] or [m].
        moving: Joints that may move (D').
        goals: Positions (D',) each; any of them will do.
        scene: What stands around the robot, and what it holds.
        tool_frame: The tool's frame; empty for a robot without.
        tool: What the tool keeps to on the whole way.
        tool_start: The tool's pose in the base frame at the start; None without limits of it.
    """

    robot: str
    base_frame: str
    joint_names: tuple[str, ...]
    start: FloatArray
    moving: tuple[str, ...]
    goals: tuple[FloatArray, ...]
    scene: PlanningScene
    tool_frame: str = ""
    tool: ToolLimits = field(default_factory=ToolLimits)
    tool_start: Pose | None = None


Ask = Callable[[OutsideSearch], FloatArray]
"""Returns way points (N, D') from the start to one of the goals; raises MotionError."""


class OutsidePlanner:
    """The other program's search; what it answers is checked here.

    Attributes:
        ask: The way to the program; None where there is none, as outside a graph.
    """

    ask: Ask | None = None

    def way_points(self, problem: Problem) -> FloatArray:
        """Return a way; see `Planner`."""
        checker, columns = problem.checker, list(problem.columns)
        arm = single_arm(checker.arm, "moveit")
        names = arm.limits.names
        ask = type(self).ask
        if ask is None:
            raise MotionError(
                "invalid_goal",
                "planner 'moveit' is asked through motion_node, and this is not its process; valid: rrt_connect",
            )
        search = OutsideSearch(
            arm.name,
            arm.config.base_frame,
            names,
            problem.start,
            tuple(names[column] for column in columns),
            tuple(goal[columns] for goal in problem.goals),
            checker.scene,
            arm.config.tool_frame or "",
            checker.tool_limits[0] if checker.constraints else ToolLimits(),
            arm.tool_pose(problem.start) if checker.constraints else None,
        )
        rows = ask(search)
        points = np.tile(problem.start, (len(rows), 1))
        points[:, columns] = rows
        points[0] = problem.start
        ends = [float(np.abs(points[-1] - goal).max()) for goal in problem.goals]
        points[-1] = problem.goals[int(np.argmin(ends))]
        pairs = itertools.pairwise(points)
        if not all(checker.is_free(b) and checker.edge_is_free(a, b, problem.step) for a, b in pairs):
            raise MotionError(
                "no_path",
                "move_group's way is not free in the scene, or leaves the tool's limits, as both are checked here; the robot was not "
                "moved; valid: another planner, or the same shapes in MoveIt's scene",
            )
        return shortened(problem, points, np.random.default_rng(problem.seed))
