"""The sine policy does what its settings say and refuses what the robot cannot do."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.core.types import Policy
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy

from .observations import LIMITS, NAMES, observe

CONTEXT = PolicyContext("arm", NAMES, LIMITS)


def _sine(context: PolicyContext = CONTEXT, **settings: object) -> Policy:
    return create_policy(
        "sine", json.dumps({"joints": {"elbow_flex": [{"amplitude": 0.4, "frequency": 0.5}]}, **settings}), context
    )


def test_motion_starts_at_the_robot_at_rest() -> None:
    action = _sine(joints={"elbow_flex": [{"amplitude": 0.4, "frequency": 0.5, "phase": 1.0}]}).infer(
        observe(3.0, 0.1, 0.2)
    )
    assert action.joint_names == ("elbow_flex",)
    assert action.values[0] == pytest.approx([0.2])
    speed = np.diff(action.values[:, 0]) / action.control_period
    assert abs(speed[0]) < 0.01


def test_after_the_ramp_it_is_the_declared_sum() -> None:
    waves = [{"amplitude": 0.4, "frequency": 0.5, "phase": 0.3}, {"amplitude": 0.1, "frequency": 1.0}]
    policy = _sine(joints={"elbow_flex": waves}, center={"elbow_flex": -0.5}, ramp=2.0)
    policy.infer(observe(3.0, 0.1, -0.4))
    action = policy.infer(observe(7.0, 0.1, 0.2))
    t = 4.0 + np.arange(len(action.values)) * action.control_period
    expected = -0.5 + 0.4 * np.sin(math.pi * t + 0.3) + 0.1 * np.sin(2.0 * math.pi * t)
    np.testing.assert_allclose(action.values[:, 0], expected)


def test_overlapping_chunks_are_one_curve() -> None:
    policy = _sine()
    first, second = policy.infer(observe(0.0)), policy.infer(observe(0.2))
    np.testing.assert_allclose(first.values[10:], second.values[:10])


def test_reset_starts_anew_and_gives_the_same() -> None:
    policy = _sine()
    first = policy.infer(observe(0.0, 0.1, 0.1))
    policy.infer(observe(0.5))
    policy.reset(7)
    np.testing.assert_array_equal(policy.infer(observe(9.0, 0.1, 0.1)).values, first.values)


def test_rate_of_the_goal_wins() -> None:
    assert _sine(PolicyContext("arm", NAMES, LIMITS, rate=25.0), rate=100).infer(observe(0.0)).control_period == 0.04


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"joints": {"elbow_flex": [{"amplitude": 0.2, "frequency": 6.0}]}}, "would move at up to"),
        ({"center": {"elbow_flex": 1.8}}, r"valid: to stay within -2\.000 and 2\.000"),
    ],
)
def test_settings_over_a_limit_are_refused_when_the_policy_is_made(settings: dict[str, object], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        _sine(**settings)


def test_start_too_near_to_a_limit_is_refused_at_the_first_observation() -> None:
    policy = _sine()
    with pytest.raises(PolicyError, match=r"would move 0\.400 rad around 1\.900"):
        policy.infer(observe(0.0, 0.0, 1.9))


def test_unknown_joint_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(UnknownNameError, match="valid: elbow_flex, shoulder_pan"):
        _sine(joints={"knee": [{"amplitude": 0.1, "frequency": 0.5}]})
    with pytest.raises(PolicyError, match="the robot has shoulder_pan, elbow_flex"):
        _sine(PolicyContext(), joints={"knee": [{"amplitude": 0.1, "frequency": 0.5}]}).infer(observe(0.0))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"joints": {}}, "joints"),
        ({"joints": {"elbow_flex": []}}, "joints.elbow_flex"),
        ({"joints": {"elbow_flex": [{"amplitude": "x", "frequency": 1.0}]}}, "joints.elbow_flex.0.amplitude"),
        ({"joints": {"elbow_flex": [{"amplitude": 0.1, "frequency": 20.0}]}}, "cannot be drawn"),
        ({"speed": 3}, "speed: Extra inputs"),
        ({"center": {"knee": 0.0}}, "which has no waves"),
        ({"ramp": 0.0}, "ramp"),
        ({"horizon": 1}, "horizon"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        _sine(**settings)
