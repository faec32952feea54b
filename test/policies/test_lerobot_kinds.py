"""More kinds of LeRobot's policies, tiny and random: an environment state instead of pictures, and vision-language-action models."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

from strands_robots.core.errors import AdapterError, PolicyError
from strands_robots.core.types import Playback
from strands_robots.policies.adapt.model import ModelInput
from strands_robots.policies.lerobot.lerobot_options import LerobotOptions
from strands_robots.policies.lerobot.policy import LerobotModel, make_model
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy

from .observations import observe
from .test_lerobot import JOINTS, NAMES, SMALL
from .tiny_vla import shrink_pi, xvla_config

pytestmark = pytest.mark.learning

PLACE = ("cube.x", "cube.y")


def _model(kind: str, config: dict[str, Any], **more: Any) -> LerobotModel:
    return make_model(
        LerobotOptions(type=kind, state=NAMES, action=NAMES, device="cpu", rate=30.0, config=config, **more), None
    )


def _placed(model: LerobotModel, x: float) -> ModelInput:
    history = model.needs.history
    return ModelInput(0.0, np.full((history, 6), 0.3), {}, "", None, np.full((history, 2), x))


@pytest.mark.parametrize("kind", ["act", "diffusion"])
def test_policy_on_an_environment_state_needs_no_picture_and_depends_on_it(kind: str) -> None:
    config = {key: value for key, value in SMALL[kind].items() if key != "crop_shape"}
    model = _model(kind, config, environment=PLACE)
    assert [element.name for element in model.needs.environment] == list(PLACE)
    assert not model.needs.cameras
    answers = []
    for x in (0.1, 0.1, 2.0):
        model.reset(3)
        answers.append(model.infer(_placed(model, x)))
    assert answers[0].shape == (model.gives.horizon, 6)
    np.testing.assert_array_equal(answers[0], answers[1])
    assert np.abs(answers[2] - answers[0]).max() > 1e-6


def test_adapter_without_the_environment_that_the_policy_needs_is_refused() -> None:
    elements = ", ".join(f"{{name: {joint}.pos, joint: {joint}, unit: deg}}" for joint in JOINTS)
    settings = {
        "type": "act",
        "state": NAMES,
        "action": NAMES,
        "environment": PLACE,
        "device": "cpu",
        "config": SMALL["act"],
    }
    context = PolicyContext(
        "so101", JOINTS, None, None, 0.0, {}, f"{{state: [{elements}], action: [{elements}], rate: 20}}"
    )
    with pytest.raises(AdapterError, match=r"environment: the policy has \[cube.x, cube.y\], the adapter \[\]"):
        create_policy("lerobot", settings, context)
    assert observe(0.0).bodies == {}


def test_xvla_answers_to_pictures_and_words(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    model = _model("xvla", xvla_config(tmp_path), cameras={"front": (64, 64)})
    assert (model.needs.language, model.gives.horizon, model.needs.history) == (True, 6, 1)
    _answers_depend_on_the_picture(model)


@pytest.mark.parametrize("kind", ["pi0", "pi05"])
def test_pi_continues_the_running_chunk(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    module = importlib.import_module(f"lerobot.policies.{kind}.modeling_{kind}")
    config = shrink_pi(module, tmp_path, monkeypatch)
    model = _model(kind, config, cameras={"front": (64, 64)}, rtc=True, rtc_horizon=4)
    assert (model.needs.language, model.gives.rtc, model.gives.horizon) == (True, True, 6)
    _answers_depend_on_the_picture(model)
    given = _seeing(model, 90)
    model.reset(0)
    first = model.infer(replace(given, playback=Playback()))
    guided = model.infer(replace(given, playback=Playback(elapsed=2, delay=2)))
    free = model.infer(given)
    assert np.abs(guided[:2] - first[2:4]).mean() < np.abs(free[:2] - first[2:4]).mean()


TDMPC = {
    "horizon": 5, "latent_dim": 16, "mlp_dim": 32, "image_encoder_hidden_dim": 8, "state_encoder_hidden_dim": 16, "q_ensemble_size": 2,
    "cem_iterations": 2, "n_gaussian_samples": 8, "n_pi_samples": 4, "n_elites": 4,
}  # fmt: skip


def test_tdmpc_plans_over_time_and_not_over_the_batch() -> None:
    model = _model("tdmpc", TDMPC, environment=PLACE)
    assert (model.gives.horizon, model.needs.history) == (5, 1)
    model.reset(3)
    rows = model.infer(_placed(model, 0.1))
    assert rows.shape == (5, 6)
    assert np.isfinite(rows).all()
    model.reset(3)
    np.testing.assert_array_equal(model.infer(_placed(model, 0.1)), rows)


def test_tdmpc_with_a_picture_that_it_could_not_find_is_refused_when_it_is_loaded() -> None:
    with pytest.raises(PolicyError, match=r"named 'observation.image' only; this one has observation.images.front"):
        _model("tdmpc", TDMPC, cameras={"front": (64, 64)})


def test_multi_task_dit_takes_pictures_and_words_and_answers_by_its_seed(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from .tiny_vla import write_clip

    clip = write_clip(tmp_path / "clip")  # LeRobot looks for this word in the name
    config = {
        "horizon": 8, "n_action_steps": 4, "n_obs_steps": 1, "hidden_dim": 32, "num_layers": 1, "num_heads": 2, "timestep_embed_dim": 16,
        "num_inference_steps": 2, "vision_encoder_name": clip, "text_encoder_name": clip, "image_crop_shape": None,
        "tokenizer_max_length": 8,
    }  # fmt: skip
    model = _model("multi_task_dit", config, cameras={"front": (32, 32)})
    assert model.needs.language
    pictures = {key: np.full((1, 32, 32, 3), 90, np.uint8) for key in model.needs.cameras}
    answers = []
    for seed in (3, 3, 4):
        model.reset(seed)
        answers.append(model.infer(ModelInput(0.0, np.full((1, 6), 0.3), pictures, "lift the red cube")))
    assert answers[0].shape[1] == 6
    np.testing.assert_array_equal(answers[0], answers[1])
    assert np.abs(answers[0] - answers[2]).max() > 0.0


def _seeing(model: LerobotModel, brightness: int) -> ModelInput:
    pictures = {key: np.full((1, 64, 64, 3), brightness, np.uint8) for key in model.needs.cameras}
    return ModelInput(0.0, np.full((1, 6), 0.3), pictures, "lift the red cube")


def _answers_depend_on_the_picture(model: LerobotModel) -> None:
    answers = []
    for brightness in (90, 90, 250):
        model.reset(3)
        answers.append(model.infer(_seeing(model, brightness)))
    assert answers[0].shape == (6, 6)
    assert np.isfinite(answers[0]).all()
    np.testing.assert_array_equal(answers[0], answers[1])
    assert np.abs(answers[2] - answers[0]).max() > 0.0
