"""A task of ours that another harness steps: the same episodes as our own evaluation, one action at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError, WorldError
from strands_robots.description.lerobot_units import Units
from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.harness.stepped_task import SteppedTask
from strands_robots.evaluation.task import load_task

RATE = 20.0
PERIODS = 5


class Applied:
    """What the gate let through, one row for each control period."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def publish_state(self, *_: Any) -> None:
        """Forget it."""

    def publish_applied(self, stamp: float, setpoint: Any) -> None:
        self.rows.append(setpoint.target.copy())

    def publish_gate(self, *_: Any) -> None:
        """Forget it."""


@pytest.mark.parametrize("seed", [0, 3])
def test_set_points_of_an_expert_sent_row_by_row_do_the_task_in_the_same_episode(seed: int) -> None:
    applied = Applied()
    runner = EpisodeRunner(load_task("lift_cube"), PolicyChoice("expert"), port=applied)  # type: ignore[arg-type]
    stepped = SteppedTask("lift_cube", RATE, units=Units.SI, bodies=("cube",))
    shown = runner.run(seed, on_begin=applied.rows.clear)
    seen = stepped.reset(seed)
    assert stepped.start_digest() == shown.start_digest
    lay = seen.environment[2]
    steps = 0
    while not seen.is_over:
        steps += 1
        seen = stepped.step(applied.rows[min(PERIODS * steps, len(applied.rows) - 1)])
    assert shown.success and seen.is_success
    assert abs(steps / RATE - shown.time) < 0.1
    assert seen.environment[2] > lay + 0.02
    stepped.step(applied.rows[0])
    assert stepped.step(applied.rows[0]).is_success, "a finished episode stays finished"
    runner.close()


def test_a_robot_that_is_told_to_stay_fails_at_the_end_of_the_tasks_time() -> None:
    stepped = SteppedTask("reach", RATE)
    seen = stepped.reset(1)
    stay = seen.state
    steps = 0
    while not seen.is_over:
        seen = stepped.step(stay)
        steps += 1
    assert (steps, seen.is_success, seen.reason) == (stepped.horizon, False, "not done after 8 s")
    np.testing.assert_allclose(seen.state, stay, atol=2.0)  # [deg]


def test_an_action_that_is_not_finite_is_refused_and_moves_nothing() -> None:
    stepped = SteppedTask("reach", RATE)
    with pytest.raises(PolicyError, match="reset first"):
        stepped.step(np.zeros(6))
    before = stepped.reset(0)
    with pytest.raises(PolicyError, match="refused"):
        stepped.step(np.full(6, np.nan))
    with pytest.raises(PolicyError, match=r"\(5,\); valid: \(6,\), shoulder_pan.pos"):
        stepped.step(np.zeros(5))
    after = stepped.step(before.state)
    np.testing.assert_allclose(after.state, before.state, atol=1.0)  # [deg]


def test_what_cannot_be_is_said_before_anything_runs() -> None:
    with pytest.raises(ConfigurationError, match="steps of whole control periods"):
        SteppedTask("reach", 30.0)
    with pytest.raises(UnknownNameError, match="camera of 'so101'"):
        SteppedTask("reach", RATE, cameras=("front",))
    with pytest.raises(UnknownNameError, match="body"):
        SteppedTask("reach", RATE, bodies=("cube",))


def test_an_episode_whose_premise_does_not_hold_is_no_episode() -> None:
    task = load_task("lift_cube").model_dump(mode="json", by_alias=True)
    task["premise"] = [{"body": "cube", "above_z": 0.5}]
    import yaml

    with pytest.raises(WorldError, match="do not hold"):
        SteppedTask(yaml.safe_dump(task), RATE).reset(0)
