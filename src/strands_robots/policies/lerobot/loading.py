"""Loads a policy of LeRobot with its processors, or makes an untrained one from its configuration. Needs lerobot and torch."""

from __future__ import annotations

import dataclasses
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.policies.check.statistics import ModelStatistics
from strands_robots.policies.lerobot.lerobot_options import LerobotOptions
from strands_robots.policies.lerobot.normalization import (
    check_normalization,
    is_relative,
    still_elements,
    use_prefix,
    vector_statistics,
)
from strands_robots.policies.lerobot.opening import find_checkpoint, load_pipelines, load_weights, read_config
from strands_robots.policies.lerobot.temporal import TrainingData, check_spacing, notes_of, training_data
from strands_robots.policies.preflight import check_memory

STATE, PICTURES, ACTION = "observation.state", "observation.images.", "action"
ENVIRONMENT = "observation.environment_state"


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy of LeRobot, ready.

    Attributes:
        policy: The torch module, in evaluation mode on its device.
        config: LeRobot's configuration of it.
        preprocess, postprocess: LeRobot's pipelines.
        device: What it computes on.
        statistics: Of its training data, as it normalises with them; None for untrained policies.
        trained_on: What is known of that data; None for untrained policies.
        notes: Settings of the checkpoint that are not used, and what else must be known.
    """

    policy: Any
    config: Any
    preprocess: Any
    postprocess: Any
    device: str
    statistics: ModelStatistics | None = None
    trained_on: TrainingData | None = None
    notes: tuple[str, ...] = ()


def choose_device(wanted: str) -> str:
    """Return the device to compute on.

    Raises:
        ConfigurationError: If the one that is asked for is not there; the message lists those that are.
    """
    import torch

    found = ["cpu"]
    if torch.cuda.is_available():
        found += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        found.append("mps")
    if wanted == "auto":
        return next((name for name in ("cuda", "mps") if name in found), "cpu")
    if wanted not in found:
        raise ConfigurationError(f"device '{wanted}' is not there; valid here: auto, {', '.join(found)}")
    return wanted


def load(options: LerobotOptions) -> LoadedPolicy:
    """Return the policy that the options ask for.

    Raises:
        ConfigurationError: If the folder, the kind, a field or the device is not there.
        PolicyError: If lerobot is not installed.
    """
    try:
        importlib.import_module("lerobot")
        importlib.import_module("torch")
    except ImportError as error:
        raise PolicyError(
            f"policy 'lerobot' needs lerobot and torch ({error}); install them with: make setup-learning"
        ) from error
    _import_plugins()
    device = choose_device(options.device)
    return _open(options, device) if options.path else _new(options, device)


def _open(options: LerobotOptions, device: str) -> LoadedPolicy:
    """Return a trained policy whose weights, normalisation and spacing in time are as they were trained."""
    checkpoint = find_checkpoint(options.path, options.revision)
    config = read_config(checkpoint, options.type)
    saved_rtc = getattr(config, "rtc_config", None)
    config.device = device
    _override(config, options.config)
    if options.rtc:
        _enable_rtc(config, options)
    elif saved_rtc is not None:
        config.rtc_config = dataclasses.replace(saved_rtc, enabled=False)
    check_spacing(config, checkpoint.folder)
    pre, post = load_pipelines(checkpoint, config, device)
    if options.statistics_prefix:
        use_prefix((pre, post), options.statistics_prefix, checkpoint.folder)
    check_normalization(config, pre, post, checkpoint.folder)
    if Path(checkpoint.folder).is_dir():
        check_memory(Path(checkpoint.folder), device)
    policy = load_weights(checkpoint, config).to(device).eval()
    notes = notes_of(config, rtc_horizon=options.rtc_horizon if options.rtc else 0, saved_rtc=saved_rtc)
    if is_relative(pre):
        notes.append(
            "its actions are relative to the state: the statistics of the actions say nothing of the joints' limits"
        )
    still = still_elements(config, pre)
    if still:
        notes.append(
            f"elements {', '.join(map(str, still))} of its state never moved in training; it was not taught what they mean"
        )
    vectors = vector_statistics(config, pre, post)
    return LoadedPolicy(
        policy, config, pre, post, device,
        ModelStatistics(vectors.get(STATE), vectors.get(ACTION), options.statistics_margin),
        training_data(checkpoint.folder, config), tuple(notes),
    )  # fmt: skip


def _new(options: LerobotOptions, device: str) -> LoadedPolicy:
    """Return an untrained policy."""
    import torch

    factory = importlib.import_module("lerobot.policies.factory")
    config = _new_config(options)
    config.device = device
    _override(config, options.config)
    if options.rtc:
        _enable_rtc(config, options)
    kind = factory.get_policy_class(config.type)
    config.validate_features()
    torch.manual_seed(options.seed)
    policy = kind(config)
    pipelines = factory.make_pre_post_processors(config)
    policy.to(device).eval()
    return LoadedPolicy(policy, config, pipelines[0], pipelines[1], device)


def _import_plugins() -> None:
    """Have lerobot find the kinds that packages named lerobot_policy_* bring, as its own commands do."""
    plugins = importlib.import_module("lerobot.utils.import_utils")
    register = getattr(plugins, "register_third_party_plugins", None)
    if register is not None:
        register()


def _new_config(options: LerobotOptions) -> Any:
    configs = importlib.import_module("lerobot.configs")
    importlib.import_module("lerobot.policies")
    known = configs.PreTrainedConfig.get_known_choices()
    if options.type not in known:
        raise UnknownNameError("type of lerobot policy", options.type, known)
    feature, kinds = configs.PolicyFeature, configs.FeatureType
    inputs = {STATE: feature(kinds.STATE, (len(options.state),))}
    if options.environment:
        inputs[ENVIRONMENT] = feature(kinds.ENV, (len(options.environment),))
    for key, (height, width) in options.cameras.items():
        name = key if key.startswith(PICTURES) else PICTURES + key
        inputs[name] = feature(kinds.VISUAL, (3, height, width))
    fields = {field.name for field in dataclasses.fields(known[options.type])}
    extra: dict[str, Any] = {"pretrained_backbone_weights": None} if "pretrained_backbone_weights" in fields else {}
    extra |= {"load_vlm_weights": False} if "load_vlm_weights" in fields else {}
    return known[options.type](
        input_features=inputs, output_features={ACTION: feature(kinds.ACTION, (len(options.action),))}, device="cpu",
        **{**extra, **{key: _as_tuple(value) for key, value in options.config.items() if key in fields}},
    )  # fmt: skip


def _override(config: Any, changes: dict[str, Any]) -> None:
    fields = sorted(field.name for field in dataclasses.fields(config))
    for name, value in changes.items():
        if name not in fields:
            raise UnknownNameError(f"field of lerobot's {config.type} configuration", name, fields)
        setattr(config, name, _as_tuple(value))


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _enable_rtc(config: Any, options: LerobotOptions) -> None:
    if not hasattr(config, "rtc_config"):
        raise ConfigurationError(f"lerobot's '{config.type}' has no real-time chunking; valid: rtc false")
    module = importlib.import_module("lerobot.policies.rtc.configuration_rtc")
    saved = config.rtc_config if config.rtc_config is not None else module.RTCConfig()
    config.rtc_config = dataclasses.replace(saved, enabled=True, execution_horizon=options.rtc_horizon)
