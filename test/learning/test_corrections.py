"""DAgger in simulation: an expert corrects a policy, whole attempts are recorded, and what is trained on is chosen at the training."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.frame_choice import FrameChoice, chosen_segments
from strands_robots.dataset.schema import ACTION, INTERVENTION
from strands_robots.dataset.table import read_account, read_episodes, read_info, read_vectors
from strands_robots.dataset.verify import verify
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.corrections import CorrectedRunner, CorrectionPlan
from strands_robots.evaluation.demonstrations import DemonstrationConfig, demonstrate
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.task import load_task

pytestmark = pytest.mark.learning

FPS = 50
REACH = """
name: reach
robot: so101
objects: {block: {size: [0.01, 0.01, 0.01], x: 0.3, y: 0.2, z: 0.01}}
success: {holds: {joint: shoulder_pan, above: 0.3}, for: 0.1}
duration: 4.0
settle: 0.0
"""
WRONG = PolicyChoice("scripted", "{waypoints: [{joints: {shoulder_pan: -0.6}}]}")
RIGHT = PolicyChoice("scripted", "{waypoints: [{joints: {shoulder_pan: 0.35}}]}")


def _record(root: Path, plan: CorrectionPlan, episodes: int = 1) -> list[list[tuple[float, float]]]:
    """Record corrected attempts; return the corrections of each."""
    runners: list[CorrectedRunner] = []

    def make(task: Any, port: Any) -> CorrectedRunner:
        runners.append(CorrectedRunner(task, plan, port))
        return runners[0]

    times: list[list[tuple[float, float]]] = []
    config = DemonstrationConfig(
        REACH, plan.learner, root, episodes, fps=FPS, bodies=("block",), with_intervention=True
    )  # fmt: skip
    demonstrate(config, lambda one, is_kept: times.append(list(runners[0].corrections)), make)
    return times


def test_whole_attempt_is_recorded_and_the_expert_takes_over_without_a_jump(tmp_path: Path) -> None:
    root = tmp_path / "data"
    ((begin, _),) = _record(root, CorrectionPlan(WRONG, RIGHT, after=(0.4, 0.8)))[0]
    assert 0.4 <= begin <= 0.8
    assert verify(root, expected=1).is_good
    (row,) = read_episodes(root, read_info(root))
    columns = read_vectors(root, row, [INTERVENTION, ACTION])
    marks = columns[INTERVENTION].ravel().astype(bool)
    first = int(np.flatnonzero(marks)[0])
    assert abs(first / FPS - begin) <= 2.0 / FPS and marks[first:].all() and not marks[:first].any()
    limits = load_robot("so101").limits()
    pan = np.deg2rad(columns[ACTION][:, 0])
    fastest = limits.velocity[limits.index["shoulder_pan"]] / FPS
    assert np.abs(np.diff(pan)).max() <= 1.01 * fastest, "the set-point jumped"
    assert pan[:first].min() < -0.05 < 0.3 < pan[-1]
    account = read_account(root, 0)
    assert account is not None and account["sources"] == ["policy/scripted", "teleop/scripted"]
    assert [row["content"] for row in account["language"]] == ["a hand corrects the policy"]


def test_policy_that_gets_the_robot_back_begins_from_where_it_is(tmp_path: Path) -> None:
    """The expert has the robot for 0.3 s; the policy afterwards begins at the robot's place, not where its old chunk would be."""
    task = load_task(REACH)
    runner = CorrectedRunner(task, CorrectionPlan(WRONG, RIGHT, after=(0.5, 0.5), correction=0.3))
    seen: list[tuple[str, float]] = []
    runner.world.on_period = None
    world = runner.world
    step = world.step

    def watched(client: str, steps: int, chunk: Any, *, release: bool = False) -> Any:
        if chunk is not None:
            measured = world.joint("shoulder_pan", "position")
            row = chunk.values[0][list(chunk.joint_names).index("shoulder_pan")]
            seen.append((chunk.source, abs(float(row) - measured)))
        return step(client, steps, chunk, release=release)

    world.step = watched  # type: ignore[method-assign]
    try:
        runner.run(0)
    finally:
        runner.close()
    assert len(runner.corrections) >= 2, runner.corrections
    changes = [now for before, now in pairwise(seen) if before[0] != now[0]]
    assert len(changes) >= 3
    assert max(gap for _, gap in changes) < 0.1, changes


def test_what_cannot_be_corrected_or_chosen_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"after is 3 to 1 s; valid: above 0, the lower number first"):
        CorrectionPlan(WRONG, RIGHT, after=(3.0, 1.0))
    with pytest.raises(ConfigurationError, match="task 'reach' names no expert; valid: --expert"):
        CorrectedRunner(load_task(REACH), CorrectionPlan(WRONG))
    root = tmp_path / "plain"
    demonstrate(DemonstrationConfig(REACH, RIGHT, root, 1, fps=FPS))
    with pytest.raises(ConfigurationError, match="has no feature 'intervention'"):
        chosen_segments(root, FrameChoice.CORRECTIONS)


def test_lerobots_dataset_looks_no_further_than_the_correction(tmp_path: Path) -> None:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    from strands_robots.learning.chosen_training import end_chunks_with_their_part

    root = tmp_path / "data"
    _record(root, CorrectionPlan(WRONG, RIGHT, after=(0.4, 0.8)), episodes=2)
    parts = chosen_segments(root, FrameChoice.CORRECTIONS)
    dataset = LeRobotDataset("local/x", root=root, delta_timestamps={ACTION: [k / FPS for k in range(-5, 6)]})
    end_chunks_with_their_part(dataset, parts)
    begin, end = parts[1][0]
    frame = dataset[begin]
    assert frame["action_is_pad"].tolist() == [True] * 5 + [False] * 6
    own = dataset.hf_dataset[begin][ACTION]
    np.testing.assert_allclose(frame[ACTION][0], own)
    assert dataset[end - 1]["action_is_pad"].tolist() == [False] * 6 + [True] * 5
    assert dataset[begin - 1]["action_is_pad"].tolist() == [False] * 11, "a frame outside of every part was changed"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_lerobots_trainer_takes_the_chosen_frames(tmp_path: Path) -> None:
    import subprocess
    import sys

    root = tmp_path / "data"
    _record(root, CorrectionPlan(WRONG, RIGHT, after=(0.4, 0.8)), episodes=2)
    chosen = sum(
        end - begin for parts in chosen_segments(root, FrameChoice.CORRECTIONS).values() for begin, end in parts
    )
    command = [
        sys.executable, "-m", "strands_robots.cli.entry", "train", "--frames", "corrections", "--", "--dataset.repo_id=local/x",
        f"--dataset.root={root}", "--policy.type=act", "--policy.push_to_hub=false", "--policy.device=cpu", "--policy.dim_model=32",
        "--policy.n_heads=2", "--policy.dim_feedforward=32", "--policy.n_encoder_layers=1", "--policy.chunk_size=8",
        "--policy.n_action_steps=8", "--policy.use_vae=false", "--steps=3", "--batch_size=4", "--num_workers=0", "--env_eval_freq=0",
        "--wandb.enable=false", f"--output_dir={tmp_path / 'out'}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert f"training on {chosen} of" in done.stdout
    assert (tmp_path / "out/checkpoints/000003/pretrained_model/model.safetensors").is_file()
