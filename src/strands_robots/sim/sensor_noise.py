"""Noise on what sensors of a world say. It depends on seed, sensor and time only, so it does not matter who asks, or when."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from strands_robots.types import FloatArray


def noise_stream(seed: int, sensor: str, stamp: float) -> np.random.Generator:
    """Return the random stream of one measurement.

    Args:
        seed: Seed of the world.
        sensor: Name of the sensor.
        stamp: Time of the measurement [s].
    """
    return np.random.default_rng([seed, zlib.crc32(sensor.encode()), round(stamp * 1e6)])


def noisy_picture(pixels: NDArray[np.uint8], deviation: float, seed: int, camera: str, stamp: float) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) with normal noise of this standard deviation on every colour value."""
    if deviation <= 0.0:
        return pixels
    noise = noise_stream(seed, camera, stamp).standard_normal(pixels.shape, dtype=np.float32)
    return np.clip(np.rint(pixels + np.float32(deviation) * noise), 0.0, 255.0).astype(np.uint8)


def noisy_values(values: FloatArray, deviation: float, seed: int, sensor: str, stamp: float) -> FloatArray:
    """Return values with normal noise of this standard deviation."""
    if deviation <= 0.0:
        return values
    return np.asarray(values + deviation * noise_stream(seed, sensor, stamp).standard_normal(values.shape))
