"""Writes pictures as PNG files below one folder, and nowhere else."""

from __future__ import annotations

import colorsys
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

MAX_DEPTH_MM = 65535
GOLDEN_RATIO = 0.618034
"""Steps of this part of the colour circle never meet again soon."""


def output_path(folder: Path, file: str) -> Path:
    """Return the absolute path of a picture below the output folder, which is made if needed.

    Args:
        folder: The output folder.
        file: Relative path ending in .png, as the caller gave it.

    Raises:
        ConfigurationError: If the path is not a relative one below the folder, links included, or does not end in .png.
    """
    shown = printable(file)
    if "\0" in file or not file.lower().endswith(".png") or Path(file).is_absolute() or ".." in Path(file).parts:
        raise ConfigurationError(
            f"file '{shown}' given; valid: a relative path below the output folder that ends in .png"
        )
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()
    path = root / file
    resolved = path.resolve()
    if root not in resolved.parents or path.is_symlink():
        raise ConfigurationError(
            f"file '{shown}' leads out of the output folder; valid: a path below {root} without links"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write_png(path: Path, pixels: NDArray[Any]) -> None:
    """Write a picture, replacing the file in one piece.

    Args:
        path: From `output_path`.
        pixels: uint8 (H, W, 3), uint16 (H, W), or float32 (H, W) depth [m], which becomes 16-bit millimetres, at most 65535.

    Raises:
        OSError: If the file cannot be written.
    """
    from PIL import Image as Picture

    if pixels.dtype == np.float32:
        millimetres = np.clip(np.nan_to_num(pixels, nan=0.0, posinf=np.inf) * 1000.0, 0.0, MAX_DEPTH_MM)
        pixels = np.round(millimetres).astype(np.uint16)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        Picture.fromarray(pixels).save(temporary, format="PNG")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def colours_of_values(values: NDArray[np.uint16]) -> tuple[NDArray[np.uint8], dict[int, tuple[int, int, int]]]:
    """Return a segmentation picture for people: a colour for each value, neighbours in number far apart in hue, black for 0.

    Args:
        values: uint16 (H, W).

    Returns:
        uint8 (H, W, 3), and the colour of each value that occurs.
    """
    present, where = np.unique(values, return_inverse=True)
    table = np.array([_colour(int(value)) for value in present], np.uint8)
    colours = {int(value): (int(r), int(g), int(b)) for value, (r, g, b) in zip(present, table, strict=True)}
    return table[where].reshape(*values.shape, 3), colours


def _colour(value: int) -> tuple[int, ...]:
    if value == 0:
        return (0, 0, 0)
    hue = value * GOLDEN_RATIO % 1.0
    light = (1.0, 0.75, 0.55)[value % 3]
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.75, light))
