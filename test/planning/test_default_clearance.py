"""Where no distance is asked for, a plan keeps the larger one that there is a way with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.default_clearance import DEFAULT_CLEARANCES, FIRST_ITERATIONS, widest_plan
from strands_robots.planning.plan_job import PlanJob
from strands_robots.planning.planning_scene import PlanningScene, Shape
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner
from strands_robots.planning.surroundings import Surroundings

START, GOAL = np.array([-0.5, 0.3, 0.0, 0.4, 0.0, 0.2]), np.array([0.0, 0.3, 0.0, 0.4, 0.0, 0.2])


@pytest.fixture(scope="module")
def planner() -> ScenePlanner:
    return ScenePlanner(Arm(load_robot("so101")))


def job(gap: float, arm: Arm, **changes: Any) -> PlanJob:
    """Return the question for a way to a goal that is a gap away from a block beyond it [m]."""

    def block(y: float) -> Shape:
        return Shape("block", "box", (0.15, 0.01, 0.5), Pose(np.array([0.35, y, 0.0]), np.eye(3)))

    # The arm comes from the left, so the block stands at the right of the gripper; where exactly it touches is found by halving.
    near, far = -0.01, -0.5
    for _ in range(40):
        middle = 0.5 * (near + far)
        is_free = SceneChecker(arm, PlanningScene((block(middle),), clearance=0.0)).is_free(GOAL)
        near, far = (near, middle) if is_free else (middle, far)
    request = PlanRequest(JointTarget(tuple(range(6)), GOAL), START, "rrt_connect")
    return PlanJob(request, Surroundings((block(far - gap),)), **changes)


@pytest.mark.parametrize(("gap", "kept"), [(0.015, 0.01), (0.005, 0.002)])
def test_a_plan_keeps_the_larger_distance_that_its_target_leaves(
    planner: ScenePlanner, gap: float, kept: float
) -> None:
    plan = job(gap, planner.arm).plan(planner)
    assert plan.clearance == kept and kept in DEFAULT_CLEARANCES
    assert np.allclose(plan.way_points[-1], GOAL)


def test_a_distance_that_is_asked_for_is_kept_or_refused(planner: ScenePlanner) -> None:
    with pytest.raises(MotionError, match=r"'block'; valid: at least 10\.0 mm"):
        job(0.005, planner.arm, clearances=(0.01,)).plan(planner)


def made(asked: list[tuple[float, int]], *outcomes: float | str) -> Any:
    """Return a maker of plans: a fraction is a plan, a word the reason why there is none."""
    left = list(outcomes)

    def make(clearance: float, iterations: int) -> Any:
        asked.append((clearance, iterations))
        outcome = left.pop(0)
        if isinstance(outcome, str):
            raise MotionError(outcome, "why")
        return SimpleNamespace(fraction=outcome, clearance=clearance)

    return make


def test_a_search_for_the_larger_distance_is_short_and_a_part_of_a_line_is_not_taken_for_the_whole() -> None:
    asked: list[tuple[float, int]] = []
    plan = widest_plan((0.01, 0.002), 20_000, made(asked, 0.6, 1.0))
    assert plan.clearance == 0.002 and asked == [(0.01, FIRST_ITERATIONS), (0.002, 20_000)]
    assert widest_plan((0.01, 0.002), 100, made(asked, 1.0)).clearance == 0.01 and asked[-1] == (0.01, 100)


@pytest.mark.parametrize("reason", ["invalid_goal", "cancelled", "planner_lost"])
def test_what_has_nothing_to_do_with_the_distance_is_said_at_once(reason: str) -> None:
    asked: list[tuple[float, int]] = []
    with pytest.raises(MotionError):
        widest_plan((0.01, 0.002), 100, made(asked, reason))
    assert len(asked) == 1
