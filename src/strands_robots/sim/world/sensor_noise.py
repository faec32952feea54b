"""Noise on what sensors of a world say. It depends on seed, sensor and time only, so it does not matter who asks, or when."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray

if TYPE_CHECKING:
    from strands_robots.sim.world.world import World


def noise_stream(seed: int, sensor: str, stamp: float) -> np.random.Generator:
    """Return the random stream of one measurement.

    Args:
        seed: Seed of the world.
        sensor: Name of the sensor.
        stamp: Time of the measurement [s].
    """
    return np.random.default_rng([seed, zlib.crc32(sensor.encode()), round(stamp * 1e6)])


def noisy_picture(
    pixels: NDArray[np.uint8], deviation: float, seed: int, camera: str, stamp: float
) -> NDArray[np.uint8]:
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


class JointNoise:
    """Noise on what one robot says of its joints. Its gate never sees it: it judges the true state.

    Args:
        world: The world, whose variations `position_noise` and `velocity_noise` say how large it is.
        robot: Name of the robot.
    """

    def __init__(self, world: World, robot: str) -> None:
        self._world = world
        self._robot = robot
        self._drawn: object = None
        self._deviations = 0.0, 0.0

    def apply(self, stamp: float, position: FloatArray, velocity: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return measurements (D,) of joints as the robot says them; the given arrays where it has no noise.

        Args:
            stamp: Time of the measurement [s].
            position: True positions [rad] or [m].
            velocity: True velocities [rad/s] or [m/s].
        """
        world, robot = self._world, self._robot
        if world.drawn is not self._drawn:
            self._drawn = world.drawn
            mine = {each.quantity: each.values[0] for each in world.drawn if each.name == robot}
            self._deviations = mine.get("position_noise", 0.0), mine.get("velocity_noise", 0.0)
        return (
            noisy_values(position, self._deviations[0], world.seed, f"{robot} position", stamp),
            noisy_values(velocity, self._deviations[1], world.seed, f"{robot} velocity", stamp),
        )
