"""LeRobot's reward models, with random weights, over a local dataset: its contract, the agreement with the truth, and the video."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("lerobot", reason="needs make setup-learning")

from policies.tiny_vla import write_clip

from strands_robots.cli.main import app
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.dataset.table import read_info
from strands_robots.learning.progress.progress_file import read_progress
from strands_robots.learning.progress.reward_model import reward_progress

from .tiny_reward_models import write_robometer, write_sarm, write_topreward

pytestmark = [
    pytest.mark.learning,
    pytest.mark.skipif(sys.version_info < (3, 12), reason="lerobot 0.6 needs Python 3.12 or newer"),
]

CAMERA = "observation.images.wrist"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short demonstrations of reach, seen by the wrist's camera."""
    root = tmp_path_factory.mktemp("reward") / "data"
    words = ["demonstrate", "reach", "expert", str(root), "--episodes", "2", "--fps", "4", "--camera", "wrist"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return root


@pytest.mark.parametrize("kind", ["robometer", "topreward", "sarm"])
def test_progress_of_a_reward_model_is_written_and_held_against_the_truth(
    root: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("qwen_vl_utils")
    model = tmp_path / kind
    {"robometer": write_robometer, "topreward": write_topreward, "sarm": write_sarm}[kind](model, CAMERA)
    if kind == "sarm":
        _give_small_clip(tmp_path / "clip", monkeypatch)
    out = tmp_path / "found.parquet"
    result = CliRunner().invoke(app, ["dataset", "reward", str(root), str(model), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output[result.output.rindex('{"file"') :])
    frames = read_info(root).frames
    assert told["frames"] == frames and told["agreement"]["frames"] == frames and told["agreement"]["episodes"] == 2
    rows = read_progress(out)
    assert rows.source == str(model) and np.isfinite(rows.progress).all()
    assert rows.progress.min() >= 0.0 and rows.progress.max() <= 1.0 and np.ptp(rows.progress) > 0.0
    video = tmp_path / "seen.mp4"
    words = ["dataset", "overlay", str(root), str(video), "--episode", "1", "--progress", str(out)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0 and video.stat().st_size > 1000, result.output


def test_what_is_no_reward_model_is_refused(root: Path, tmp_path: Path) -> None:
    write_topreward(tmp_path / "model", CAMERA)
    out = tmp_path / "found.parquet"
    with pytest.raises(UnknownNameError, match=r"camera of the dataset 'front'; valid: observation\.images\.wrist"):
        reward_progress(root, tmp_path / "model", out, camera="front")
    with pytest.raises(ConfigurationError, match=r"has no config\.json; valid: the folder of a reward model"):
        reward_progress(root, tmp_path, out)
    (tmp_path / "config.json").write_text('{"type": "act"}')
    with pytest.raises(ConfigurationError, match="is no reward model's"):
        reward_progress(root, tmp_path, out)
    assert not out.exists()


def _give_small_clip(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have SARM's processor, which names CLIP in its code, take a small one."""
    from lerobot.rewards.sarm import processor_sarm
    from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel, CLIPProcessor

    write_clip(folder, positions=32)
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = CLIPProcessor(pictures, AutoTokenizer.from_pretrained(folder))

    class SmallModel:
        """Gives the small one, whichever is asked for."""

        @staticmethod
        def from_pretrained(*_: Any, **__: Any) -> Any:
            return CLIPModel.from_pretrained(folder)

    class SmallProcessor:
        """Gives its processor."""

        @staticmethod
        def from_pretrained(*_: Any, **__: Any) -> Any:
            return processor

    monkeypatch.setattr(processor_sarm, "CLIPModel", SmallModel)
    monkeypatch.setattr(processor_sarm, "CLIPProcessor", SmallProcessor)
