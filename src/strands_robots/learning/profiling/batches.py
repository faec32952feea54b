"""Batches for a training step of a LeRobot policy: from a dataset, or made up from what the policy declares. Needs lerobot and torch."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

SEED = 0
TASK = "pick up the cube"


def batches(config: Any, dataset: Path | None, size: int, workers: int) -> Iterator[dict[str, Any]]:
    """Yield batches without end, before the policy's own preprocessing.

    Args:
        config: LeRobot's configuration of the policy.
        dataset: Folder of a LeRobotDataset; None makes batches up, always the same.
        size: Rows of a batch.
        workers: Processes that load data.

    Raises:
        ConfigurationError: If the dataset has not what the policy takes.
    """
    return _made_up(config, size) if dataset is None else _loaded(config, dataset, size, workers)


def _made_up(config: Any, size: int) -> Iterator[dict[str, Any]]:
    import torch

    generator = torch.Generator().manual_seed(SEED)
    observed, acted = config.observation_delta_indices, config.action_delta_indices
    batch: dict[str, Any] = {"task": [TASK] * size, "robot_type": [""] * size}
    for key, feature in config.input_features.items():
        frames = () if observed is None else (len(observed),)
        batch[key] = torch.rand((size, *frames, *feature.shape), generator=generator)
        batch[f"{key}_is_pad"] = torch.zeros((size, *frames), dtype=torch.bool)
    rows = () if acted is None else (len(acted),)
    for key, feature in config.output_features.items():
        batch[key] = torch.rand((size, *rows, *feature.shape), generator=generator)
        batch[f"{key}_is_pad"] = torch.zeros((size, *rows), dtype=torch.bool)
    while True:
        yield {key: value.clone() if isinstance(value, torch.Tensor) else list(value) for key, value in batch.items()}


def _loaded(config: Any, folder: Path, size: int, workers: int) -> Iterator[dict[str, Any]]:
    import torch

    datasets = importlib.import_module("lerobot.datasets.lerobot_dataset")
    factory = importlib.import_module("lerobot.datasets.factory")
    if not (folder / "meta" / "info.json").is_file():
        raise ConfigurationError(
            f"'{printable(str(folder))}' is no LeRobotDataset; valid: a folder with meta/info.json"
        )
    meta = datasets.LeRobotDatasetMetadata(folder.name, root=folder)
    missing = sorted((set(config.input_features) | set(config.output_features)) - set(meta.features))
    if missing:
        raise ConfigurationError(
            f"dataset '{printable(str(folder))}' has no {', '.join(missing)}, which the policy takes; "
            f"it has: {', '.join(sorted(meta.features))}"
        )
    data = datasets.LeRobotDataset(
        folder.name, root=folder, delta_timestamps=factory.resolve_delta_timestamps(config, meta), video_backend="pyav"
    )
    generator = torch.Generator().manual_seed(SEED)
    while True:
        yield from torch.utils.data.DataLoader(
            data, batch_size=size, shuffle=True, num_workers=workers, generator=generator, drop_last=len(data) >= size
        )
