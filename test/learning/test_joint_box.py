"""Where an online learner may send the joints, and how measured joints alone judge a task."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.description.lerobot_units import Units
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.harness.measured_task import MeasuredTask
from strands_robots.evaluation.harness.stepped_task import SteppedTask
from strands_robots.evaluation.task import load_task
from strands_robots.learning.online.joint_box import JointBox, box_about

LIMITS = load_robot("so101").limits()


def test_actions_are_the_sides_of_the_box() -> None:
    box = JointBox(np.array([0.0, -10.0, 5.0]), np.array([2.0, 10.0, 5.0]))
    assert box.target(np.array([-1.0, 1.0, 1.0])).tolist() == [0.0, 10.0, 5.0]
    assert box.target(np.zeros(3)).tolist() == [1.0, 0.0, 5.0]
    assert box.action(np.array([1.5, -99.0, 7.0])).tolist() == [0.5, -1.0, 0.0]
    for wrong, words in ((np.zeros(2), "shape"), (np.array([0.0, 1.2, 0.0]), "valid: -1 to 1")):
        with pytest.raises(PolicyError, match=words):
            box.target(wrong)
    with pytest.raises(PolicyError, match="valid: -1 to 1"):
        box.target(np.array([np.nan, 0.0, 0.0]))


def test_box_stays_within_the_limits_and_leaves_other_joints_alone() -> None:
    start = np.zeros(len(LIMITS))
    start[0] = LIMITS.upper[0] - 0.1
    box = box_about(LIMITS, start, 0.4, ("shoulder_pan", "elbow_flex"))
    assert box.upper[0] == LIMITS.upper[0] and box.lower[0] == pytest.approx(LIMITS.upper[0] - 0.5)
    moving = box.upper > box.lower
    assert [name for name, moves in zip(LIMITS.names, moving) if moves] == ["shoulder_pan", "elbow_flex"]
    with pytest.raises(UnknownNameError, match="joint 'elbow'"):
        box_about(LIMITS, start, 0.4, ("elbow",))
    with pytest.raises(ConfigurationError, match="the span is 0; valid: above 0"):
        box_about(LIMITS, start, 0.0, ())
    with pytest.raises(ConfigurationError, match="no joint may move"):
        JointBox(np.zeros(2), np.zeros(2))


def test_measured_joints_say_the_same_progress_as_the_simulated_world() -> None:
    stepped, measured = SteppedTask("reach", 10.0, units=Units.SI), MeasuredTask(load_task("reach"))
    seen = stepped.reset(2)
    measured.begin(seen.state)
    rng = np.random.default_rng(1)
    for step in range(1, 21):
        goal = stepped.home + rng.uniform(-0.4, 0.4, 6) * [1, 1, 1, 1, 0, 0]
        seen = stepped.step(np.clip(goal, LIMITS.lower, LIMITS.upper))
        progress, is_done, failed = measured.look(seen.state, step / 10.0)
        assert progress == pytest.approx(seen.progress, abs=0.02) and is_done == seen.is_success and not failed


def test_tasks_that_joints_cannot_judge_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"has objects \(cube\).*valid: a task of the robot's own links"):
        MeasuredTask(load_task("lift_cube"))
    text = "{name: fast, robot: so101, success: {joint: shoulder_pan, quantity: velocity, above: 1.0}}"
    with pytest.raises(ConfigurationError, match="valid for measured joints: positions of joints"):
        MeasuredTask(load_task(text))
    with pytest.raises(UnknownNameError, match="joint of a condition"):
        MeasuredTask(load_task("{name: odd, robot: so101, success: {joint: wrist, above: 1.0}}"))
    done = MeasuredTask(
        load_task("{name: turn, robot: so101, success: {holds: {joint: shoulder_pan, above: 0.5}, for: 0.2}}")
    )
    done.begin(np.zeros(6))
    turned = np.array([0.6, 0, 0, 0, 0, 0])
    assert [done.look(turned, now)[1] for now in (0.1, 0.2, 0.35)] == [False, False, True]
