"""The policy that plays recorded rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.policies.builtin.replay import ReplayPolicy
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy

from .observations import NAMES, observe

ROWS = np.column_stack([np.linspace(0.5, 1.0, 11), np.linspace(-0.5, -1.0, 11)])


def test_replay_goes_smoothly_to_the_first_row_then_plays_and_holds_the_last() -> None:
    policy = ReplayPolicy(NAMES, ROWS, 10.0, 1.0, 40)
    policy.reset(0)
    rows = policy.infer(observe(5.0, 0.1, 0.2)).values
    np.testing.assert_allclose(rows[0], [0.1, 0.2])
    np.testing.assert_allclose(rows[10:21], ROWS, atol=1e-12)
    np.testing.assert_allclose(rows[21:], np.tile(ROWS[-1], (19, 1)))
    assert policy.duration == pytest.approx(2.0)
    later = policy.infer(observe(6.05, 0.1, 0.2)).values
    np.testing.assert_allclose(later[0], 0.5 * (ROWS[0] + ROWS[1]))


def test_recorded_joint_that_the_robot_lacks_is_named() -> None:
    policy = ReplayPolicy(("knee", "elbow_flex"), ROWS, 10.0, 1.0, 5)
    with pytest.raises(PolicyError, match="the recording moves knee; the robot has shoulder_pan, elbow_flex"):
        policy.infer(observe(0.0))


@pytest.mark.learning
def test_recorded_episode_is_replayed_in_si_and_what_is_missing_is_named(tmp_path: Path) -> None:
    pytest.importorskip("lerobot")
    from recording.made import JOINTS, command, make_dataset

    make_dataset(tmp_path / "data", (20, 30), 0)
    context = PolicyContext("so101", JOINTS)
    policy = create_policy(
        "replay", {"root": str(tmp_path / "data"), "episode": 1, "approach": 1.0, "horizon": 70}, context
    )
    policy.reset(0)
    action = policy.infer(observe(0.0, *command(0), names=JOINTS))
    assert (action.joint_names, action.control_period) == (JOINTS, pytest.approx(1.0 / 30.0))
    expected = np.array([command(k) for k in range(30)])
    np.testing.assert_allclose(action.values[30:60], expected, atol=1e-4)
    with pytest.raises(ConfigurationError, match="has no episode 7; valid: 0 to 1"):
        create_policy("replay", {"root": str(tmp_path / "data"), "episode": 7}, context)
    with pytest.raises(UnknownNameError, match="unknown robot of the recording 'left'"):
        create_policy("replay", {"root": str(tmp_path / "data"), "robot": "left"}, context)
