"""RoboPlan as a planner, where it is installed: the same robot and scene, its own collision detection, our check afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("roboplan.rrt", reason="pip install roboplan==0.7.0")

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.planner import Problem, planner
from strands_robots.planning.planning_scene import PlanningScene, Shape
from strands_robots.planning.roboplan_planner import GROUP, _Search
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner
from strands_robots.planning.tool_limits import ToolLimits

from .scenes import box, wall

KINDS = {"box": (0.05, 0.04, 0.03), "sphere": (0.05,), "cylinder": (0.04, 0.06), "capsule": (0.03, 0.06), "mesh": ()}


def one_of_each(seed: int) -> PlanningScene:
    """Return a scene with a shape of each kind somewhere around a robot."""
    random = np.random.default_rng(seed)
    corners = random.uniform(-0.05, 0.05, (12, 3))
    shapes = []
    for kind, size in KINDS.items():
        place = np.append(random.uniform(0.15, 0.4, 2) * random.choice([-1.0, 1.0], 2), random.uniform(0.1, 0.5))
        pose = Pose(place, rotation_matrix(random.uniform(-1.0, 1.0, 3)))
        shapes.append(Shape(kind, kind, size, pose, corners if kind == "mesh" else None))
    return PlanningScene(tuple(shapes))


@pytest.mark.parametrize("robot", ["so101", "panda", "koch", "omx", "ur5e"])
def test_both_collision_detections_agree(robot: str, tmp_path: Path) -> None:
    """The model that RoboPlan gets is the robot in its scene: link for link, shape for shape, with the pairs that may touch."""
    arm = Arm(load_robot(robot))
    start = np.array([arm.config.home.get(name, 0.0) for name in arm.limits.names])
    checker = SceneChecker(arm, one_of_each(5))
    checker.start_at(start)
    columns = arm.tool_columns
    search = _Search(Problem(checker, tuple(columns), start, (start,), 0, 100, 0.02), 0.0, tmp_path)
    low, high = np.maximum(arm.limits.lower, -3.0)[columns], np.minimum(arm.limits.upper, 3.0)[columns]
    random, agreed, position = np.random.default_rng(1), [], start.copy()
    for _ in range(600):
        position[columns] = random.uniform(low, high)
        theirs = search._scene.toFullJointPositions(GROUP, position[columns] - search._zero)
        agreed.append((checker.is_free(position), not search._scene.hasCollisions(theirs)))
    same = [ours == theirs for ours, theirs in agreed]
    assert np.mean(same) > 0.97, "what differs is within the 2 mm that parts of a robot keep from each other"
    assert 0.02 < np.mean([ours for ours, _ in agreed]) < 0.98


@pytest.mark.parametrize(
    ("robot", "obstacle"),
    [
        ("so101", wall()),
        ("panda", box("wall", (0.5, 0.0, 0.4), (0.3, 0.02, 0.4))),
        ("ur5e", box("wall", (0.5, 0.0, 0.4), (0.3, 0.02, 0.4))),
    ],
)
def test_a_wall_is_gone_around_and_the_same_seed_gives_the_same_plan(robot: str, obstacle: Shape) -> None:
    arm = Arm(load_robot(robot))
    start = np.array([arm.config.home.get(name, 0.0) for name in arm.limits.names])
    if robot == "so101":
        start = np.array([0.0, 0.3, 0.0, 0.4, 0.0, 0.2])
    start[0] = 0.9
    columns = tuple(arm.tool_columns)
    goal = JointTarget(columns, np.concatenate([[-0.9], start[list(columns)][1:]]))
    request, scene = PlanRequest(goal, start, "roboplan", seed=7), PlanningScene((obstacle,))
    plan = ScenePlanner(arm).plan(request, scene)
    assert plan.planner == "roboplan" and plan.length > plan.direct_length + 0.05
    checker = SceneChecker(arm, replace(scene, clearance=0.0))
    law = plan.move(arm.limits).timed
    assert law is not None
    whole = np.tile(start, (400, 1))
    whole[:, list(columns)] = law.at(np.linspace(0.0, plan.duration, 400))
    assert checker.are_free(whole) == -1
    assert ScenePlanner(arm).plan(request, scene).digest == plan.digest


def test_no_way_is_said_with_the_bound() -> None:
    arm = Arm(load_robot("so101"))
    start = np.array([0.9, 0.3, 0.0, 0.4, 0.0, 0.2])
    walls = (wall(), box("lid", (0.2, 0.0, 0.45), (0.4, 0.4, 0.01)), box("back", (-0.2, 0.0, 0.3), (0.01, 0.5, 0.3)))
    request = PlanRequest(JointTarget((0,), np.array([-0.9])), start, "roboplan", iterations=50)
    with pytest.raises(MotionError, match="RoboPlan found no way within 50 nodes") as refused:
        ScenePlanner(arm).plan(request, PlanningScene(walls))
    assert refused.value.reason == "no_path"


@pytest.mark.parametrize(
    ("robot", "goal", "limits", "words"),
    [
        ("so101", JointTarget((0,), np.array([0.2])), ToolLimits(upright=0.3), "knows no limits of the tool's place"),
        ("panda", JointTarget((7,), np.array([0.02])), ToolLimits(), "which another joint follows"),
    ],
)
def test_what_it_cannot_do_is_refused(robot: str, goal: JointTarget, limits: ToolLimits, words: str) -> None:
    arm = Arm(load_robot(robot))
    start = np.array([arm.config.home.get(name, 0.0) for name in arm.limits.names])
    with pytest.raises(MotionError, match=words) as refused:
        ScenePlanner(arm).plan(PlanRequest(goal, start, "roboplan", tool=limits), PlanningScene())
    assert refused.value.reason == "invalid_goal"


def test_it_is_one_of_the_planners() -> None:
    assert type(planner("roboplan")).__name__ == "RoboPlanRrt"
