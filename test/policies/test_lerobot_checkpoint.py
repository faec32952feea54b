"""Checkpoints that would act wrongly in silence, or that are broken: each is refused when it is loaded, in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.robot_config import load_robot
from strands_robots.policies.check.inspection import check_policy
from strands_robots.policies.host.host import Patience
from strands_robots.policies.host.opening import open_policy
from strands_robots.policies.lerobot.lerobot_options import LerobotOptions
from strands_robots.policies.lerobot.loading import load
from strands_robots.policies.lerobot.seen import look_at
from strands_robots.policies.lerobot.temporal import notes_of
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy

from .checkpoints import JOINTS, POST, PRE, RADIANS, UNITS, adapter, change_json, change_tensors, save_act, statistics

pytestmark = pytest.mark.learning

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 45210\n"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_act(tmp_path_factory.mktemp("act"))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "act"))


def _refusal(folder: Path, **more: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(LerobotOptions(path=str(folder), device="cpu", **more))
    text = str(caught.value)
    assert "\n" not in text
    assert str(folder) in text
    assert "valid: " in text
    return text


def test_whole_checkpoint_is_loaded_and_fits(folder: Path) -> None:
    found = check_policy("lerobot", {"path": str(folder), "device": "cpu"}, "so101", adapter(), "")
    assert found.fits, found.message


def _prefixed(tensors: dict[str, Any]) -> dict[str, Any]:
    return {f"so100.buffer.{name}": tensor for name, tensor in tensors.items()}


def test_statistics_under_a_prefix_are_refused_with_the_remedy_and_the_remedy_works(folder: Path) -> None:
    for name in (PRE, POST):
        change_tensors(folder / name, _prefixed)
    text = _refusal(folder)
    assert "normalisation would be skipped: no statistics observation.state.mean, observation.state.std" in text
    assert "action.mean" in text
    assert "statistics_prefix 'so100.buffer.'" in text
    loaded = load(LerobotOptions(path=str(folder), device="cpu", statistics_prefix="so100.buffer."))
    assert loaded.statistics is not None
    assert loaded.statistics.action is not None
    assert "no statistics begin with 'koch.'; there are" in _refusal(folder, statistics_prefix="koch.")


def test_statistics_under_two_prefixes_are_refused_with_both(folder: Path) -> None:
    for name in (PRE, POST):
        change_tensors(
            folder / name,
            lambda old: {f"{own}.{key}": t.clone() for own in ("so100", "koch") for key, t in old.items()},
        )
    assert "statistics_prefix, one of 'koch.', 'so100.'" in _refusal(folder)


def _without(*beginnings: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda old: {key: t for key, t in old.items() if not key.startswith(beginnings)}


@pytest.mark.parametrize(
    ("file", "gone", "named"),
    [
        (POST, "action", "no statistics action.mean, action.std"),
        (PRE, "observation.state", "no statistics observation.state.mean"),
        (PRE, "observation.environment_state", None),
        (POST, "action.std", "no statistics action.std"),
    ],
)
def test_feature_without_statistics_is_refused_by_name_unless_it_is_identity(
    folder: Path, file: str, gone: str, named: str | None
) -> None:
    change_tensors(folder / file, _without(gone))
    if named is None:  # ACT's environment state is not normalised
        load(LerobotOptions(path=str(folder), device="cpu"))
    else:
        assert named in _refusal(folder)


UNNORMALIZER, NORMALIZER = "unnormalizer_processor", "normalizer_processor"


def _steps_without(name: str) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        data["steps"] = [step for step in data["steps"] if step.get("registry_name") != name]

    return change


def _normalizer(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    return lambda data: change(next(s["config"] for s in data["steps"] if "normalizer" in s["registry_name"]))


@pytest.mark.parametrize(
    ("file", "change", "named"),
    [
        ("policy_postprocessor.json", _steps_without(UNNORMALIZER), "action is MEAN_STD in config.json, and no step of"),
        ("policy_preprocessor.json", _steps_without(NORMALIZER), "observation.state is MEAN_STD in config.json, and no"),
        ("policy_postprocessor.json", _normalizer(lambda c: c["norm_map"].pop("ACTION")), "action is MEAN_STD in config.json"),
        ("policy_preprocessor.json", _normalizer(lambda c: c["features"].pop("observation.state")), "observation.state is MEAN_STD"),
        (
            "policy_preprocessor.json",
            _normalizer(lambda c: c.update(normalize_observation_keys=["observation.other"])),
            "observation.state is MEAN_STD",
        ),
    ],
)  # fmt: skip
def test_step_that_leaves_a_feature_out_is_refused(
    folder: Path, file: str, change: Callable[[dict[str, Any]], None], named: str
) -> None:
    change_json(folder / file, change)
    assert named in _refusal(folder)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda old: {**old, "action.std": -old["action.std"]}, "action.std is negative"),
        (lambda old: {**old, "action.mean": old["action.mean"] * float("nan")}, "action.mean is not finite"),
        (lambda old: {**old, "action.mean": old["action.mean"][:3]}, "action.mean has 3 numbers for the shape [6]"),
    ],
)
def test_malformed_statistics_are_refused_by_name(folder: Path, change: Any, named: str) -> None:
    change_tensors(folder / POST, change)
    assert named in _refusal(folder)


def _renamed(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("model.action_head.bias", "model.head.bias"): tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_without("model.action_head"), "missing in the file: model.action_head"),
        (lambda old: {**old, "model.extra.weight": old["model.action_head.weight"] + 1.0}, "not in the policy: model.extra.weight"),
        (lambda old: {**old, "model.action_head.bias": old["model.action_head.bias"][:3]}, "model.action_head.bias"),
        (lambda old: {**old, "model.action_head.bias": old["model.action_head.bias"] * float("nan")}, "not finite in the file"),
    ],
)  # fmt: skip
def test_weight_that_is_missing_left_over_or_of_another_shape_is_refused_by_name(
    folder: Path, change: Any, named: str
) -> None:
    change_tensors(folder / "model.safetensors", change)
    assert named in _refusal(folder)


def test_kind_whose_loading_is_lax_is_refused_like_the_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lerobot.policies.act.modeling_act import ACTPolicy

    # As pi0's: whatever goes wrong is printed, and random weights come back.
    monkeypatch.setattr(ACTPolicy, "from_pretrained", classmethod(lambda cls, path, config, **_: cls(config)))
    assert "(not loaded)" in _refusal(folder)


def _newer(data: dict[str, Any]) -> None:
    data["attention_sinks"] = 4


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda f: (f / "policy_preprocessor.json").unlink(), "holds no policy_preprocessor.json"),
        (lambda f: (f / "policy_postprocessor.json").unlink(), "migrate_policy_normalization"),
        (lambda f: (f / POST).unlink(), f"names {POST}, which is not there"),
        (lambda f: (f / "model.safetensors").unlink(), "holds no model.safetensors"),
        (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-100]), "its header speaks of"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "cut off or no safetensors file: 0 bytes"),
        (lambda f: (f / "model.safetensors").write_bytes(LFS), "model.safetensors is a git-lfs pointer"),
        (lambda f: (f / "config.json").write_bytes(LFS), "config.json is a git-lfs pointer"),
        (lambda f: (f / POST).write_bytes(LFS), "git lfs pull"),
        (lambda f: (f / POST).write_bytes(b"\0" * 64), "no safetensors file"),
        (lambda f: (f / "config.json").write_text("{"), "config.json is not JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json holds a list"),
        (lambda f: change_json(f / "config.json", _newer), "config.json has attention_sinks, which 'act' of lerobot"),
        (lambda f: change_json(f / "config.json", lambda c: c.update(type="act2")), "is of type 'act2', which lerobot"),
        (lambda f: change_json(f / "config.json", lambda c: c.pop("type")), "has no 'type'"),
        (lambda f: change_json(f / "config.json", lambda c: c.update(dim_model="wide")), "config.json cannot be read"),
        (lambda f: change_json(f / "config.json", lambda c: c.update(dim_model=32)), "the weights do not fit"),
        (lambda f: change_json(f / "config.json", lambda c: c.update(output_features={})), "no input and output features"),
        (lambda f: (f / "policy_preprocessor.json").write_text('{"name": "x"}'), "has no list of 'steps'"),
        (
            lambda f: change_json(f / "policy_preprocessor.json", lambda c: c["steps"][0].update(registry_name="newer_step")),
            "its processors cannot be made",
        ),
    ],
)  # fmt: skip
def test_broken_folder_is_one_line_with_what_is_wrong_and_the_remedy(
    folder: Path, damage: Callable[[Path], Any], named: str
) -> None:
    damage(folder)
    assert named in _refusal(folder)
    found = check_policy("lerobot", {"path": str(folder), "device": "cpu"}, "so101", adapter(), "")
    assert not found.fits
    assert named in found.message


def test_folder_above_the_checkpoint_is_refused_with_the_one_that_is_meant(folder: Path) -> None:
    above = folder.parent / "last"
    above.mkdir()
    folder.rename(above / "pretrained_model")
    assert f"valid: '{above / 'pretrained_model'}'" in _refusal(above)


def test_process_of_its_own_refuses_as_well_and_prints_no_traceback(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    change_tensors(folder / POST, _without("action"))
    limits = load_robot("so101").limits()
    context = PolicyContext("so101", JOINTS, limits, None, 0.0, {}, adapter())
    with pytest.raises(ConfigurationError, match=r"no statistics action\.mean"):
        open_policy("lerobot", json.dumps({"path": str(folder), "device": "cpu"}), context, Patience(120.0, 10.0))
    assert "Traceback" not in capfd.readouterr().err


MODES = ("MEAN_STD", "MIN_MAX", "QUANTILES", "QUANTILE10")


@pytest.mark.parametrize("mode", MODES)
def test_statistics_far_outside_the_joint_limits_are_refused_in_every_mode(tmp_path: Path, mode: str) -> None:
    settings = {"path": str(save_act(tmp_path, mode=mode)), "device": "cpu"}
    found = check_policy("lerobot", settings, "so101", adapter(), "")
    assert found.fits, found.message
    wrong = check_policy("lerobot", settings, "so101", adapter(dict.fromkeys(UNITS, "rad")), "")
    assert not wrong.fits
    assert "on joint 'shoulder_pan': -" in wrong.message
    assert "limits -1.92 to 1.92" in wrong.message


@pytest.mark.parametrize("vector", ["state", "action"])
def test_only_the_state_or_only_the_action_in_other_units_is_refused(tmp_path: Path, vector: str) -> None:
    radians = statistics(scale=RADIANS)
    settings = {"path": str(save_act(tmp_path, **{vector: radians})), "device": "cpu"}
    found = check_policy("lerobot", settings, "so101", adapter(), "")
    assert not found.fits
    assert f"{vector}: in degrees no joint would ever have moved" in found.message


def _notes(folder: Path, **more: Any) -> str:
    return "; ".join(load(LerobotOptions(path=str(folder), device="cpu", **more)).notes)


def test_temporal_settings_that_are_not_used_are_said_at_load_and_by_check(folder: Path) -> None:
    assert "n_action_steps 10 is not used" in _notes(folder)
    change_json(folder / "config.json", lambda c: c.update(n_action_steps=4))
    assert "n_action_steps 4 is not used: a chunk has 10 rows" in _notes(folder)
    change_json(folder / "config.json", lambda c: c.update(n_action_steps=1, temporal_ensemble_coeff=0.05))
    settings = {"path": str(folder), "device": "cpu"}
    notes = check_policy("lerobot", settings, "so101", adapter(), "").notes
    assert "temporal_ensemble_coeff 0.05 is not used; the goal's blending 'ensemble' averages with 0.01" in notes
    assert any("does not say the rate of its training data" in note for note in notes)


def _trained_on(folder: Path, root: Path, fps: int, names: list[str]) -> None:
    (root / "meta").mkdir(parents=True)
    features = {key: {"names": names} for key in ("action", "observation.state")}
    (root / "meta" / "info.json").write_text(json.dumps({"fps": fps, "features": features}))
    (folder / "train_config.json").write_text(json.dumps({"dataset": {"repo_id": "a/b", "root": str(root)}}))


def test_rate_of_the_training_data_is_kept_or_the_goal_is_refused_with_both(folder: Path, tmp_path: Path) -> None:
    _trained_on(folder, tmp_path / "data", 30, [f"{joint}.pos" for joint in JOINTS])
    settings = {"path": str(folder), "device": "cpu"}
    found = check_policy("lerobot", settings, "so101", adapter(), "")
    assert found.fits, found.message
    assert not any("rate" in note for note in found.notes)
    fast = check_policy("lerobot", settings, "so101", adapter(rate=50.0), "")
    assert "was trained on 30 rows a second" in fast.message
    assert "would be played with 50, 1.67 times as fast" in fast.message


def test_order_of_the_training_data_is_kept_or_refused_with_both_lists(folder: Path, tmp_path: Path) -> None:
    names = [f"{joint}.pos" for joint in (JOINTS[0], JOINTS[2], JOINTS[1], *JOINTS[3:])]
    _trained_on(folder, tmp_path / "data", 30, names)
    found = check_policy("lerobot", {"path": str(folder), "device": "cpu"}, "so101", adapter(), "")
    assert "state: the policy was trained on [shoulder_pan.pos, elbow_flex.pos, shoulder_lift.pos" in found.message


def _save_lora(folder: Path, base: Path) -> Path:
    import peft
    from lerobot.policies.act.modeling_act import ACTPolicy

    policy = ACTPolicy.from_pretrained(str(base))
    wrapped = peft.get_peft_model(policy, peft.LoraConfig(r=2, target_modules=["action_head"], init_lora_weights=False))
    wrapped.peft_config["default"].base_model_name_or_path = str(base)
    wrapped.save_pretrained(folder)
    for path in base.glob("policy_*"):
        shutil.copy(path, folder)
    shutil.copy(base / "config.json", folder)
    return folder


def test_lora_adapter_is_loaded_on_its_base_and_refused_with_a_tensor_missing(whole: Path, tmp_path: Path) -> None:
    import torch

    pytest.importorskip("peft")
    folder = _save_lora(tmp_path / "lora", whole)
    own, base = (load(LerobotOptions(path=str(each), device="cpu")).policy.state_dict() for each in (folder, whole))
    assert list(own) == list(base)
    changed = [name for name in own if not torch.equal(own[name], base[name])]
    assert changed == ["model.action_head.weight"]
    change_tensors(
        folder / "adapter_model.safetensors", lambda old: {k: t for k, t in old.items() if "lora_B" not in k}
    )
    assert "missing in the file: " in _refusal(folder)
    change_json(folder / "adapter_config.json", lambda c: c.update(base_model_name_or_path=str(tmp_path / "gone")))
    with pytest.raises(ConfigurationError, match=r"gone' holds no config\.json: it is not there"):
        load(LerobotOptions(path=str(folder), device="cpu"))


def test_server_refuses_what_the_policy_in_process_refuses_before_it_is_asked(folder: Path) -> None:
    pytest.importorskip("grpc")
    context = PolicyContext("so101", JOINTS, load_robot("so101").limits(), None, 0.0, {}, _without_places(adapter()))
    settings = {"path": str(folder), "type": "act", "port": 9, "timeout": 0.2}
    change_tensors(folder / POST, _without("action"))
    with pytest.raises(ConfigurationError, match=r"no statistics action\.mean"):
        create_policy("lerobot_server", settings, context)


def test_model_of_a_server_bears_the_statistics_of_a_checkpoint_on_this_machine_and_says_when_it_has_none(
    folder: Path,
) -> None:
    seen = look_at(str(folder), "act", 0.1)
    assert seen.statistics is not None
    assert seen.statistics.action is not None
    assert look_at("somebody/elsewhere", "act", 0.1).notes[0].startswith("the checkpoint is not on this machine")


def _without_places(text: str) -> str:
    return text.partition(", environment:")[0] + ", rate: 30}"


def test_real_time_chunking_of_a_checkpoint_that_is_not_used_is_said() -> None:
    from lerobot.policies.rtc.configuration_rtc import RTCConfig
    from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig

    saved = RTCConfig(enabled=True, execution_horizon=7)
    config = SmolVLAConfig(device="cpu", n_obs_steps=3)
    said = "; ".join(notes_of(config, rtc_horizon=0, saved_rtc=saved))
    assert "rtc_config of the checkpoint is not used" in said
    assert "n_obs_steps 3 is not used" in said
    assert "execution_horizon 7" in "; ".join(notes_of(config, rtc_horizon=10, saved_rtc=saved))
    assert "rtc_config" not in "; ".join(notes_of(config, rtc_horizon=7, saved_rtc=saved))
