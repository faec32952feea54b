"""Plans at full speed, played by the simulated arm: no joint is commanded or measured beyond its limits."""

from __future__ import annotations

import numpy as np
import pytest
from motion.simulated import PERIOD, Simulated

from strands_robots.core.errors import MotionError
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.plan_task import PlanTask
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner

GOALS = 3
NOISE = 0.01  # of a limit; rounding, and the player's own spline between the rows of a chunk


@pytest.mark.parametrize("robot", ["so101", "panda"])
def test_set_points_and_measured_joints_stay_within_the_limits(robot: str) -> None:
    pytest.importorskip("toppra", reason="toppra is not installed (requirements/planning.txt)")
    arm = Simulated(robot=robot)
    for _ in range(20):
        arm.tick()
    limits, planner = arm.limits, ScenePlanner(arm.kinematics.arm)
    columns = arm.kinematics.arm.tool_columns
    random = np.random.default_rng(7)
    low, high = np.maximum(limits.lower, -2.0)[columns], np.minimum(limits.upper, 2.0)[columns]
    begin, reached = len(arm.targets) - 1, 0
    while reached < GOALS:
        goal = JointTarget(tuple(columns), random.uniform(low, high))
        request = PlanRequest(goal, arm.targets[-1].copy(), "rrt_connect", speed=1.0)
        try:
            plan = planner.plan(request, PlanningScene())
        except MotionError as error:
            assert error.reason == "collision", error  # this goal is in the ground
            continue
        session = arm.session(PlanTask(plan, plan.digest, robot, limits, lambda: "", tolerance=0.05))
        arm.play(session)
        assert session.ending is not None and session.ending.reason is MotionReason.REACHED, session.ending
        reached += 1
    targets, measured = (np.array(rows[begin:])[:, columns] for rows in (arm.targets, arm.measured))
    velocity, acceleration = limits.velocity[columns], limits.acceleration[columns]
    ratios = {
        "commanded velocity": np.abs(np.diff(targets, axis=0)).max(axis=0) / PERIOD / velocity,
        "commanded acceleration": np.abs(np.diff(targets, n=2, axis=0)).max(axis=0) / PERIOD**2 / acceleration,
        "measured velocity": np.abs(np.diff(measured, axis=0)).max(axis=0) / PERIOD / velocity,
    }
    for name, ratio in ratios.items():
        assert (ratio <= 1.0 + NOISE).all(), f"{name}: {ratio}"
    assert ratios["commanded velocity"].max() > 0.5 or ratios["commanded acceleration"].max() > 0.8, "at full speed"
