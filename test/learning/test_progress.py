"""Progress: true by the conditions, in LeRobot's contract, agreement with a learnt one, and videos that show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from strands_robots.cli.main import app
from strands_robots.core.condition import parse_condition
from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.true_progress import TrueProgress
from strands_robots.learning.progress.agreement import agreement
from strands_robots.learning.progress.progress_file import ProgressRows, read_progress, write_progress

LIFT = parse_condition("{holds: {body: cube, above_z: 0.05}, for: 0.2}", "success")
GRASP = parse_condition("{contact: [cube, hand]}", "stage")


class World:
    """A cube and a hand that a test moves."""

    def __init__(self, z: float = 0.01) -> None:
        self.time = 0.0
        self.z = z
        self.touches = False

    def joint(self, name: str, quantity: str) -> float:
        return self.time

    def body(self, name: str) -> tuple[float, float, float]:
        return (0.2, 0.0, self.z)

    def in_contact(self, first: str, second: str) -> bool:
        return self.touches


def test_progress_rises_with_what_the_conditions_say_and_is_one_only_at_success() -> None:
    world = World()
    progress = TrueProgress([GRASP], LIFT, world)
    assert progress.look(world) == 0.0
    world.touches = True
    assert progress.look(world) == 0.5
    world.z = 0.03
    assert progress.look(world) == pytest.approx(0.75)
    world.z = 0.0
    assert progress.look(world) == 0.5, "a stage that was reached stays so"
    world.z, world.time = 0.06, 1.0
    assert 0.99 < progress.look(world) < 1.0
    world.time = 1.1
    assert progress.look(world) < 1.0
    world.time = 1.2
    assert progress.look(world) == 1.0


def test_combined_conditions_and_joints_have_shares() -> None:
    world = World()
    both = parse_condition(
        "{all: [{body: cube, at: [0.2, 0.0, 0.11], within: 0.02}, {joint: j, above: 2.0}]}", "success"
    )
    progress = TrueProgress([], both, world)
    world.z, world.time = 0.05, 1.0
    assert progress.look(world) == pytest.approx(0.5 * (0.04 / 0.08 + 0.5))
    either = TrueProgress([], parse_condition("{any: [{contact: [cube, hand]}, {not: {time_above: 5.0}}]}", "s"), world)
    assert either.look(world) == 1.0


def rows(curve: Any, episodes: int = 3, source: str = "x") -> ProgressRows:
    length = 20
    index = np.arange(episodes * length)
    frame = index % length
    return ProgressRows(
        index, index // length, frame, np.array([curve(k, e) for k, e in zip(frame, index // length)]), source
    )


def test_agreement_tells_a_good_account_from_a_bad_one() -> None:
    true = rows(lambda k, e: (k / 19) * (1.0 - 0.2 * e))
    same = agreement(true, true)
    assert (same.spearman, same.kendall, same.error, same.unordered) == (
        pytest.approx(1.0),
        pytest.approx(1.0),
        0.0,
        0.0,
    )
    assert same.ends == pytest.approx(1.0) and (same.frames, same.episodes) == (60, 3)
    backwards = agreement(true, replace(true, progress=1.0 - true.progress))
    assert backwards.spearman == pytest.approx(-1.0) and backwards.unordered == 1.0
    silent = agreement(true, replace(true, progress=np.full(60, 0.5)))
    assert np.isnan(silent.spearman) and silent.unordered == 1.0
    some = replace(true, progress=np.where(true.frame % 2, np.nan, true.progress))
    assert agreement(true, some).frames == 30
    with pytest.raises(ConfigurationError, match="no frame in common"):
        agreement(true, replace(true, index=true.index + 1000))
    with pytest.raises(ConfigurationError, match="number their frames differently"):
        agreement(true, replace(true, frame=true.frame[::-1].copy()))


@pytest.mark.learning
def test_lerobots_weights_take_what_was_written(tmp_path: Path) -> None:
    pytest.importorskip("lerobot")
    import torch
    from lerobot.utils.sample_weighting import SampleWeightingConfig, make_sample_weighter

    path = tmp_path / "p.parquet"
    write_progress(path, rows(lambda k, e: k / 19 if e else 1.0 - k / 19, source="me/model"))
    again = read_progress(path)
    assert again.source == "me/model" and again.progress[:3] == pytest.approx([1.0, 18 / 19, 17 / 19])

    class Chunked:
        class config:  # noqa: N801 - as LeRobot asks for it
            chunk_size = 5

    weighter = make_sample_weighter(SampleWeightingConfig(progress_path=str(path)), Chunked(), torch.device("cpu"))  # type: ignore[arg-type]
    assert weighter is not None
    weights, stats = weighter.compute_batch_weights(
        {"index": torch.tensor([0, 3, 25, 30]), "action": torch.zeros(4, 5, 6)}
    )
    assert weights[:2].tolist() == [0.0, 0.0] and (weights[2:] > 0).all(), "going back weighs nothing"
    assert weighter.get_stats()["num_frames"] == 60 and stats


@pytest.mark.learning
def test_demonstrations_have_true_progress_in_lerobots_contract_and_videos_show_it(tmp_path: Path) -> None:
    pytest.importorskip("lerobot")
    root = tmp_path / "data"
    run = CliRunner().invoke
    words = ["demonstrate", "reach", "expert", str(root), "--episodes", "2", "--fps", "10", "--camera", "wrist"]
    result = run(app, words)
    assert result.exit_code == 0, result.output
    result = run(app, ["dataset", "progress", str(root)])
    assert result.exit_code == 0, result.output
    found = read_progress(root / "true_progress.parquet")
    for episode in range(2):
        curve = found.progress[found.episode == episode]
        assert curve[0] < 0.2 and curve[-1] > 0.9 and curve.max() <= 1.0
        assert (np.diff(curve) >= -0.05).all(), "the expert goes straight there"
    result = run(app, ["dataset", "progress", str(root), "--against", str(root / "true_progress.parquet")])
    assert result.exit_code == 0 and "median Spearman 1.000" in result.output, result.output
    result = run(app, ["dataset", "overlay", str(root), str(tmp_path / "v" / "e.mp4"), "--episode", "1"])
    assert result.exit_code == 0, result.output
    import av

    with av.open(str(tmp_path / "v" / "e.mp4")) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) == int((found.episode == 1).sum())
    yellow = (frames[-1][..., 0] > 180) & (frames[-1][..., 1] > 140) & (frames[-1][..., 2] < 110)
    assert yellow.sum() > 50, "the curve is drawn"


@pytest.mark.learning
def test_sarm_of_lerobot_with_random_weights_is_held_against_the_truth(tmp_path: Path) -> None:
    pytest.importorskip("lerobot")
    import torch
    from lerobot.rewards import get_reward_model_class
    from lerobot.rewards.sarm.configuration_sarm import SARMConfig

    torch.manual_seed(0)
    config = SARMConfig(
        device="cpu", image_dim=16, text_dim=16, hidden_dim=16, num_heads=2, num_layers=1, max_state_dim=6, n_obs_steps=4,
        max_rewind_steps=1, frame_gap=2,
    )  # fmt: skip
    model = get_reward_model_class("sarm")(config).eval()
    true = rows(lambda k, e: k / 19)
    generator = torch.Generator().manual_seed(1)
    batch = {
        "language_embedding": torch.randn(60, 16, generator=generator),
        "observation_features": torch.randn(60, 5, 16, generator=generator),
        "observation.state": torch.randn(60, 5, 6, generator=generator),
    }
    learnt = replace(
        true, progress=np.asarray(model.compute_reward(batch), dtype=np.float64).reshape(-1), source="random"
    )
    path = tmp_path / "sarm_progress.parquet"
    write_progress(path, learnt)
    found = agreement(true, read_progress(path))
    assert found.frames == 60 and abs(found.spearman) < 0.7 and 0.1 < found.error < 0.9
