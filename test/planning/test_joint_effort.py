"""A time law within the efforts that the joints have."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from strands_robots.core.errors import MotionError
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.path import JointPath
from strands_robots.planning.joint_effort import inverse_dynamics
from strands_robots.planning.time_law import timed

pytest.importorskip("toppra", reason="toppra is not installed (requirements/base.txt)")


@pytest.fixture(scope="module")
def arm() -> Arm:
    return Arm(load_robot("panda"))


def stretched(arm: Arm, shoulder: float) -> np.ndarray:
    position = np.array([load_robot("panda").home[name] for name in arm.limits.names])
    position[:4] = [0.0, shoulder, 0.0, -0.2]
    return position


def most(arm: Arm, law, columns: list[int], start: np.ndarray) -> np.ndarray:
    """Return the largest effort of each joint along a motion, by differences of its set-points (D',) [Nm]."""
    period = 0.002
    rows = law.at(np.arange(0.0, law.duration, period))
    velocity = np.gradient(rows, period, axis=0)
    acceleration = np.gradient(velocity, period, axis=0)
    dynamics = inverse_dynamics(arm, columns, start)
    return np.max([np.abs(dynamics(*row)) for row in zip(rows, velocity, acceleration)], axis=0)


def test_gravity_of_a_stretched_arm_is_what_its_masses_say(arm: Arm) -> None:
    columns = arm.tool_columns
    start = stretched(arm, 1.5)
    efforts = inverse_dynamics(arm, columns, start)(start[columns], *np.zeros((2, len(columns))))
    assert abs(efforts[0]) < 1e-6, "the first axis is vertical"
    model = arm.model
    arm.tool_pose(start)
    data = arm._data
    joint = model.joint(arm.limits.names[1])
    moved, shoulder = [int(joint.bodyid[0])], data.xanchor[joint.id]
    moved += [body for body in range(moved[0] + 1, model.nbody) if model.body_parentid[body] >= moved[0]]
    moment = sum(9.81 * model.body_mass[b] * (data.xipos[b] - shoulder)[0] for b in moved)
    assert abs(efforts[1]) == pytest.approx(moment, rel=0.05)


def test_a_motion_that_asks_for_too_much_becomes_slower_until_it_does_not(arm: Arm) -> None:
    columns, start = arm.tool_columns, stretched(arm, 1.5)
    path = JointPath(np.array([start, stretched(arm, 0.2)])[:, columns])
    weak = dataclasses.replace(arm.limits, effort=0.7 * arm.limits.effort)
    free = timed("toppra", path, weak, columns, 1.0)
    kept = timed("toppra", path, weak, columns, 1.0, inverse_dynamics(arm, columns, start))
    assert (most(arm, free, columns, start) > 1.02 * weak.effort[columns]).any()
    assert (most(arm, kept, columns, start) <= 1.02 * weak.effort[columns]).all()
    assert kept.duration > free.duration


def test_a_motion_within_the_efforts_is_as_fast_as_without(arm: Arm) -> None:
    columns, start = arm.tool_columns, stretched(arm, 0.2)
    path = JointPath(np.array([start, stretched(arm, 0.0)])[:, columns])
    dynamics = inverse_dynamics(arm, columns, start)
    strong = dataclasses.replace(arm.limits, effort=10.0 * arm.limits.effort)
    laws = [timed("toppra", path, strong, columns, 0.5, one) for one in (None, dynamics)]
    assert laws[0].duration == laws[1].duration


def test_an_arm_that_cannot_hold_itself_gets_no_time_law(arm: Arm) -> None:
    columns, start = arm.tool_columns, stretched(arm, 1.5)
    path = JointPath(np.array([start, stretched(arm, 1.2)])[:, columns])
    weak = dataclasses.replace(arm.limits, effort=0.2 * arm.limits.effort)
    with pytest.raises(MotionError, match="within the limits"):
        timed("toppra", path, weak, columns, 0.5, inverse_dynamics(arm, columns, start))
