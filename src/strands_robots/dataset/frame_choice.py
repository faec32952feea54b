"""Which frames of recorded attempts a training uses: all of them, a hand's only, or all but those that led to a correction. No LeRobot.

The recording keeps whole attempts. What is learnt from them is chosen here, at the training, and can be chosen anew.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.schema import INTERVENTION
from strands_robots.dataset.table import read_episodes, read_info, read_vectors

Segment = tuple[int, int]
"""Indices of the first frame in the dataset and of the one after the last."""


class FrameChoice(str, enum.Enum):
    """Which frames are trained on."""

    ALL = "all"
    CORRECTIONS = "corrections"
    WITHOUT_MISTAKES = "without_mistakes"


def choose(intervention: NDArray[np.bool_], choice: FrameChoice) -> list[Segment]:
    """Return the parts of one episode that are trained on, in order; each is at least one frame long.

    Args:
        intervention: Which frames (N,) a hand commanded.
        choice: CORRECTIONS takes the hand's frames. WITHOUT_MISTAKES leaves out the policy's frames before a correction, which led to
            it, and keeps what the policy did after the last one and in an episode without any.
    """
    hand = np.asarray(intervention, dtype=bool).ravel()
    wanted: NDArray[np.bool_] = np.ones(len(hand), dtype=bool)
    if choice is FrameChoice.CORRECTIONS:
        wanted = hand
    elif choice is FrameChoice.WITHOUT_MISTAKES and hand.any():
        last = int(np.flatnonzero(hand)[-1])
        wanted = hand.copy()
        wanted[last + 1 :] = True
    edges = np.flatnonzero(np.diff(np.concatenate(([False], wanted, [False])).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2])]


def chosen_segments(root: Path, choice: FrameChoice, episodes: Sequence[int] | None = None) -> dict[int, list[Segment]]:
    """Return the parts of each episode that are trained on, as indices of the dataset.

    Args:
        root: Folder of the dataset.
        choice: Which frames.
        episodes: Only these; None for all.

    Raises:
        ConfigurationError: If the choice needs the feature `intervention` and the dataset lacks it, or no frame is left.
        DatasetError: If the dataset cannot be read.
    """
    info = read_info(root)
    is_marked = INTERVENTION in info.features
    if not is_marked and choice is not FrameChoice.ALL:
        raise ConfigurationError(
            f"{root} has no feature '{INTERVENTION}', so that it is unknown which frames are a hand's; valid: --frames all, or a "
            "dataset that was recorded with it (record --intervention, rollout --strategy dagger, correct)"
        )
    found: dict[int, list[Segment]] = {}
    for row in read_episodes(root, info):
        if episodes is not None and row.index not in episodes:
            continue
        marks = read_vectors(root, row, [INTERVENTION])[INTERVENTION] if is_marked else np.zeros(row.length, dtype=bool)
        found[row.index] = [(row.start + begin, row.start + end) for begin, end in choose(marks, choice)]
    if not any(found.values()):
        raise ConfigurationError(f"{root} has no frame for --frames {choice.value}: no hand took part; valid: all")
    return found
