"""Cosmos 3 in this process, tiny and random: seeds, chunks that are gone on with, what has to be said, and a Panda that follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs make setup-learning")

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.types import Observation
from strands_robots.description.robot_config import load_robot
from strands_robots.policies.adapt.adapter import load_adapter
from strands_robots.policies.adapt.end_effector import EndEffectorPolicy
from strands_robots.policies.adapt.model import ModelInput
from strands_robots.policies.cosmos3_local.policy import Cosmos3LocalModel, Cosmos3LocalOptions, load_pipeline
from strands_robots.policies.preflight import check_memory, free_memory
from strands_robots.policies.provider import PolicyContext, read_settings

from .tapes import scene
from .tiny_cosmos3 import make_pipeline, save_pipeline

pytestmark = [pytest.mark.learning, pytest.mark.timeout(300)]
SETTINGS: dict[str, Any] = {
    "path": "unused", "domain": "droid_lerobot", "statistics": "none", "chunk": 4, "steps": 1, "resolution": 256, "device": "cpu",
    "dtype": "float32", "size": (64, 96),
}  # fmt: skip


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return make_pipeline()


def _model(pipeline: Any, **changes: Any) -> Cosmos3LocalModel:
    return Cosmos3LocalModel(pipeline, Cosmos3LocalOptions(**{**SETTINGS, **changes}))


def _seen(model: Cosmos3LocalModel, brightness: int = 90, stamp: float = 0.0) -> ModelInput:
    pictures = {view: np.full((1, 64, 96, 3), brightness, np.uint8) for view in model.needs.cameras}
    return ModelInput(stamp, np.zeros((1, 0)), pictures, "lift the red cube")


def test_same_seed_and_pictures_give_the_same_rows_and_others_do_not(pipeline: Any) -> None:
    model = _model(pipeline)
    assert (tuple(model.needs.cameras), model.gives.horizon, model.gives.gripper) == (
        ("wrist", "left", "right"),
        4,
        "not known",
    )
    rows = []
    for seed, brightness in ((3, 90), (3, 90), (4, 90), (3, 250)):
        model.reset(seed)
        rows.append(model.infer(_seen(model, brightness)))
    np.testing.assert_array_equal(rows[0], rows[1])
    assert rows[0].shape == (4, 10)
    assert np.abs(rows[0] - rows[2]).max() > 0.0
    assert np.abs(rows[0] - rows[3]).max() > 0.0


def test_rest_of_a_chunk_is_answered_until_it_is_time_to_replan(pipeline: Any) -> None:
    model = _model(pipeline, replan=3)
    model.reset(0)
    first = model.infer(_seen(model))
    np.testing.assert_array_equal(model.infer(_seen(model, stamp=1 / 15)), first[1:])
    np.testing.assert_array_equal(model.infer(_seen(model, stamp=2 / 15)), first[2:])
    assert model.infer(_seen(model, stamp=3 / 15)).shape == (4, 10)
    model.reset(0)
    np.testing.assert_array_equal(model.infer(_seen(model, stamp=9.0)), first)


def test_statistics_have_to_be_said_and_are_applied(pipeline: Any) -> None:
    without = {key: value for key, value in SETTINGS.items() if key != "statistics"}
    with pytest.raises(ConfigurationError, match="statistics"):
        read_settings(Cosmos3LocalOptions, "cosmos3_local", without)
    with pytest.raises(ConfigurationError, match="statistics need 10 numbers each"):
        read_settings(
            Cosmos3LocalOptions, "cosmos3_local", {**SETTINGS, "statistics": {"scale": [1, 1], "offset": [0, 0]}}
        )
    with pytest.raises(ConfigurationError, match="domain"):
        read_settings(Cosmos3LocalOptions, "cosmos3_local", {**SETTINGS, "domain": "libero"})
    plain = _model(pipeline)
    scaled = _model(pipeline, statistics={"scale": [0.5] * 10, "offset": [1.0] * 10})
    plain.reset(1)
    scaled.reset(1)
    np.testing.assert_allclose(scaled.infer(_seen(scaled)), plain.infer(_seen(plain)) * 0.5 + 1.0)


class _Steps:
    """A pipeline that answers one step along the tool's axes in each row."""

    def __call__(self, prompt: str, *, action: Any, **_: Any) -> Any:
        import torch

        rows = torch.tensor([[0.001, 0.002, 0.003, 1, 0, 0, 0, 1, 0, 0.0]]).repeat(action.chunk_size, 1)
        return type("Output", (), {"action": [rows]})()


def _flange(position: FloatArray) -> FloatArray:
    pose: FloatArray = scene.flange(position[:7])
    return pose


def test_panda_follows_in_the_tools_axes_and_each_row_is_anchored_on_the_achieved_pose() -> None:
    names = load_robot("panda").limits().names
    options = Cosmos3LocalOptions(**{**SETTINGS, "replan": 4})
    context = PolicyContext("panda", names, None, "lift", 0.0, {"wrist": (64, 96), "left": (64, 96), "right": (64, 96)})
    policy = EndEffectorPolicy(Cosmos3LocalModel(_Steps(), options), load_adapter("cosmos3_local"), context)
    policy.reset(0)
    position = np.array([*scene.JOINTS, 0.04])
    for row in range(4):  # execute_rows 1: only the first row of each answer is played, and the arm lags behind
        images = {name: np.zeros((64, 96, 3), np.uint8) for name in ("wrist", "left", "right")}
        observation = Observation(row / 15, names, position, 0 * position, 0 * position, images, (), "lift")
        answer = policy.infer(observation).values
        assert len(answer) == 4 - row
        here = _flange(position)
        np.testing.assert_allclose(
            _flange(answer[0])[:3, 3], here[:3, 3] + here[:3, :3] @ [0.001, 0.002, 0.003], atol=5e-4
        )
        assert answer[0][-1] == 0.0
        position = position + 0.5 * (answer[0] - position)


@pytest.mark.long
def test_checkpoint_is_loaded_from_its_folder_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing is downloaded"):
        load_pipeline(Cosmos3LocalOptions(**SETTINGS))
    folder = save_pipeline(tmp_path / "tiny")
    options = Cosmos3LocalOptions(**{**SETTINGS, "path": str(folder)})
    model = Cosmos3LocalModel(load_pipeline(options), options)
    model.reset(0)
    assert model.infer(_seen(model)).shape == (4, 10)


def test_weights_that_do_not_fit_are_refused_before_they_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import strands_robots.policies.preflight as preflight

    (tmp_path / "transformer").mkdir()
    with (tmp_path / "transformer" / "model.safetensors").open("wb") as file:
        file.truncate(4 * 2**30)
    assert free_memory("cpu") > 0.0
    monkeypatch.setattr(preflight, "free_memory", lambda device: 2.0 * 2**30)
    with pytest.raises(ConfigurationError, match=r"need about 4.6 GiB on cpu, of which 2.0 GiB are free"):
        check_memory(tmp_path, "cpu")
    monkeypatch.undo()
    check_memory(tmp_path / "nothing", "cpu")
