"""Stage record after a kill: what was never whole is put aside, and what may hold episodes is left alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from strands_robots.dataset.errors import DatasetError, IncompleteDatasetError
from strands_robots.dataset.recover import recover
from strands_robots.learning.pipeline import record_stage


class _Demonstrations:
    """Refuses what it finds as the recorder does, and writes a dataset into an empty place."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, plan: Any, tell: Any) -> None:
        self.runs += 1
        if plan.root.exists():
            recover(plan.root)
            raise AssertionError("nothing of it could be recovered")
        plan.root.mkdir()


def _run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> _Demonstrations:
    demonstrations = _Demonstrations()
    monkeypatch.setattr(record_stage, "demonstrate", demonstrations)
    monkeypatch.setattr(
        record_stage, "read_info", lambda root: SimpleNamespace(episodes=1, frames=2, fps=20, robot_type="x")
    )
    record = SimpleNamespace(
        dataset=None, policy="expert", config={}, adapter="", episodes=1, seed=0, fps=20, bodies=(), cameras=()
    )
    context: Any = SimpleNamespace(
        config=SimpleNamespace(record=record, task_text="reach", name="test"), tell=lambda line: None
    )
    record_stage.RecordStage().run(context, folder, "key")
    return demonstrations


@pytest.mark.parametrize("left", ["nothing of meta", "meta without info"])
def test_what_holds_no_episode_is_put_aside_and_recorded_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    root = tmp_path / record_stage.DATASET
    (root / ("meta" if left == "meta without info" else "data")).mkdir(parents=True)
    with pytest.raises(IncompleteDatasetError):
        recover(root)
    assert _run(tmp_path, monkeypatch).runs == 2
    assert (tmp_path / f"{record_stage.DATASET}.unreadable").is_dir()


def test_episodes_whose_info_cannot_be_read_stay_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / record_stage.DATASET
    (root / "meta").mkdir(parents=True)
    (root / "meta" / "info.json").write_text("{")
    (root / "data").mkdir()
    (root / "data" / "file-000.parquet").write_bytes(b"an episode")
    with pytest.raises(DatasetError, match="nothing was changed"):
        _run(tmp_path, monkeypatch)
    assert (root / "data" / "file-000.parquet").read_bytes() == b"an episode"
    assert not (tmp_path / f"{record_stage.DATASET}.unreadable").exists()
