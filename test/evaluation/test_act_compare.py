"""ACT of `make demo-learning` against its own early checkpoint: `compare` says which is better, long before all pairs have run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

from strands_robots.dataset.table import require_schema
from strands_robots.evaluation.compare.live import LiveComparison, compare_live
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.policies.adapt.dataset_adapter import adapter_text

ROOT = Path(__file__).resolve().parents[2]
PAIRS = 60

pytestmark = [
    pytest.mark.long,
    pytest.mark.learning,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.version_info < (3, 12), reason="LeRobotDataset of lerobot 0.6 needs Python 3.12 or newer"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of demo-learning: that of an earlier run where it is there, else recorded and trained now."""
    sys.path.append(str(ROOT / "tools"))
    import demo_learning

    there = ROOT / "outputs" / "demo_learning"
    settings = demo_learning.Settings()
    found = there if (there / "training" / "checkpoints" / f"{settings.steps:06d}").is_dir() else None
    folder = found or tmp_path_factory.mktemp("demo") / "learning"
    demo_learning._claim(folder, settings)
    demo_learning._record(folder, settings)
    demo_learning._train(folder, settings)
    return folder


def test_the_trained_policy_beats_its_early_checkpoint_and_the_comparison_stops_early(
    folder: Path, tmp_path: Path
) -> None:
    checkpoints = folder / "training" / "checkpoints"
    adapter = adapter_text(require_schema(folder / "dataset"))
    early, last = (
        PolicyChoice(
            "lerobot", json.dumps({"path": str(checkpoints / name / "pretrained_model"), "device": "cpu"}), adapter
        )
        for name in (min(one.name for one in checkpoints.iterdir()), "last")
    )
    found = compare_live(LiveComparison("lift_cube", early, last, PAIRS, folder=tmp_path))
    assert found.verdict > 0, (found.wins, found.losses, found.pairs)
    assert found.early.decided_at < PAIRS
    back = compare_live(LiveComparison("lift_cube", last, early, PAIRS))
    assert back.verdict < 0 and back.early.decided_at == found.early.decided_at
