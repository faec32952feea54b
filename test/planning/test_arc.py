"""The tool on the arc of a circle, as far as it is free."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.planning.arc import arc_through
from strands_robots.planning.goals import LineGoal
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner

from .scenes import box


def test_an_arc_goes_through_its_three_points_at_one_radius() -> None:
    rng = np.random.default_rng(2)
    for begin, through, end in rng.normal(size=(50, 3, 3)):
        arc = arc_through(begin, through, end)
        points = np.array([arc.at(part) for part in np.linspace(0.0, 1.0, 4001)])
        assert points[0] == pytest.approx(begin) and points[-1] == pytest.approx(end)
        assert np.linalg.norm(points - through, axis=1).min() < 2e-3 * arc.length
        radii = np.linalg.norm(points - arc.centre, axis=1)
        assert radii == pytest.approx(radii[0])
        assert np.linalg.norm(np.diff(points, axis=0), axis=1).sum() == pytest.approx(arc.length, rel=1e-5)


@pytest.mark.parametrize(
    "points", [[(0, 0, 0), (1, 0, 0), (2, 0, 0)], [(0, 0, 0), (0, 0, 0), (1, 0, 0)], [(0, 0, 0), (1, 0, 0), (0, 0, 0)]]
)
def test_points_without_a_circle_are_refused(points: list[tuple[float, float, float]]) -> None:
    with pytest.raises(MotionError, match="valid: three points of one circle"):
        arc_through(*(np.array(point, dtype=float) for point in points))


def test_the_tool_follows_the_arc_and_says_how_far_it_gets() -> None:
    arm = Arm(load_robot("panda"))
    planner = ScenePlanner(arm)
    home = load_robot("panda").home
    start = np.array([home[name] for name in arm.limits.names])
    tool = arm.tool_pose(start)
    through, end = tool.position + np.array([0.0, 0.1, 0.1]), tool.position + np.array([0.0, 0.2, 0.0])
    target = PoseTarget(Pose(end, tool.rotation), Orientation.FULL)
    arc = arc_through(tool.position, through, end)
    assert np.linalg.norm(arc.centre - tool.position) == pytest.approx(0.1), "half a circle"
    plan = planner.plan(PlanRequest(LineGoal(target, through=tuple(through)), start, ""), PlanningScene())
    rows = np.tile(start, (200, 1))
    move = plan.move(arm.limits)
    rows[:, list(move.columns)] = move.path.at(np.linspace(0.0, 1.0, 200))
    poses = [arm.tool_pose(row) for row in rows]
    away = [abs(float(np.linalg.norm(pose.position - arc.centre)) - 0.1) for pose in poses]
    assert plan.fraction == 1.0 and max(away) < 2e-3
    assert max(abs(pose.position[0] - tool.position[0]) for pose in poses) < 2e-3
    assert poses[-1].position == pytest.approx(end, abs=2e-3)
    in_tool = tool.inverse()
    goal = LineGoal(
        PoseTarget(in_tool.at(target.pose), Orientation.FULL),
        is_relative=True,
        through=tuple(in_tool.at(Pose(through, np.eye(3))).position.tolist()),
    )
    assert planner.plan(PlanRequest(goal, start, ""), PlanningScene()).way_points == pytest.approx(
        plan.way_points, abs=1e-3
    )
    crate = PlanningScene((box("crate", tuple(end + np.array([0.0, 0.05, 0.05])), (0.03, 0.03, 0.03)),))
    part = planner.plan(PlanRequest(LineGoal(target, 0.2, through=tuple(through)), start, ""), crate)
    assert 0.2 <= part.fraction < 1.0
    with pytest.raises(MotionError, match=r"ends after .* percent: 'panda_.*' would be .* 'crate'"):
        planner.plan(PlanRequest(LineGoal(target, through=tuple(through)), start, ""), crate)
