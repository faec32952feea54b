"""A learned policy on real processes: recorded with a robot's and a world's camera, loaded with the adapter, recorded again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph import Graph
from system.policy_goals import SWING

from strands_robots.dataset.table import read_account, read_episodes, read_info, read_vectors

from .recorded_graph import RecordedGraph

FPS = 20


@pytest.fixture(scope="module")
def realtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedGraph]:
    with Graph() as graph:
        # Two cameras are drawn without a GPU, and a network sees them: time passes slowly.
        yield RecordedGraph(graph, tmp_path_factory.mktemp("latch"), "realtime", real_time_factor=0.2)


def _run(graph: RecordedGraph, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "strands_robots.cli.entry", *arguments]
    return subprocess.run(command, env=graph.environment, capture_output=True, text=True, timeout=280)


def _save_act(root: Path, folder: Path) -> Path:
    """Save an ACT with the features and statistics of a dataset, as a training on it does, with random weights."""
    from lerobot.configs import FeatureType
    from lerobot.datasets import LeRobotDatasetMetadata
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.policies.factory import make_pre_post_processors
    from lerobot.utils.feature_utils import dataset_to_policy_features

    meta = LeRobotDatasetMetadata("local/dataset", root=root)
    features = dataset_to_policy_features(meta.features)
    outputs = {key: feature for key, feature in features.items() if feature.type is FeatureType.ACTION}
    config = ACTConfig(
        input_features={key: feature for key, feature in features.items() if key not in outputs}, output_features=outputs,
        chunk_size=60, n_action_steps=60, dim_model=32, n_heads=2, dim_feedforward=64, n_encoder_layers=1,
        n_vae_encoder_layers=1, latent_dim=8, pretrained_backbone_weights=None, device="cpu",
    )  # fmt: skip
    for part in (ACTPolicy(config), *make_pre_post_processors(config, dataset_stats=meta.stats)):
        part.save_pretrained(folder)
    return folder


def _motionless(root: Path, episode: int) -> int:
    """Return the frames at the start of an episode in which the command is that of the first."""
    info = read_info(root)
    action: Any = read_vectors(root, read_episodes(root, info)[episode], ["action"])["action"]
    moved = np.flatnonzero(np.abs(action - action[0]).max(axis=1) > 1e-4)
    return int(moved[0]) - 1 if len(moved) else len(action)


@pytest.mark.timeout(590)
@pytest.mark.long
def test_policy_that_sees_a_world_camera_is_recorded_with_its_adapter_and_without_motionless_starts(
    realtime: RecordedGraph, tmp_path: Path
) -> None:
    pytest.importorskip("lerobot")
    root, cameras = tmp_path / "shown", ["--camera", "so101/wrist", "--camera", "overhead"]
    sine = ["--policy", "sine", "--config", SWING]
    fps = ["--fps", str(FPS), "--task", "wave"]
    done = _run(realtime, "record", str(root), *fps, *cameras, *sine, "--duration", "1.5", "--episodes", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    for episode in range(2):
        account: Any = read_account(root, episode)
        assert abs(account["frames"] - 1.5 * FPS) <= 1, account["frames"]
        assert _motionless(root, episode) <= 2
    printed = _run(realtime, "policy", "adapter", str(root))
    assert printed.returncode == 0, printed.stdout + printed.stderr
    assert "camera: /overhead" in printed.stdout
    adapter = tmp_path / "adapter.yaml"
    adapter.write_text(printed.stdout)
    config = f"{{path: {_save_act(root, tmp_path / 'act')}, device: cpu}}"
    learned = ["--policy", "lerobot", "--config", config, "--adapter", str(adapter)]
    again = tmp_path / "again"
    done = _run(realtime, "record", str(again), *fps, *learned, "--duration", "1.5")
    assert done.returncode == 0, done.stdout + done.stderr
    account = read_account(again, 0)
    assert abs(account["frames"] - 1.5 * FPS) <= 1, account["frames"]
    assert account["sources"] == ["policy/lerobot"]
    assert _motionless(again, 0) <= 2


@pytest.mark.timeout(300)
@pytest.mark.long
def test_policy_that_cannot_be_loaded_opens_no_dataset(realtime: RecordedGraph, tmp_path: Path) -> None:
    root = tmp_path / "data"
    learned = ["--policy", "lerobot", "--config", f"{{path: {tmp_path / 'nothing'}}}", "--adapter", "so101"]
    done = _run(realtime, "record", str(root), "--task", "wave", *learned)
    assert done.returncode == 1
    assert "policy 'lerobot' cannot be loaded: " in done.stderr
    assert "holds no config.json" in done.stderr
    assert not root.exists()
