"""Two pictures over each other, so that a person can lay things where they lay before. No I/O."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ShapeError

Picture = NDArray[np.uint8]


def overlay(before: Picture, now: Picture) -> Picture:
    """Return the mean of two pictures (H, W, 3): what lies elsewhere is seen twice.

    Raises:
        ShapeError: If their sizes differ.
    """
    _check(before, now)
    return ((before.astype(np.uint16) + now.astype(np.uint16)) // 2).astype(np.uint8)


def difference(before: Picture, now: Picture) -> float:
    """Return the mean difference of two pictures (H, W, 3), 0 for the same to 255.

    Raises:
        ShapeError: If their sizes differ.
    """
    _check(before, now)
    return float(np.abs(before.astype(np.int16) - now.astype(np.int16)).mean())


def _check(before: Picture, now: Picture) -> None:
    if before.shape != now.shape:
        raise ShapeError(f"the pictures have shapes {before.shape} and {now.shape}; valid: the same camera")
