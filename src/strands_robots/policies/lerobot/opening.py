"""From a folder or hub id to a policy of LeRobot that holds its weights and its normalisation, or one line that says why not."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError, PolicyError, StrandsRobotsError
from strands_robots.core.text import printable
from strands_robots.policies.lerobot.checkpoint import (
    CONFIG,
    LORA_CONFIG,
    LORA_WEIGHTS,
    Checkpoint,
    broken,
    read_checkpoint,
    read_json,
)
from strands_robots.policies.lerobot.weights import check_tensors, check_weights

NOT_NEEDED = ("*training_state*", "*.pt", "*.bin", "*.mp4", "*.parquet")
"""Files of a hub id that a policy does not need."""


@contextlib.contextmanager
def one_line(folder: Path | str, what: str, remedy: str) -> Iterator[None]:
    """Turn whatever lerobot, torch or a plug-in raise about a folder into one line; they raise anything."""
    try:
        yield
    except StrandsRobotsError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines()
        said = (
            f"{type(error).__name__}: {' '.join(line.strip() for line in lines[:4])}" if lines else type(error).__name__
        )
        raise broken(folder, f"{what}: {said[:600]}", remedy) from error


def find_checkpoint(path: str, revision: str = "") -> Checkpoint:
    """Return the checkpoint of a folder or hub id; a hub id is fetched, or taken from what was fetched before.

    Raises:
        ConfigurationError: If it is not there or not whole.
    """
    folder = Path(path).expanduser()
    is_local = path.startswith((".", "/", "~")) or path.count("/") != 1 or folder.is_dir()
    if is_local:
        return read_checkpoint(folder)
    hub = importlib.import_module("huggingface_hub")
    with one_line(
        path, "is not a folder here, and cannot be loaded from the hub", "a folder, or the id of a model on the hub"
    ):
        folder = Path(hub.snapshot_download(path, revision=revision or None, ignore_patterns=list(NOT_NEEDED)))
    return read_checkpoint(folder)


def read_config(checkpoint: Checkpoint, expected: str = "") -> Any:
    """Return LeRobot's configuration of a checkpoint.

    Args:
        checkpoint: The checkpoint.
        expected: The type that the settings say; empty for any.

    Raises:
        ConfigurationError: If the type is another or not known, or a field is not.
    """
    configs = importlib.import_module("lerobot.configs")
    importlib.import_module("lerobot.policies")
    folder, kind = checkpoint.folder, checkpoint.kind
    if expected and kind != expected:
        raise ConfigurationError(f"'{printable(str(folder))}' is of type '{kind}', the settings say '{expected}'")
    known = configs.PreTrainedConfig.get_known_choices()
    version = importlib.import_module("lerobot").__version__
    if kind not in known:
        raise broken(
            folder, f"{CONFIG} is of type '{kind}', which lerobot {version} does not know",
            f"{', '.join(sorted(known))}, or the package lerobot_policy_* that brings it",
        )  # fmt: skip
    fields = {field.name for field in dataclasses.fields(known[kind])}
    newer = sorted(set(checkpoint.config) - fields - {"type"})
    if newer:
        raise broken(
            folder, f"{CONFIG} has {', '.join(newer[:8])}, which '{kind}' of lerobot {version} does not know",
            "the lerobot that wrote it, or the file without what does not change the policy",
        )  # fmt: skip
    with one_line(folder, f"{CONFIG} cannot be read", f"the file as lerobot {version} writes it"):
        config = configs.PreTrainedConfig.from_pretrained(str(folder))
    if not config.output_features or "action" not in config.output_features or config.input_features is None:
        raise broken(folder, f"{CONFIG} has no input and output features", "the file as LeRobot's training wrote it")
    return config


def load_weights(checkpoint: Checkpoint, config: Any) -> Any:
    """Return the torch module with the checkpoint's weights, and nothing but those.

    Raises:
        ConfigurationError: If a tensor is missing, left over, of another shape, not finite, or was not loaded.
    """
    factory = importlib.import_module("lerobot.policies.factory")
    folder = checkpoint.folder
    with one_line(
        folder, f"lerobot's '{config.type}' is not there", "make setup-learning, and what this kind needs besides"
    ):
        kind = factory.get_policy_class(config.type)
    if checkpoint.is_lora:
        return _load_lora(checkpoint, config, kind)
    with one_line(folder, "the weights do not fit", "weights and config.json of one training"):
        policy = kind.from_pretrained(str(folder), config=config)
    check_weights(policy, folder, checkpoint.weights)
    return policy


def load_pipelines(checkpoint: Checkpoint, config: Any, device: str) -> tuple[Any, Any]:
    """Return LeRobot's pre- and post-processing of a checkpoint.

    Raises:
        ConfigurationError: If they cannot be made.
    """
    factory = importlib.import_module("lerobot.policies.factory")
    with one_line(checkpoint.folder, "its processors cannot be made", "processors that the same lerobot wrote"):
        pre, post = factory.make_pre_post_processors(
            config, str(checkpoint.folder), None,
            preprocessor_overrides=_device(checkpoint.folder, "policy_preprocessor.json", device),
            postprocessor_overrides=_device(checkpoint.folder, "policy_postprocessor.json", "cpu"),
        )  # fmt: skip
    return pre, post


def _device(folder: Path, name: str, device: str) -> dict[str, Any]:
    """Return the override of the step that moves tensors, where the pipeline has one."""
    steps = read_json(folder, name)["steps"]
    has_step = any(step.get("registry_name") == "device_processor" for step in steps)
    return {"device_processor": {"device": device}} if has_step else {}


def _load_lora(checkpoint: Checkpoint, config: Any, kind: Any) -> Any:
    """Return the base policy with a PEFT adapter's weights merged in."""
    folder = checkpoint.folder
    try:
        peft = importlib.import_module("peft")
    except ImportError as error:
        raise PolicyError(
            f"'{printable(str(folder))}' is a PEFT adapter and needs peft ({error}); pip install peft"
        ) from error
    base = read_json(folder, LORA_CONFIG).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise broken(
            folder, f"{LORA_CONFIG} does not say base_model_name_or_path", "the file as LeRobot's training wrote it"
        )
    below = _base(folder, base, read_json(folder, LORA_CONFIG).get("revision"))
    if below.is_lora:
        raise broken(folder, f"its base '{base}' is a PEFT adapter too", "an adapter on a whole policy")
    if below.kind != config.type:
        raise broken(
            folder, f"is of type '{config.type}', its base '{base}' of type '{below.kind}'", "a base of the same type"
        )
    policy = load_weights(below, config)
    with one_line(folder, "the PEFT adapter does not fit its base", "adapter and base of one training"):
        wrapped = peft.PeftModel.from_pretrained(policy, str(folder), is_trainable=False)
        held = peft.get_peft_model_state_dict(wrapped)
    check_tensors(held, folder, (folder / LORA_WEIGHTS,))
    with one_line(folder, "the PEFT adapter cannot be merged into its base", "an adapter that peft can merge"):
        return wrapped.merge_and_unload()


def _base(folder: Path, base: str, revision: Any) -> Checkpoint:
    """Return the checkpoint that an adapter belongs on: beside it, in a folder of its own, or on the hub."""
    beside = folder / base
    return find_checkpoint(str(beside) if beside.is_dir() else base, str(revision or ""))
