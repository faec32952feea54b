"""Loads a policy of LeRobot with its processors, or makes an untrained one from its configuration. Needs lerobot and torch."""

from __future__ import annotations

import dataclasses
import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strands_robots.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.policies.lerobot.options import LerobotOptions
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
    """

    policy: Any
    config: Any
    preprocess: Any
    postprocess: Any
    device: str


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
        import torch
    except ImportError as error:
        raise PolicyError(
            f"policy 'lerobot' needs lerobot and torch ({error}); install them with: make setup-learning"
        ) from error
    _import_plugins()
    device = choose_device(options.device)
    config = _read_config(options) if options.path else _new_config(options)
    config.device = device
    _override(config, options.config)
    if options.rtc:
        _enable_rtc(config, options)
    factory = importlib.import_module("lerobot.policies.factory")
    kind = factory.get_policy_class(config.type)
    folder = Path(options.path).expanduser() if options.path else None
    if folder is not None and folder.is_dir():
        check_memory(folder, device)
    if options.path:
        policy = kind.from_pretrained(options.path, config=config, revision=options.revision or None)
        overrides = {"device_processor": {"device": device}}
        pipelines = factory.make_pre_post_processors(
            config,
            options.path,
            options.revision or None,
            preprocessor_overrides=overrides,
            postprocessor_overrides=overrides,
        )
    else:
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


def _read_config(options: LerobotOptions) -> Any:
    configs = importlib.import_module("lerobot.configs")
    importlib.import_module("lerobot.policies")
    folder = Path(options.path).expanduser()
    looks_local = options.path.startswith((".", "/", "~")) or options.path.count("/") != 1
    if looks_local and not (folder / "config.json").is_file():
        raise ConfigurationError(
            f"'{ascii(options.path)[1:-1]}' holds no config.json; valid: the folder 'pretrained_model' of a training, or a hub id"
        )
    if (folder / "config.json").is_file():
        given = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("type", "")
        if options.type and given != options.type:
            raise ConfigurationError(
                f"'{ascii(options.path)[1:-1]}' is of type '{given}', the settings say '{options.type}'"
            )
    config = configs.PreTrainedConfig.from_pretrained(options.path, revision=options.revision or None)
    if options.type and config.type != options.type:
        raise ConfigurationError(
            f"'{ascii(options.path)[1:-1]}' is of type '{config.type}', the settings say '{options.type}'"
        )
    return config


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
    config.rtc_config = module.RTCConfig(enabled=True, execution_horizon=options.rtc_horizon)
