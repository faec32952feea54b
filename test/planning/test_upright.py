"""A tool that has to stay upright, on the whole way."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.errors import MotionError
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner

from .scenes import box

HELD_LEVEL = np.array([0.0, -0.4, 0.9, -0.5, 0.0, 0.2])


@pytest.fixture(scope="module")
def arm() -> Arm:
    return Arm(load_robot("so101"))


def tilts(arm: Arm, plan, start: np.ndarray) -> np.ndarray:
    """Return the tilt of the tool against the start along the played curve [rad]."""
    up = arm.tool_pose(start).rotation.T[:, 2]
    columns = [arm.limits.index[name] for name in plan.joint_names]
    angles = []
    for row in plan.move(arm.limits).timed.at(np.linspace(0.0, plan.duration, 200)):
        position = start.copy()
        position[columns] = row
        angles.append(np.arccos(np.clip(arm.tool_pose(position).rotation.T[:, 2] @ up, -1.0, 1.0)))
    return np.array(angles)


def test_a_held_cup_stays_upright_around_a_wall_and_would_not_without(arm: Arm) -> None:
    start, end = HELD_LEVEL.copy(), HELD_LEVEL.copy()
    start[0], end[0] = 0.8, -0.8
    # Another height at the end, by joints whose sum keeps the tool's direction.
    end[1:4] += np.array([0.5, -0.2, -0.3])
    wall = box("wall", (0.30, 0.0, 0.05), (0.12, 0.01, 0.10))
    goal = JointTarget(tuple(range(6)), end)
    free = ScenePlanner(arm).plan(PlanRequest(goal, start, "rrt_connect", "quintic"), PlanningScene((wall,)))
    level = ScenePlanner(arm).plan(
        PlanRequest(goal, start, "rrt_connect", "quintic", upright=0.15), PlanningScene((wall,))
    )
    assert tilts(arm, level, start).max() < 0.16
    assert tilts(arm, free, start).max() > 0.2, "the wall is gone around by tilting where that is free"


def test_a_target_that_is_tilted_is_named(arm: Arm) -> None:
    end = HELD_LEVEL.copy()
    end[3] += 0.5
    request = PlanRequest(JointTarget(tuple(range(6)), end), HELD_LEVEL, "rrt_connect", "quintic", upright=0.1)
    with pytest.raises(
        MotionError, match=r"the tool would be tilted by 0\.500 rad against the start; valid: up to 0\.1"
    ):
        ScenePlanner(arm).plan(request, PlanningScene())


@pytest.mark.parametrize("upright", [-1.0, 0.001, 9.0, float("nan")])
def test_a_tolerance_that_is_none_is_refused(arm: Arm, upright: float) -> None:
    request = PlanRequest(JointTarget((0,), np.array([0.1])), HELD_LEVEL, "rrt_connect", "quintic", upright=upright)
    with pytest.raises(MotionError, match=r"valid: 0\.01 to 3, or 0 for no limit"):
        ScenePlanner(arm).plan(request, PlanningScene())
