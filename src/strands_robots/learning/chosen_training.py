"""LeRobot's trainer on chosen frames of a dataset. The one file that reaches into lerobot.scripts.lerobot_train for that.

LeRobot's trainer takes whole episodes. Here each chosen part of an episode takes an episode's place: training frames are drawn from the
parts, and an action chunk ends where its part does, padded and marked as LeRobot marks the end of an episode. So no row of a chunk that
begins in a correction is an action of the policy that was corrected. Seen in lerobot 0.6.1.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.frame_choice import FrameChoice, Segment, chosen_segments

_USED = ("make_train_eval_datasets", "EpisodeAwareSampler", "main")


def train(choice: FrameChoice, arguments: Sequence[str]) -> None:
    """Run lerobot-train with its own arguments on the chosen frames; returns when the training is complete.

    Raises:
        ConfigurationError: If LeRobot is missing or another one, or the dataset has no such frames.
    """
    try:
        from lerobot.scripts import lerobot_train as trainer
    except ImportError as error:
        raise ConfigurationError(f"training needs LeRobot; valid: make setup-learning ({error})") from error
    if missing := [name for name in _USED if not hasattr(trainer, name)]:
        raise ConfigurationError(f"this LeRobot's trainer has no {', '.join(missing)}; valid: lerobot 0.6.1")
    if choice is not FrameChoice.ALL:
        _restrict(trainer, choice)
    sys.argv = ["lerobot-train", *arguments]
    trainer.main()


def _restrict(trainer: Any, choice: FrameChoice) -> None:
    """Have the trainer use the chosen frames from now on."""
    make, sampler = trainer.make_train_eval_datasets, trainer.EpisodeAwareSampler
    chosen: dict[int, list[Segment]] = {}

    def make_datasets(config: Any) -> tuple[Any, Any]:
        dataset, held_out = make(config)
        chosen.update(chosen_segments(Path(dataset.root), choice, dataset.episodes))
        end_chunks_with_their_part(dataset, chosen)
        frames = sum(end - begin for parts in chosen.values() for begin, end in parts)
        print(f"training on {frames} of {dataset.num_frames} frames ({choice.value})", flush=True)
        return dataset, held_out

    def make_sampler(*_: Any, episode_indices_to_use: Any = None, **options: Any) -> Any:
        parts = [part for index in sorted(chosen) for part in chosen[index]]
        return sampler([begin for begin, _ in parts], [end for _, end in parts], **options)

    trainer.make_train_eval_datasets, trainer.EpisodeAwareSampler = make_datasets, make_sampler


def end_chunks_with_their_part(dataset: Any, segments: Mapping[int, Sequence[Segment]]) -> None:
    """Have a LeRobotDataset look no further than the part that a frame belongs to, back or ahead.

    Args:
        dataset: The dataset; a frame outside of every part keeps its episode's bounds.
        segments: Parts of each episode, in order.

    Raises:
        ConfigurationError: If this LeRobot's reader has no such place.
    """
    reader = getattr(dataset, "reader", None)
    if reader is None or not hasattr(reader, "_get_query_indices"):
        raise ConfigurationError("this LeRobot's dataset has no reader with _get_query_indices; valid: lerobot 0.6.1")
    reader._get_query_indices = _WithinPart(reader, segments)


class _WithinPart:
    """Answers which frames belong to a frame, as DatasetReader._get_query_indices does, within the part of the episode."""

    def __init__(self, reader: Any, segments: Mapping[int, Sequence[Segment]]) -> None:
        self._reader = reader
        self._segments = segments
        self._original = reader._get_query_indices

    def __call__(self, index: int, episode: int) -> tuple[dict[str, list[int]], dict[str, Any]]:
        import torch

        parts = self._segments.get(int(episode), ())
        place = bisect_right(parts, int(index), key=lambda part: part[0]) - 1
        if place < 0 or int(index) >= parts[place][1]:
            found: tuple[dict[str, list[int]], dict[str, Any]] = self._original(index, episode)
            return found
        begin, end = parts[place]
        wanted = {key: [index + delta for delta in deltas] for key, deltas in self._reader.delta_indices.items()}
        indices = {key: [max(begin, min(end - 1, one)) for one in ones] for key, ones in wanted.items()}
        outside = {
            f"{key}_is_pad": torch.BoolTensor([not begin <= one < end for one in ones]) for key, ones in wanted.items()
        }
        return indices, outside
