"""Drift between datasets: each kind of change is found and named, and none where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

pytest.importorskip("lerobot")
from strands_robots.cli.main import app
from strands_robots.dataset.drift import DriftLimits, find_drift
from strands_robots.dataset.drift_pictures import sharpness
from strands_robots.dataset.encoder import EncoderConfig
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.store import LeRobotStore

from .made import account, make_schema, values

pytestmark = pytest.mark.learning
Pixels = NDArray[np.uint8]
RNG = np.random.default_rng(0)
SCENE = RNG.integers(60, 120, (12, 16, 3), dtype=np.uint8).repeat(4, axis=0).repeat(4, axis=1)


def write(
    root: Path, start: int = 0, shift: float = 0.0, scale: float = 1.0, look: Callable[[Pixels], Pixels] = lambda p: p,
    calibration: str = "", fps: int = 30, lengths: tuple[int, ...] = (60, 60),
) -> Path:  # fmt: skip
    """Write a dataset of the same motion, with something changed."""
    schema = make_schema(1, fps)
    store = LeRobotStore(root, "test/data", schema, EncoderConfig())
    store.create()
    for episode, length in enumerate(lengths):
        for k in range(start, start + length):
            frame = values(schema, k)
            state = frame["observation.state"]
            state[0] = state[0] * scale + shift
            frame[schema.keys[schema.cameras[0].name]] = look(SCENE)
            store.add(frame, "wave")
        told = account(schema, episode, length)
        if calibration:
            told["provenance"]["robots"]["so101"]["calibration"] = {"sha256": calibration * 16}
        store.save(told)
    store.close()
    return root


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("first") / "data", lengths=(60, 60, 60))


def test_same_process_recorded_again_has_not_drifted(first: Path, tmp_path: Path) -> None:
    found = find_drift(first, write(tmp_path / "again", start=0), DriftLimits())
    assert found.is_good and not found.notes, found
    assert found.coverage > 0.99 and len(found.elements) == 12
    assert list(found.cameras) == ["observation.images.camera0"]


def test_joint_whose_zero_moved_is_named_with_the_other_calibration(first: Path, tmp_path: Path) -> None:
    found = find_drift(first, write(tmp_path / "moved", shift=40.0, calibration="abcd"), DriftLimits())
    text = " ".join(found.problems)
    assert "mean of shoulder_pan.pos of observation.state" in text and "outside the first's range" in text
    assert "far from every state" in text and found.coverage < 0.5
    assert not any("elbow" in sentence for sentence in found.problems)
    assert any(note.startswith("calibration of so101: abcd") for note in found.notes)


def test_motion_that_became_narrow_is_a_change_of_spread(first: Path, tmp_path: Path) -> None:
    found = find_drift(first, write(tmp_path / "narrow", scale=0.2), DriftLimits())
    assert found.problems[0].startswith("spread of shoulder_pan.pos of observation.state is 0.2")
    assert not any("mean of" in sentence or "elbow" in sentence for sentence in found.problems)


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (lambda pixels: (pixels * 0.5).astype(np.uint8), "has brightness"),
        (lambda pixels: np.full_like(pixels, int(pixels.mean())), "times as sharp as before"),
    ],
)
def test_dark_and_blurred_cameras_are_named(
    first: Path, tmp_path: Path, look: Callable[[Pixels], Pixels], words: str
) -> None:
    found = find_drift(first, write(tmp_path / "look", look=look), DriftLimits())
    assert any(sentence.startswith("observation.images.camera0") and words in sentence for sentence in found.problems)
    assert find_drift(first, tmp_path / "look", DriftLimits(), pictures=False).is_good


def test_another_rate_is_a_problem_and_the_command_says_so(first: Path, tmp_path: Path) -> None:
    slow = write(tmp_path / "slow", fps=20)
    result = CliRunner().invoke(app, ["dataset", "drift", str(first), str(slow), "--plots", str(tmp_path / "p.png")])
    assert result.exit_code == 1 and "drift: fps is 20; the first has 30" in result.output
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    told = CliRunner().invoke(app, ["dataset", "drift", str(first), str(first), "--json", "--no-pictures"])
    assert told.exit_code == 0 and json.loads(told.output)["is_good"] is True


def test_folder_without_a_dataset_is_refused(first: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        find_drift(first, tmp_path, DriftLimits())


def test_sharpness_falls_with_blur() -> None:
    blurred = ((SCENE.astype(float) + np.roll(SCENE, 1, axis=1) + np.roll(SCENE, 2, axis=1)) / 3.0).astype(np.uint8)
    assert sharpness(blurred) < 0.6 * sharpness(SCENE)
