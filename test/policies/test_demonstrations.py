"""Demonstrations of a task as a dataset: what is recorded is what a policy is given later, failures are left out, and it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

from strands_robots.cli.policy import print_adapter
from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.dataset.schema import ENVIRONMENT
from strands_robots.dataset.table import read_account, read_episodes, read_info, read_vectors, require_schema
from strands_robots.dataset.verify import verify
from strands_robots.evaluation.demonstrations import DemonstrationConfig, demonstrate
from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.task import load_task
from strands_robots.policies.adapt.adapter import load_adapter

pytestmark = pytest.mark.learning

PICK = PolicyChoice("scripted", "{model: so101, speed: 0.5, pick: {object: {body: cube}}}")
REACH = """
name: reach
robot: so101
joint_noise: 0.2
success: {holds: {joint: shoulder_pan, above: 0.3}, for: 0.1}
duration: 1.0
settle: 0.0
"""
TURN = PolicyChoice("scripted", "{waypoints: [{joints: {shoulder_pan: 0.35}}]}")


def _environment(root: Path, episode: int = 0) -> Any:
    return read_vectors(root, read_episodes(root, read_info(root))[episode], [ENVIRONMENT])[ENVIRONMENT]


def test_demonstration_has_where_the_cube_was_at_each_frame(tmp_path: Path) -> None:
    root = tmp_path / "lift"
    done = demonstrate(DemonstrationConfig("lift_cube", PICK, root, 1, seed=3, bodies=("cube",)))
    assert (done.episodes, done.failures) == (1, 0)
    verdict = verify(root, expected=1)
    assert verdict.is_good, verdict
    places = _environment(root)
    assert [entry.name for entry in require_schema(root).environment] == ["cube.x", "cube.y", "cube.z", "cube.yaw"]
    runner = EpisodeRunner(load_task("lift_cube"), PICK)
    seen: list[Any] = []
    runner.run(3, on_begin=lambda: seen.append(runner.world.body_pose("cube").position))
    np.testing.assert_allclose(places[0, :3], seen[0], atol=1e-4)
    assert places[-1, 2] > 0.04 > places[0, 2]
    account = read_account(root, 0)
    assert account is not None
    assert (account["outcome"], account["provenance"]["world"]["seed"]) == ("succeeded", 3)
    assert account["streams"]["bodies"]["stale"] == 0


def test_dataset_goes_on_with_new_seeds_and_repeats_to_the_digit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[int, bool]] = []

    def tell(result: EpisodeResult, is_kept: bool) -> None:
        told.append((result.seed, is_kept))

    for episodes in (1, 2):
        demonstrate(DemonstrationConfig(REACH, TURN, tmp_path / "two", episodes, seed=7), tell)
    demonstrate(DemonstrationConfig(REACH, TURN, tmp_path / "at_once", 2, seed=7), tell)
    assert told == [(7, True), (8, True)] * 2
    print_adapter(tmp_path / "two")
    assert load_adapter(capsys.readouterr().out).rate == 20.0
    for episode in range(2):
        rows = [read_episodes(tmp_path / name, read_info(tmp_path / name))[episode] for name in ("two", "at_once")]
        first, second = (
            read_vectors(tmp_path / name, row, ["observation.state", "action"])
            for name, row in zip(("two", "at_once"), rows)
        )
        for key in first:
            np.testing.assert_array_equal(first[key], second[key])


def test_episodes_that_fail_are_not_kept_and_only_failures_end_it(tmp_path: Path) -> None:
    hurried = REACH.replace("duration: 1.0", "duration: 0.2")
    with pytest.raises(PolicyError, match="20 episodes in a row failed; the last one, seed 19: not done"):
        demonstrate(DemonstrationConfig(hurried, TURN, tmp_path / "none", 1))
    assert read_info(tmp_path / "none").episodes == 0


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"fps": 30}, ConfigurationError, "valid: frames of whole control periods"),
        ({"bodies": ("bowl",)}, UnknownNameError, "unknown body 'bowl'; valid: "),
        ({"cameras": ("wrst",)}, UnknownNameError, "unknown camera of 'so101' 'wrst'; valid: wrist"),
        ({"episodes": 0}, ConfigurationError, "0 episodes were asked for"),
        ({"task": "lift_cub"}, UnknownNameError, "lift_cube"),
        ({"choice": PolicyChoice("holt")}, PolicyError, "unknown policy 'holt'"),
    ],
)
def test_what_cannot_be_recorded_says_why(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as refused:
        demonstrate(
            DemonstrationConfig(**{"task": REACH, "choice": TURN, "root": tmp_path / "x", "episodes": 1, **changes})
        )
    assert words in str(refused.value)
