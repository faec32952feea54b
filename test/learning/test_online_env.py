"""The environment of LeRobot's online learning, stepped by LeRobot's own wrappers: gate, hands, stops, and the policy that comes out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

pytestmark = [
    pytest.mark.learning,
    pytest.mark.skipif(sys.version_info < (3, 12), reason="lerobot 0.6 needs Python 3.12 or newer"),
]

SOURCES = Path(__file__).resolve().parents[2] / "src"
HOME = [0.0, -34.377468, 34.377468, 51.566202, 0.0, 24.716]
HAND = "teleop/leader"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(SOURCES / "lerobot_env_strands"))
    return __import__("lerobot_env_strands")


class _Robot:
    """What GraphWorld asks of a robot of the graph; each command is reached at once, as far as the gate lets it."""

    def __init__(self, codec: Any) -> None:
        self.keys = codec.keys
        self.at = dict(zip(codec.keys, HOME))
        self.stop_reason = self.lease_holder = ""
        self.commands: list[dict[str, float]] = []
        self.stops_during_wait = ""

    def numbers(self) -> dict[str, float]:
        return dict(self.at)

    applied = numbers

    def command(self, numbers: dict[str, float], source: str, lifetime: float) -> None:
        assert not self.stop_reason and source == "policy/online" and 0.0 < lifetime <= 1.0
        self.commands.append(numbers)
        self.at.update(numbers)

    def wait_unless_stopped(self, duration: float) -> bool:
        if self.stops_during_wait:
            self.stop_reason, self.stops_during_wait = self.stops_during_wait, ""
        return bool(self.stop_reason)

    def close(self) -> None:
        """Forget it."""


class _Run:
    """An environment with LeRobot's pipelines around it, as lerobot.rl.actor has them."""

    def __init__(self, config: Any, world: Any = None) -> None:
        from lerobot.processor import TransitionKey
        from lerobot.rl import gym_manipulator
        from lerobot_env_strands.online import make_online_processors
        from lerobot_env_strands.online_env import OnlineEnv

        self.key, self._steps = TransitionKey, gym_manipulator
        self.env = OnlineEnv(config, world)
        self._pipelines = make_online_processors(self.env, None, config)
        self.transition: Any = None

    def reset(self) -> Any:
        self.transition = self._steps.reset_and_build_transition(self.env, *self._pipelines)
        return self.transition[self.key.OBSERVATION]["observation.state"]

    def step(self, action: Any) -> Any:
        import torch

        given = torch.as_tensor(action, dtype=torch.float32).reshape(1, -1)
        self.transition = self._steps.step_env_and_process_transition(
            self.env, self.transition, given, *self._pipelines
        )
        return self.transition

    @property
    def executed(self) -> Any:
        """What the actor tells the learner was done."""
        return np.asarray(self.transition[self.key.COMPLEMENTARY_DATA]["teleop_action"]).reshape(-1)

    @property
    def is_intervention(self) -> bool:
        from lerobot.teleoperators.utils import TeleopEvents

        return bool(self.transition[self.key.INFO][TeleopEvents.IS_INTERVENTION])


def test_lerobots_wrappers_step_a_task_through_the_gate(plugin: Any, tmp_path: Path) -> None:
    import torch
    from lerobot.envs.utils import env_to_policy_features

    noted = tmp_path / "episodes.jsonl"
    config = plugin.StrandsOnlineEnvConfig(task="reach", episodes=str(noted))
    shapes = {key: feature.shape for key, feature in env_to_policy_features(config).items()}
    assert shapes == {"action": (6,), "observation.state": (6,)}
    run = _Run(config)
    assert run.reset().shape == (1, 6)
    generator, total = torch.Generator().manual_seed(1), 0.0
    for number in range(1, 81):
        action = 2.0 * torch.rand(6, generator=generator) - 1.0
        transition = run.step(action)
        total += float(transition[run.key.REWARD])
        assert not run.is_intervention and -5.0 <= float(transition[run.key.REWARD]) <= 0.0
        np.testing.assert_allclose(run.executed, action, atol=1e-6)
        assert bool(transition[run.key.TRUNCATED]) == (number == 80) and not transition[run.key.DONE]
    (row,) = map(json.loads, noted.read_text().splitlines())
    assert row["steps"] == 80 and row["return"] == pytest.approx(total) and row["reason"] == "not done after 8 s"
    run.reset()
    with pytest.raises(Exception, match="valid: -1 to 1"):
        run.step(np.full(6, np.nan))


