"""LeRobot's policies with random weights, built from their configurations: in process, from a folder, and behind LeRobot's own server."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph import wait_for

pytest.importorskip("lerobot", reason="needs make setup-learning")

from strands_robots.core.errors import AdapterError, ConfigurationError, PolicyError, UnknownNameError
from strands_robots.core.types import Playback
from strands_robots.policies.adapt.model import ModelInput
from strands_robots.policies.check.inspection import check_policy, inspect_lerobot
from strands_robots.policies.lerobot.lerobot_options import LerobotOptions
from strands_robots.policies.lerobot.loading import choose_device, load
from strands_robots.policies.lerobot.policy import LerobotModel, make_model
from strands_robots.policies.lerobot.server import read_actions
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy, needs_process
from strands_robots.policies.remote.errors import LinkError, ProtocolError

from .observations import observe
from .server_process import ENVIRONMENT
from .tiny_smolvla import write_vlm

pytestmark = pytest.mark.learning

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
NAMES = tuple(f"{joint}.pos" for joint in JOINTS)
FRONT = "observation.images.front"
SMALL: dict[str, dict[str, Any]] = {
    "act": {
        "chunk_size": 10, "n_action_steps": 10, "dim_model": 32, "n_heads": 2, "dim_feedforward": 64, "n_encoder_layers": 1,
        "n_vae_encoder_layers": 1, "latent_dim": 8,
    },
    "diffusion": {
        "down_dims": [32, 64], "horizon": 16, "n_action_steps": 8, "num_inference_steps": 3, "crop_shape": [56, 56],
    },
    "vqbet": {"crop_shape": [56, 56], "gpt_n_layer": 1, "gpt_n_head": 2, "gpt_hidden_dim": 64, "gpt_input_dim": 64, "gpt_output_dim": 64},
}  # fmt: skip


def _options(kind: str, cameras: bool = True, **more: Any) -> LerobotOptions:
    return LerobotOptions(
        type=kind, state=NAMES, action=NAMES, device="cpu", rate=30.0, cameras={"front": (64, 64)} if cameras else {},
        **{"config": SMALL.get(kind, {}), **more},
    )  # fmt: skip


def _given(model: LerobotModel, value: float = 0.3) -> ModelInput:
    history = model.needs.history
    pictures = {key: np.full((history, 64, 64, 3), 90, np.uint8) for key in model.needs.cameras}
    return ModelInput(0.0, np.full((history, 6), value), pictures, "lift the red cube" if model.needs.language else "")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an ACT on state alone, with processors whose statistics are not trivial, as a training leaves it."""
    import torch
    from lerobot.policies.factory import make_pre_post_processors

    folder = tmp_path_factory.mktemp("act")
    # ACT needs pictures or an environment state; one small picture is the cheapest.
    loaded = load(_options("act"))
    one, mean, deviation = torch.ones(6), 10.0, 2.0
    stats = {"mean": one * mean, "std": one * deviation, "min": -one, "max": one}
    picture = {
        "mean": torch.zeros(3, 1, 1),
        "std": torch.ones(3, 1, 1),
        "min": torch.zeros(3, 1, 1),
        "max": torch.ones(3, 1, 1),
    }
    pre, post = make_pre_post_processors(
        loaded.config, dataset_stats={"observation.state": stats, "action": stats, FRONT: picture}
    )
    loaded.policy.save_pretrained(folder)
    pre.save_pretrained(folder)
    post.save_pretrained(folder)
    return folder


def test_act_gives_a_chunk_and_repeats_with_the_same_seed() -> None:
    model = make_model(_options("act"), None)
    assert (model.gives.horizon, model.gives.device, model.gives.rtc) == (10, "cpu", False)
    assert [element.name for element in model.needs.state] == list(NAMES)
    assert model.needs.cameras[FRONT].height == 64
    model.reset(1)
    first = model.infer(_given(model))
    assert first.shape == (10, 6)
    np.testing.assert_array_equal(model.infer(_given(model)), first)
    assert np.abs(model.infer(_given(model, 5.0)) - first).max() > 1e-3


