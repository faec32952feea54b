"""Progress of every frame of a local dataset by LeRobot's own reward models: SARM, ROBOMETER, TOPReward. Needs lerobot and torch.

Each kind has a function that runs it over a dataset and writes the file. LeRobot 0.6.1 calls it with a dataset of the hub and, for
ROBOMETER, with the settings of the published weights; here it is given the local dataset and the checkpoint's own settings.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.table import read_info
from strands_robots.learning.progress.progress_file import ProgressRows, read_progress, write_progress


class _Kind(NamedTuple):
    """Where a kind of reward model is in LeRobot."""

    module: str
    function: str
    model: str
    config: str = ""
    options: Mapping[str, Any] = MappingProxyType({})


KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "sarm": _Kind(
            "lerobot.rewards.sarm.compute_rabc_weights", "compute_sarm_progress", "SARMRewardModel",
            options=MappingProxyType({"num_visualizations": 0}),
        ),
        "robometer": _Kind(
            "lerobot.rewards.robometer.compute_rabc_weights", "compute_robometer_progress", "RobometerRewardModel",
            "RobometerConfig",
        ),
        "topreward": _Kind(
            "lerobot.rewards.topreward.compute_rabc_weights", "compute_topreward_progress", "TOPRewardModel"
        ),
    }
)  # fmt: skip
"""Reward models that say how far a task is done, by LeRobot's name of them."""


def reward_progress(root: Path, checkpoint: Path, out: Path, *, device: str = "cpu", camera: str = "") -> ProgressRows:
    """Run a reward model over a dataset, write its progress, and return it.

    Args:
        root: Folder of the dataset.
        checkpoint: Folder of the reward model; its config.json says which kind it is.
        out: File to write, parquet.
        device: What it computes on.
        camera: Feature of the camera, or the end of its name; empty takes the one of the checkpoint.

    Raises:
        ConfigurationError: If LeRobot or what the kind needs is missing, or the checkpoint is no such reward model.
        UnknownNameError: If the dataset has no such camera.
        DatasetError: If the dataset cannot be read, or the model answered no frame.
    """
    info = read_info(root)
    config = _read_config(checkpoint)
    keys = [key for key in info.video_keys if key not in info.depth_keys]
    wanted = camera or str(config.image_key)
    found = [key for key in keys if key == wanted or key.endswith(f".{wanted}")]
    if not found:
        raise UnknownNameError("camera of the dataset", wanted, keys)
    config.image_key, config.device = found[0], device
    kind = KINDS[config.type]
    module = importlib.import_module(kind.module)
    partial = out.with_name(f".{out.name}.partial")
    try:
        with _given(module, kind, config, root):
            compute: Callable[..., Any] = getattr(module, kind.function)
            compute("local/data", str(checkpoint), output_path=str(partial), device=device, **kind.options)
        rows = read_progress(partial)
    except ImportError as error:
        raise ConfigurationError(
            f"'{config.type}' of LeRobot needs a package that is not there; valid: make setup-learning ({error})"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    if not (rows.progress == rows.progress).any():
        raise DatasetError(f"the reward model of {checkpoint} answered no frame of {root}, see what it said above")
    write_progress(out, rows)
    return rows


def reward_kind(checkpoint: Path) -> str:
    """Return LeRobot's name of a reward model; raises ConfigurationError as `reward_progress` does."""
    return str(_read_config(checkpoint).type)


def _read_config(checkpoint: Path) -> Any:
    try:
        importlib.import_module("lerobot.rewards")
        rewards = importlib.import_module("lerobot.configs.rewards")
    except ImportError as error:
        raise ConfigurationError(f"reward models need LeRobot; valid: make setup-learning ({error})") from error
    if not (checkpoint / "config.json").is_file():
        raise ConfigurationError(f"{checkpoint} has no config.json; valid: the folder of a reward model")
    try:
        config = rewards.RewardModelConfig.from_pretrained(str(checkpoint))
    except Exception as error:  # draccus and the models' checks raise anything
        raise ConfigurationError(f"{checkpoint}/config.json is no reward model's: {str(error)[:300]}") from error
    if config.type not in KINDS:
        raise ConfigurationError(f"{checkpoint} is a reward model of type '{config.type}'; valid: {', '.join(KINDS)}")
    return config


@contextlib.contextmanager
def _given(module: ModuleType, kind: _Kind, config: Any, root: Path) -> Iterator[None]:
    """Have the kind's module open the local dataset, and its model with this configuration."""
    dataset, model = module.LeRobotDataset, getattr(module, kind.model)

    class OwnModel(model):  # type: ignore[misc, valid-type]
        """The same, with the checkpoint's own settings."""

        config_class, name = model.config_class, model.name

        @classmethod
        def from_pretrained(cls, path: str, **_: Any) -> Any:
            return model.from_pretrained(path, config=config)

    def open_local(repository: str, delta_timestamps: Any = None, **_: Any) -> Any:
        return dataset(repository, root=root, video_backend="pyav", delta_timestamps=delta_timestamps)

    replaced = {"LeRobotDataset": open_local, kind.model: OwnModel}
    if kind.config:
        replaced[kind.config] = lambda **_: config
    before = {name: getattr(module, name) for name in replaced}
    try:
        for name, value in replaced.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
