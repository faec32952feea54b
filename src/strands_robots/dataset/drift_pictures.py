"""How bright and how sharp the pictures of a dataset's cameras are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strands_robots.dataset.table import EpisodeRow, Info, read_pictures

MOST_EPISODES = 6
PICTURES = 8
"""Pictures of each of these episodes."""


@dataclass(frozen=True)
class CameraLook:
    """What a camera's pictures are like, as medians over a sample.

    Attributes:
        brightness: Mean of all channels, 0 to 1.
        sharpness: Variance of the Laplacian of the grey picture, which falls when the focus is lost or the lens is dirty.
    """

    brightness: float
    sharpness: float


def look_at_cameras(root: Path, info: Info, rows: Sequence[EpisodeRow], keys: Sequence[str]) -> dict[str, CameraLook]:
    """Return what each camera's pictures are like, from episodes spread evenly over the dataset.

    Raises:
        DatasetError: If a video cannot be read.
    """
    chosen = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, min(MOST_EPISODES, len(rows))).astype(int))]
    return {key: _look(root, info, chosen, key) for key in keys}


def _look(root: Path, info: Info, rows: Sequence[EpisodeRow], key: str) -> CameraLook:
    found = []
    for row in rows:
        step = max(1, row.length // PICTURES)
        for k, picture in enumerate(read_pictures(root, info, row, key)):
            if k % step == 0:
                found.append((float(picture.mean()) / 255.0, sharpness(picture)))
    brightness, sharp = np.median(np.array(found), axis=0)
    return CameraLook(float(brightness), float(sharp))


def sharpness(picture: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of a picture (H, W, 3), on its grey values from 0 to 1."""
    grey = picture.astype(np.float64).mean(axis=2) / 255.0
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4.0 * grey[1:-1, 1:-1]
    return float(laplacian.var())