def test_policy_from_a_folder_uses_its_own_processors(saved: Path) -> None:
    model = make_model(LerobotOptions(path=str(saved), device="cpu"), None)
    given = _given(model, 10.0)
    rows = model.infer(given)
    import torch

    loaded = load(LerobotOptions(path=str(saved), device="cpu"))
    with torch.no_grad():
        batch = {"observation.state": torch.zeros(1, 6), FRONT: torch.full((1, 3, 64, 64), 90 / 255.0)}
        raw = loaded.policy.predict_action_chunk(batch)[0].numpy()
    np.testing.assert_allclose(rows, raw * 2.0 + 10.0, atol=1e-4)


def test_adapter_of_the_so101_fits_and_another_size_is_refused_with_both(saved: Path) -> None:
    adapter = Path("config/adapters/so101.yaml")
    text = (adapter if adapter.is_file() else Path(__file__).parents[2] / adapter).read_text()
    seeing = text + "cameras: {observation.images.front: {camera: wrist, resize: stretch}}\n"
    context = PolicyContext("so101", JOINTS, None, None, 0.0, {"wrist": (480, 640)}, seeing)
    policy = create_policy("lerobot", {"path": str(saved), "device": "cpu"}, context)
    observation = replace(observe(0.0, names=JOINTS), images={"wrist": np.zeros((480, 640, 3), np.uint8)})
    action = policy.infer(observation)
    assert (action.joint_names, action.values.shape) == (JOINTS, (10, 6))
    policy.close()
    small = "{state: [{name: a, joint: gripper, unit: rad}], action: [{name: a, joint: gripper, unit: rad}], rate: 30}"
    with pytest.raises(AdapterError, match=r"state: the policy has 6 numbers, the adapter \['a'\]"):
        create_policy("lerobot", {"path": str(saved), "device": "cpu"}, replace(context, adapter=small))
    with pytest.raises(AdapterError, match=r"cameras: the policy has \[observation.images.front\], the adapter \[\]"):
        create_policy("lerobot", {"path": str(saved), "device": "cpu"}, replace(context, adapter=text))
    fit = check_policy("lerobot", {"path": str(saved), "device": "cpu"}, "so101", text, "")
    assert not fit.fits
    assert "the adapter []" in fit.message


def test_device_that_is_missing_is_an_error_and_the_chosen_one_is_reported() -> None:
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(ConfigurationError, match="device 'cuda' is not there; valid here: auto, cpu"):
            choose_device("cuda")
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in ("cpu", "cuda", "mps")


def test_what_cannot_be_loaded_says_why(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"holds no config\.json"):
        load(LerobotOptions(path=str(tmp_path)))
    with pytest.raises(ConfigurationError, match="is of type 'act', the settings say 'diffusion'"):
        create_policy("diffusion", {"path": str(saved)})
    with pytest.raises(UnknownNameError, match="unknown field of lerobot's act configuration 'chunks'"):
        load(LerobotOptions(path=str(saved), device="cpu", config={"chunks": 3}))
    with pytest.raises(UnknownNameError, match="unknown type of lerobot policy 'ackt'"):
        load(_options("ackt"))
    with pytest.raises(ConfigurationError, match="has no real-time chunking"):
        load(_options("act", rtc=True))
    assert needs_process("lerobot")
    assert needs_process("act")


def test_inspection_times_one_inference_and_counts_weights(saved: Path) -> None:
    found = inspect_lerobot(str(saved), {"device": "cpu"})
    assert found.rows == (10, 6)
    assert found.parameters > 1_000_000
    assert 0.0 < found.latency <= found.first * 2


@pytest.mark.parametrize(("kind", "history", "rows"), [("diffusion", 2, 8), ("vqbet", 5, 5)])
def test_policies_with_history_give_a_chunk_that_depends_on_it(kind: str, history: int, rows: int) -> None:
    model = make_model(_options(kind), None)
    assert (model.needs.history, model.gives.horizon) == (history, rows)
    given = _given(model)
    answers = []
    for change in (0.0, 0.0, 2.0):
        model.reset(3)
        state = given.state.copy()
        state[0] += change
        answers.append(model.infer(replace(given, state=state)))
    assert answers[0].shape == (rows, 6)
    np.testing.assert_array_equal(answers[0], answers[1])
    assert np.abs(answers[2] - answers[0]).max() > 1e-6


