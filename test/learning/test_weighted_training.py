"""LeRobot's trainer weights its samples by the progress that we wrote: a tiny SmolVLA with random weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

from policies.tiny_smolvla import write_vlm
from recording.made import make_dataset

from strands_robots.dataset.table import read_episodes, read_info
from strands_robots.learning.progress.progress_file import ProgressRows, write_progress

pytestmark = [pytest.mark.learning, pytest.mark.long, pytest.mark.timeout(900)]


def test_lerobot_train_takes_the_weights(tmp_path: Path) -> None:
    root = tmp_path / "data"
    make_dataset(root, lengths=(24, 24))
    write_vlm(tmp_path / "vlm")
    episodes = read_episodes(root, read_info(root))
    index = np.arange(48)
    episode = np.concatenate([np.full(one.length, one.index) for one in episodes])
    frame = np.concatenate([np.arange(one.length) for one in episodes])
    progress = np.where(episode == 0, frame / 23, 1.0 - frame / 23)
    write_progress(tmp_path / "p.parquet", ProgressRows(index, episode, frame, progress, "test"))
    words = [
        f"--dataset.root={root}", "--dataset.repo_id=test/data", "--dataset.video_backend=pyav", "--policy.type=smolvla",
        f"--policy.vlm_model_name={tmp_path / 'vlm'}", "--policy.num_vlm_layers=4", "--policy.chunk_size=8",
        "--policy.n_action_steps=8", "--policy.num_steps=2", "--policy.resize_imgs_with_padding=[64,64]",
        "--policy.device=cpu", "--policy.push_to_hub=false", f"--output_dir={tmp_path / 'out'}", "--steps=4", "--batch_size=4",
        "--num_workers=0", "--save_freq=4", "--log_freq=1", "--env_eval_freq=0", "--wandb.enable=false",
        "--sample_weighting.type=rabc", f"--sample_weighting.progress_path={tmp_path / 'p.parquet'}",
    ]  # fmt: skip
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "lerobot.scripts.lerobot_train", *words], env=environment, capture_output=True, text=True,
        timeout=800,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:]
    assert "Loaded 48 frame progress values" in said
    assert (tmp_path / "out" / "checkpoints" / "last" / "pretrained_model" / "model.safetensors").is_file()
