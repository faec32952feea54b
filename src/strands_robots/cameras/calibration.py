"""Calibration files of ROS's camera_calibration package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from strands_robots.core.errors import ConfigurationError


@dataclass(frozen=True)
class CameraCalibration:
    """What sensor_msgs/CameraInfo says of a camera; matrices row by row.

    Attributes:
        width, height: Size of the pictures that it belongs to [px].
        model: Distortion model, for example plumb_bob.
        d, k, r, p: Distortion, intrinsics (9,), rectification (9,), projection (12,) [px].
    """

    width: int
    height: int
    model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]


def load_calibration(path: Path) -> CameraCalibration:
    """Read a calibration.

    Raises:
        ConfigurationError: If it cannot be read or is not complete.

    Source: camera_calibration_parsers, YAML format.
    """
    try:
        given = yaml.safe_load(path.expanduser().read_text(encoding="utf-8"))
        made = CameraCalibration(
            int(given["image_width"]),
            int(given["image_height"]),
            str(given["distortion_model"]),
            _numbers(given["distortion_coefficients"]["data"]),
            _numbers(given["camera_matrix"]["data"], 9),
            _numbers(given["rectification_matrix"]["data"], 9),
            _numbers(given["projection_matrix"]["data"], 12),
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"camera calibration '{path}' cannot be used ({type(error).__name__}: {error}); valid: the YAML file that "
            "camera_calibration writes"
        ) from error
    return made


def _numbers(given: Sequence[float], count: int = 0) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in given)
    if (count and len(numbers) != count) or not np.isfinite(numbers).all():
        raise ValueError(f"{len(numbers)} numbers where {count or 'finite ones'} belong")
    return numbers