def test_smolvla_continues_the_running_chunk(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    write_vlm(tmp_path)
    config = {
        "vlm_model_name": str(tmp_path), "num_vlm_layers": 4, "chunk_size": 16, "n_action_steps": 16, "num_steps": 4,
        "resize_imgs_with_padding": [64, 64], "tokenizer_max_length": 8,
    }  # fmt: skip
    model = make_model(_options("smolvla", rtc=True, rtc_horizon=8, config=config), None)
    assert (model.needs.language, model.gives.rtc, model.gives.horizon) == (True, True, 16)
    model.reset(0)
    first = model.infer(replace(_given(model), playback=Playback()))
    guided = model.infer(replace(_given(model), playback=Playback(elapsed=4, delay=3)))
    free = model.infer(_given(model))
    left = first[4:7]
    assert np.abs(guided[:3] - left).mean() < 0.2 * np.abs(free[:3] - left).mean()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def lerobot_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = _free_port()
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "lerobot.async_inference.policy_server", "--host=127.0.0.1", f"--port={port}"],
            env=ENVIRONMENT, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent,
        )  # fmt: skip

        def is_up() -> bool:
            assert process.poll() is None, log.read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            wait_for(is_up, 90.0, "lerobot's server")
            yield port
        finally:
            process.kill()
            process.wait()


def test_lerobots_own_server_answers_as_the_policy_in_process_does(saved: Path, lerobot_server: int) -> None:
    elements = ", ".join(f"{{name: {joint}.pos, joint: {joint}, unit: deg}}" for joint in JOINTS)
    adapter = f"{{state: [{elements}], action: [{elements}], cameras: {{{FRONT}: {{camera: wrist}}}}, rate: 30}}"
    context = PolicyContext("so101", JOINTS, None, None, 0.0, {"wrist": (64, 64)}, adapter)
    settings = {"path": str(saved), "type": "act", "port": lerobot_server, "rows": 10, "cameras": {"front": [64, 64]}}
    remote = create_policy("lerobot_server", settings, context)
    local = create_policy("lerobot", {"path": str(saved), "device": "cpu"}, context)
    for value in (0.0, 0.4):
        observation = replace(
            observe(0.0, *[value] * 6, names=JOINTS), images={"wrist": np.full((64, 64, 3), 90, np.uint8)}
        )
        np.testing.assert_allclose(remote.infer(observation).values, local.infer(observation).values, atol=1e-4)
    remote.close()


def test_lerobots_server_elsewhere_or_absent_is_refused() -> None:
    pytest.importorskip("grpc")
    adapter = (
        "{state: [{name: a, joint: gripper, unit: rad}], action: [{name: a, joint: gripper, unit: rad}], rate: 30}"
    )
    context = PolicyContext("so101", JOINTS, None, None, 0.0, {}, adapter)
    settings = {"path": "x/y", "type": "act", "timeout": 0.5}
    with pytest.raises(ConfigurationError, match="unpickles what the network sends"):
        create_policy("lerobot_server", {**settings, "host": "10.0.0.7"}, context)
    with pytest.raises(LinkError, match=r"lerobot's server at 127.0.0.1:\d+: (deadline_exceeded|unavailable)"):
        create_policy("lerobot_server", {**settings, "port": _free_port()}, context)


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("owned",)


@pytest.mark.parametrize(
    "data", [pickle.dumps(_Evil()), pickle.dumps([1, 2]), b"", b"\x80\x04garbage", pickle.dumps([])]
)
def test_answer_that_is_no_list_of_actions_is_refused_and_runs_nothing(
    data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises((ProtocolError, PolicyError)):
        read_actions(data)
    assert "owned" not in capsys.readouterr().out
