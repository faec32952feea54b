"""Statistics of a checkpoint that cannot be of the robot through the adapter: units, order, signs; and healthy ones that must pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from strands_robots.core.errors import AdapterError
from strands_robots.description.robot_config import load_robot
from strands_robots.policies.adapt.adapter import Adapter, load_adapter
from strands_robots.policies.check.plausibility import check_statistics
from strands_robots.policies.check.statistics import ModelStatistics, VectorStatistics

from .checkpoints import HIGH, JOINTS, LOW, RADIANS, UNITS, adapter

LIMITS = load_robot("so101").limits()
RAD = dict.fromkeys(UNITS, "rad")


def _ends(low: Any = LOW, high: Any = HIGH, scale: float = 1.0) -> VectorStatistics:
    return VectorStatistics(None, None, np.array(low) * scale, np.array(high) * scale, "min and max")


def _moments(low: Any = LOW, high: Any = HIGH, share: float = 0.25) -> VectorStatistics:
    low, high = np.array(low), np.array(high)
    return VectorStatistics((low + high) / 2.0, share * (high - low), None, None, "mean and std")


def _check(vector: VectorStatistics, text: str, other: VectorStatistics | None = None, margin: float = 0.1) -> None:
    check_statistics(ModelStatistics(vector, other or vector, margin), load_adapter(text), LIMITS)


def _mixed(vector: VectorStatistics) -> VectorStatistics:
    """Return statistics of body joints in radians and a gripper from 0 to 100."""
    scale = np.array([RADIANS] * 5 + [1.0])
    parts = [None if each is None else each * scale for each in (vector.mean, vector.std, vector.low, vector.high)]
    return VectorStatistics(*parts, vector.source)


@pytest.mark.parametrize("make", [_ends, _moments])
def test_healthy_statistics_pass(make: Any) -> None:
    _check(make(), adapter())
    _check(_mixed(make()), adapter(RAD))


def test_gripper_that_is_open_or_shut_passes() -> None:
    # Two numbers only, 0 and 100: the widest spread that a gripper can have.
    vector = _moments()
    assert vector.mean is not None
    assert vector.std is not None
    for share in (0.05, 0.2, 0.5, 0.95):
        mean, std = vector.mean.copy(), vector.std.copy()
        mean[5], std[5] = 100.0 * share, 100.0 * np.sqrt(share * (1.0 - share))
        _check(VectorStatistics(mean, std), adapter())


def test_arm_that_uses_its_whole_way_and_a_little_more_passes() -> None:
    way = LIMITS.upper - LIMITS.lower
    low, high = (LIMITS.lower - 0.05 * way) / RADIANS, (LIMITS.upper + 0.05 * way) / RADIANS
    low[5], high[5] = 0.0, 100.0
    _check(_ends(low, high), adapter())


@pytest.mark.parametrize("make", [_ends, _moments])
def test_degrees_taken_for_radians_are_refused_with_joint_range_and_limits(make: Any) -> None:
    with pytest.raises(AdapterError) as caught:
        _check(make(), adapter(RAD))
    text = str(caught.value)
    assert "state 'shoulder_pan.pos' (rad) on joint 'shoulder_pan': -" in text
    assert "limits -1.92 to 1.92" in text
    assert "statistics_margin" in text


def test_one_joint_in_degrees_taken_for_radians_is_refused() -> None:
    with pytest.raises(AdapterError, match=r"'elbow_flex.pos' .rad. on joint 'elbow_flex': -60 to 80, limits"):
        _check(_ends(), adapter({"elbow_flex": "rad"}))


@pytest.mark.parametrize("make", [_ends, _moments])
def test_radians_taken_for_degrees_are_refused(make: Any) -> None:
    with pytest.raises(AdapterError, match=r"they look like radians"):
        _check(_mixed(make()), adapter())


def test_gripper_of_0_to_100_taken_for_radians_is_refused() -> None:
    with pytest.raises(AdapterError, match=r"'gripper.pos' .rad. on joint 'gripper': 2 to 95"):
        _check(_ends(), adapter({"gripper": "rad"}))


def test_gripper_with_ends_in_degrees_is_refused() -> None:
    text = adapter().replace("-0.174533, 1.74533", "-10.0, 100.0")
    with pytest.raises(AdapterError, match=r"on joint 'gripper': -7.8 to 94.5"):
        _check(_ends(), text)


def test_names_given_to_each_others_joints_are_refused() -> None:
    with pytest.raises(
        AdapterError, match=r"'shoulder_pan.pos' is given to joint 'gripper', the robot has 'shoulder_pan'"
    ):
        _check(_moments(), adapter(swap=("shoulder_pan", "gripper")))


def _in_order(names: list[str]) -> str:
    model = load_adapter(adapter())
    rows = {entry.joint: entry for entry in model.action}
    swapped = tuple(rows[name] for name in names)
    return Adapter.model_validate({**model.model_dump(), "state": swapped, "action": swapped}).model_dump_json()


@pytest.mark.parametrize("make", [_ends, _moments])
def test_pan_and_gripper_in_each_others_place_are_refused(make: Any) -> None:
    names = ["gripper", *JOINTS[1:5], "shoulder_pan"]
    with pytest.raises(AdapterError, match=r"on joint 'gripper': -"):
        _check(make(), _in_order(names))


def test_sign_that_is_flipped_is_refused_where_the_limits_or_the_other_vector_show_it() -> None:
    text = adapter().replace("ends: [-0.174533, 1.74533]", "ends: [0.174533, -1.74533]")
    with pytest.raises(AdapterError, match=r"on joint 'gripper': -1.65"):
        _check(_ends(), text)
    low, high = np.array(LOW), np.array(HIGH)
    low[1], high[1] = -80.0, -50.0
    flipped = (low.copy(), high.copy())
    flipped[0][1], flipped[1][1] = 50.0, 80.0
    with pytest.raises(
        AdapterError, match=r"joint 'shoulder_lift' was at -1.4 to -0.873 .* and commanded to 0.873 to 1.4"
    ):
        _check(_ends(low, high), adapter(), _ends(*flipped))


def test_gripper_that_is_commanded_shut_around_a_thing_passes() -> None:
    state, action = _ends(), _ends()
    for vector, low, high in ((state, 55.0, 60.0), (action, 0.0, 1.0)):
        assert vector.low is not None
        assert vector.high is not None
        vector.low[5], vector.high[5] = low, high
    _check(state, adapter(), action)


def test_placeholders_and_unknown_statistics_are_no_radians() -> None:
    _check(VectorStatistics(np.zeros(6), np.ones(6)), adapter())
    check_statistics(ModelStatistics(None, None), load_adapter(adapter()), LIMITS)


def test_wider_margin_accepts_what_is_outside() -> None:
    low = np.array(LOW)
    low[2] = -140.0
    with pytest.raises(AdapterError, match=r"elbow_flex"):
        _check(_ends(low), adapter())
    _check(_ends(low), adapter(), margin=0.5)
