"""Plans on the simulated arm behind its gate: played as they were checked, or refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from motion.simulated import PERIOD, TABLE, Simulated

from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.move_to import joint_target
from strands_robots.planning.plan_task import PlanTask
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner

from .scenes import wall

WALL = '<geom name="wall" type="box" size=".12 .01 .10" pos=".28 0 .10"/>'
START = {"shoulder_pan": 0.9, "shoulder_lift": 0.3, "elbow_flex": 0.0, "wrist_flex": 0.4}
GOAL = {**START, "shoulder_pan": -0.9}


@pytest.fixture
def arm(tmp_path: Path) -> Simulated:
    path = tmp_path / "scene.xml"
    path.write_text(f"<mujoco><worldbody>{TABLE}{WALL}</worldbody></mujoco>", encoding="utf-8")
    made = Simulated(path, home=START)
    for _ in range(20):
        made.tick()
    return made


def planned(arm: Simulated, law: str = "quintic"):
    request = PlanRequest(
        joint_target(arm.limits, list(GOAL), list(GOAL.values()), 0.0),
        arm.targets[-1].copy(),
        "rrt_connect",
        time_law=law,
        speed=1.0,
    )
    return ScenePlanner(arm.kinematics.arm).plan(request, PlanningScene((wall(),)))


@pytest.mark.parametrize("law", ["quintic", "toppra"])
def test_the_arm_follows_the_plan_within_its_limits_and_meets_nothing(arm: Simulated, law: str) -> None:
    if law == "toppra":
        pytest.importorskip("toppra", reason="toppra is not installed (requirements/planning.txt)")
    plan = planned(arm, law)
    before = len(arm.targets)
    session = arm.session(PlanTask(plan, plan.digest, "so101", arm.limits, lambda: "", tolerance=0.02))
    arm.play(session)
    assert session.ending is not None and session.ending.reason is MotionReason.REACHED, session.ending
    columns = [arm.limits.index[name] for name in plan.joint_names]
    played = np.array(arm.targets[before - 1 :])[:, columns]
    curve = plan.move(arm.limits).timed.at(np.linspace(0.0, plan.duration, 2000))
    gaps = [np.abs(curve - row).max(axis=1).min() for row in played[:: max(len(played) // 100, 1)]]
    # Between rows of a chunk the player has a spline of its own; at the end the set-points correct for gravity.
    assert np.median(gaps) < 2e-3 and max(gaps) < 0.05
    velocity = np.abs(np.diff(played, axis=0)).max(axis=0) / PERIOD
    assert (velocity <= 1.001 * arm.limits.velocity[columns]).all()


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"digest": "0" * 64}, MotionReason.REFUSED, "digest"),
        ({"robot": "other"}, MotionReason.REFUSED, "for robot 'so101'"),
        ({"scene_change": lambda: "'wall' is gone"}, MotionReason.SCENE_CHANGED, "'wall' is gone"),
    ],
)
def test_what_is_not_the_approved_plan_in_its_scene_is_not_played(
    arm: Simulated, change: dict, reason, words: str
) -> None:
    plan = planned(arm)
    before = arm.targets[-1].copy()
    given = {
        "plan": plan,
        "digest": plan.digest,
        "robot": "so101",
        "limits": arm.limits,
        "scene_change": lambda: "",
        **change,
    }
    session = arm.session(PlanTask(**given))
    arm.play(session)
    assert session.ending is not None and session.ending.reason is reason and words in session.ending.message
    assert np.allclose(arm.targets[-1], before), "no motor moved"


def test_a_plan_that_starts_elsewhere_is_refused(arm: Simulated) -> None:
    plan = planned(arm)
    shifted = plan.way_points + 0.1
    other = dataclasses.replace(plan, way_points=shifted)
    session = arm.session(PlanTask(other, other.digest, "so101", arm.limits, lambda: ""))
    arm.play(session)
    assert session.ending is not None and "from the plan's start" in session.ending.message