def test_actions_that_reach_end_the_episode_with_success(plugin: Any) -> None:
    config = plugin.StrandsOnlineEnvConfig(task="reach", reward="success")
    world = config.make_world()
    run = _Run(config, world)
    run.reset()
    action = world.box.action(np.array([-38.2, -49.0, 43.7, 39.3, 0.0, 24.7]))
    steps = 0
    while not run.step(action)[run.key.DONE]:
        steps += 1
        assert steps < 60 and float(run.transition[run.key.REWARD]) == 0.0, run.transition[run.key.INFO]
    assert float(run.transition[run.key.REWARD]) == 1.0 and run.transition[run.key.INFO]["is_success"]


def test_a_hand_that_takes_the_robot_is_what_was_done(plugin: Any) -> None:
    robot, run = _graph_run(plugin)
    run.reset()
    run.step(np.full(6, 0.25))
    assert len(robot.commands) == 1 and not run.is_intervention
    before = len(robot.commands)
    robot.lease_holder = HAND
    robot.at["shoulder_pan.pos"] = 22.918312
    run.step(np.zeros(6))
    assert len(robot.commands) == before, "a hand has it: nothing is sent"
    assert run.is_intervention and run.executed[0] == pytest.approx(0.5, abs=1e-4)
    robot.lease_holder = ""
    run.step(np.zeros(6))
    assert not run.is_intervention and len(robot.commands) == before + 1


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_stop_ends_the_episode_and_sends_no_zeros(plugin: Any, when: str) -> None:
    robot, run = _graph_run(plugin)
    run.reset()
    run.step(np.full(6, 0.5))
    stood = run.executed
    sent = len(robot.commands)
    if when == "before":
        robot.stop_reason = "operator/test: stop"
    else:
        robot.stops_during_wait = "operator/test: stop"
    transition = run.step(np.full(6, 0.5))
    assert transition[run.key.TRUNCATED] and not transition[run.key.DONE] and not run.is_intervention
    assert transition[run.key.INFO]["reason"] == "stopped: operator/test: stop"
    np.testing.assert_allclose(run.executed, stood, atol=1e-4)
    assert len(robot.commands) == sent + (when == "during")


def test_an_episode_waits_until_the_robot_is_resumed_and_says_so(plugin: Any) -> None:
    from lerobot.utils.errors import DeviceNotConnectedError

    robot, run = _graph_run(plugin, reset_timeout=0.3)
    robot.stop_reason = "operator/test: stop"
    with pytest.raises(
        DeviceNotConnectedError, match=r"it is stopped \(operator/test: stop\); valid: strands-robots resume"
    ):
        run.reset()
    robot.stop_reason, robot.lease_holder = "", HAND
    with pytest.raises(DeviceNotConnectedError, match=f"'{HAND}' has it; valid: let go of it"):
        run.reset()
    assert robot.commands == []


def test_options_that_cannot_be_are_refused(plugin: Any) -> None:
    from strands_robots.core.errors import ConfigurationError

    for options, words in (
        ({"world": "real"}, "world is 'real'; valid: lockstep, graph"),
        ({"reward": "dense"}, "reward is 'dense'; valid: progress, success"),
        ({"source": "operator/me"}, "so that a hand can take the robot over"),
        ({"fps": 0}, "fps is 0"),
        ({"task": ""}, "no task is given"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            plugin.StrandsOnlineEnvConfig(**options)


def test_what_was_learnt_is_a_policy_like_any_other(tmp_path: Path) -> None:
    from strands_robots.evaluation.episode import EpisodeRunner
    from strands_robots.evaluation.task import load_task
    from strands_robots.learning.online.export_policy import choice_of, export_policy, online_space
    from strands_robots.learning.online.online_command import OnlineConfig

    space = online_space(OnlineConfig("reach", tmp_path / "run"))
    export_policy(None, tmp_path / "first", space, seed=3)
    export_policy(tmp_path / "first", tmp_path / "again", space)
    runner = EpisodeRunner(
        load_task("{name: stay, robot: so101, success: {time_above: 1.0}}"), choice_of(tmp_path / "again")
    )
    try:
        result = runner.run(0)
    finally:
        runner.close()
    assert result.success and not result.is_error, result


def _graph_run(plugin: Any, **options: Any) -> tuple[_Robot, _Run]:
    from lerobot_env_strands.online_worlds import GraphWorld

    from strands_robots.description.robot_config import load_robot
    from strands_robots.recording.recording_options import robot_numbers

    config = plugin.StrandsOnlineEnvConfig(task="reach", world="graph", **options)
    robot = _Robot(robot_numbers(load_robot("so101")))
    return robot, _Run(config, GraphWorld(config, robot))  # type: ignore[arg-type]
