"""What lies in the folder of a trained policy, looked at before LeRobot opens it. Needs neither lerobot nor torch.

Every refusal is one line: the folder, what is wrong, and what to do.

Source: safetensors' format (8 bytes with the header's length, the header as JSON, the numbers); git-lfs' specification of pointer files.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
LORA_CONFIG = "adapter_config.json"
LORA_WEIGHTS = "adapter_model.safetensors"
PREPROCESSOR = "policy_preprocessor.json"
POSTPROCESSOR = "policy_postprocessor.json"
TRAINING = "train_config.json"

MIGRATION = "python -m lerobot.processor.migrate_policy_normalization --pretrained-path"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class Checkpoint:
    """A folder whose files are whole.

    Attributes:
        folder: Where it is.
        config: What config.json says.
        weights: The files with the weights.
        is_lora: True when the weights are a PEFT adapter's, which belong on top of another checkpoint's.
    """

    folder: Path
    config: dict[str, Any]
    weights: tuple[Path, ...]
    is_lora: bool

    @property
    def kind(self) -> str:
        """LeRobot's name of the kind, for example act."""
        return str(self.config["type"])


def broken(folder: Path | str, what: str, remedy: str) -> ConfigurationError:
    """Return the error of a checkpoint that cannot be used, as one line of ASCII."""
    text = printable(" ".join(what.split()))[:1024]
    return ConfigurationError(f"'{printable(str(folder))}': {text}; valid: {remedy}")


def read_checkpoint(folder: Path) -> Checkpoint:
    """Return a checkpoint whose files are there and whole.

    Raises:
        ConfigurationError: If a file is missing, cut off, a git-lfs pointer, or no JSON.
    """
    if not (folder / CONFIG).is_file():
        raise _no_config(folder)
    config = read_json(folder, CONFIG)
    if not isinstance(config.get("type"), str):
        raise broken(
            folder,
            f"{CONFIG} has no 'type', which every policy of LeRobot has",
            "a folder that LeRobot's training wrote",
        )
    is_lora = (folder / LORA_CONFIG).is_file()
    weights = (folder / LORA_WEIGHTS,) if is_lora else _weights(folder)
    for path in weights:
        read_header(folder, path)
    for name in (PREPROCESSOR, POSTPROCESSOR):
        _check_processor(folder, name)
    return Checkpoint(folder, config, weights, is_lora)


def _no_config(folder: Path) -> ConfigurationError:
    """Return the error of a folder without config.json, with the nearest folder that has one."""
    remedy = "the folder 'pretrained_model' of a training, or a hub id"
    if not folder.is_dir():
        what = f"holds no {CONFIG}: it is {'a file' if folder.exists() else 'not there'}"
        return ConfigurationError(f"'{printable(str(folder))}' {what}; valid: {remedy}")
    inside = ("pretrained_model", "last/pretrained_model", "checkpoints/last/pretrained_model")
    found = next((folder / name for name in inside if (folder / name / CONFIG).is_file()), None)
    if found is not None:
        remedy = f"'{printable(str(found))}'"
    return ConfigurationError(f"'{printable(str(folder))}' holds no {CONFIG}; valid: {remedy}")


def _weights(folder: Path) -> tuple[Path, ...]:
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    if not (folder / WEIGHTS_INDEX).is_file():
        raise broken(folder, f"holds no {WEIGHTS}", "a folder with the weights, as LeRobot's training wrote it")
    parts = read_json(folder, WEIGHTS_INDEX).get("weight_map")
    if not isinstance(parts, dict) or not all(isinstance(name, str) for name in parts.values()):
        raise broken(folder, f"{WEIGHTS_INDEX} has no 'weight_map'", "copy the folder again")
    return tuple(folder / Path(name).name for name in sorted(set(parts.values())))


def _check_processor(folder: Path, name: str) -> None:
    """Return if a pipeline's file and the files with its numbers are whole."""
    if not (folder / name).is_file():
        raise broken(
            folder, f"holds no {name}, so its normalisation is not known",
            f"copy it from the training's folder, or for a checkpoint of LeRobot before 0.4 run: {MIGRATION} {folder}",
        )  # fmt: skip
    steps = read_json(folder, name).get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise broken(folder, f"{name} has no list of 'steps'", "the file as LeRobot's training wrote it")
    for step in steps:
        state = step.get("state_file")
        if state is None:
            continue
        if not isinstance(state, str) or Path(state).name != state:
            raise broken(folder, f"{name} names the file {state!r}", "the name of a file in the folder")
        if not (folder / state).is_file():
            raise broken(folder, f"{name} names {state}, which is not there", "copy it from the training's folder")
        read_header(folder, folder / state)


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Return a JSON object of the folder.

    Raises:
        ConfigurationError: If the file is none.
    """
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise broken(folder, f"{name} cannot be read: {error.strerror}", "a file that this user can read") from None
    _refuse_pointer(folder, name, data)
    try:
        content = json.loads(data)
    except ValueError as error:
        raise broken(folder, f"{name} is not JSON: {error}", "copy it again from where it was trained") from None
    if not isinstance(content, dict):
        raise broken(folder, f"{name} holds a {type(content).__name__}", "a JSON object, as LeRobot writes it")
    return content


def read_header(folder: Path, path: Path) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the tensors of a safetensors file.

    Raises:
        ConfigurationError: If it is missing, cut off, or something else.
    """
    remedy = "copy it again from where it was trained"
    if not path.is_file():
        raise broken(folder, f"{path.name} is not there", remedy)
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            begin = file.read(64)
            _refuse_pointer(folder, path.name, begin)
            length = struct.unpack("<Q", begin[:8])[0] if len(begin) >= 8 else _LONGEST_HEADER + 1
            if 8 + length > size or length > _LONGEST_HEADER:
                raise broken(folder, f"{path.name} is cut off or no safetensors file: {size} bytes", remedy)
            file.seek(8)
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        shapes = {str(name): tuple(int(n) for n in entry["shape"]) for name, entry in header.items()}
        end = 8 + length + max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise broken(folder, f"{path.name} is no safetensors file: {type(error).__name__}", remedy) from None
    except OSError as error:
        raise broken(
            folder, f"{path.name} cannot be read: {error.strerror}", "a file that this user can read"
        ) from None
    if end != size:
        raise broken(folder, f"{path.name} has {size} bytes, its header speaks of {end}", remedy)
    return shapes


def _refuse_pointer(folder: Path, name: str, begin: bytes) -> None:
    if begin.startswith(_LFS_POINTER):
        raise broken(
            folder,
            f"{name} is a git-lfs pointer, not the file itself",
            "run 'git lfs pull' in the repository it came from",
        )
