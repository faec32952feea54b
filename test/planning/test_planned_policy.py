"""The policy "planned": a way around what the world has, to a goal of the settings or of the task's words."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.core.types import Observation
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.surroundings import Surroundings
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy, needs_process

from .scenes import box, wall

LIMITS = load_robot("so101").limits()
START = np.array([0.9, 0.3, 0.0, 0.4, 0.0, 0.2])


class Around:
    """Surroundings that can be changed."""

    def __init__(self) -> None:
        self.shapes = (wall(),)

    def look(self, base_frame: str, ground: float | None) -> Surroundings:
        assert base_frame == "base_link" and ground is not None
        return Surroundings(self.shapes)


def seen(stamp: float, task: str = "") -> Observation:
    zeros = np.zeros(len(START))
    return Observation(stamp, LIMITS.names, START, zeros, zeros, task=task)


def policy(around: Around | None, **settings):
    context = PolicyContext("so101", LIMITS.names, LIMITS, surroundings=around.look if around else None)
    return create_policy("planned", {"model": "so101", "time_law": "quintic", **settings}, context)


def test_rows_go_around_the_wall_to_the_goal_and_stay_there() -> None:
    around = Around()
    made = policy(around, joints={"shoulder_pan": -0.9, "shoulder_lift": 0.3, "elbow_flex": 0.0, "wrist_flex": 0.4})
    assert not needs_process("planned") and not made.needs.language
    made.reset(0)
    try:
        rows = np.concatenate([made.infer(seen(10.0 + 0.4 * i)).values for i in range(25)])
    finally:
        made.close()
    checker = SceneChecker(Arm(load_robot("so101")), PlanningScene(around.shapes, clearance=0.0))
    assert [checker.problem(row) for row in rows if checker.problem(row)] == []
    assert rows[0] == pytest.approx(START, abs=1e-3) and rows[-1][0] == pytest.approx(-0.9)
    assert np.abs(np.diff(rows, axis=0)).max() < 0.1


def test_a_named_state_comes_from_the_tasks_words_and_a_changed_scene_ends_it() -> None:
    around = Around()
    made = policy(around)
    assert made.needs.language
    made.reset(0)
    try:
        with pytest.raises(UnknownNameError, match="unknown named state 'dishes'; valid: home"):
            made.infer(seen(1.0, "do the dishes"))
        around.shapes = ()
        assert made.infer(seen(1.0, "Go home.")).values.shape == (20, 6)
        around.shapes = (box("crate", (0.0, 0.5, 0.0), (0.1, 0.1, 0.1)),)
        with pytest.raises(PolicyError, match="scene_changed: since the plan was made, 'crate' is new"):
            made.infer(seen(1.4, "Go home."))
    finally:
        made.close()


def test_what_it_cannot_do_is_said() -> None:
    with pytest.raises(PolicyError, match="there is none; valid for a real robot: plan_motion"):
        policy(None, named="home")
    with pytest.raises(ConfigurationError, match="exclude each other"):
        policy(Around(), named="home", joints={"gripper": 0.5})
    made = policy(Around(), joints={"shoulder_pan": 0.0})
    made.reset(0)
    try:
        with pytest.raises(PolicyError, match=r"collision: at the target .* 'wall'"):
            made.infer(seen(1.0))
    finally:
        made.close()
