"""Checks of names, numbers and poses that come from outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, WorldError
from strands_robots.core.names import OBJECT_NAME_RULE, is_object_name
from strands_robots.core.number_text import apart
from strands_robots.core.text import printable

Vector = tuple[float, float, float]


FARTHEST = 1e4
"""Nothing is put farther from the origin than this [m]: beyond it MuJoCo takes a position for a diverged one."""


def unit_quaternion(name: str, xyzw: Sequence[float]) -> FloatArray:
    """Return a rotation as MuJoCo has it (4,), wxyz; all zeros stand for no rotation.

    Raises:
        WorldError: If it is not finite.
    """
    x, y, z, w = xyzw
    quaternion = np.array([w, x, y, z], dtype=np.float64)
    if not np.isfinite(quaternion).all():
        raise WorldError(f"rotation {tuple(xyzw)} of '{name}' given; valid: finite numbers")
    length = float(np.linalg.norm(quaternion))
    return quaternion / length if length > 1e-9 else np.array([1.0, 0.0, 0.0, 0.0])


def checked_position(name: str, position: Sequence[float]) -> list[float]:
    """Return a position (3,) [m] as a list.

    Raises:
        WorldError: If it is not finite or farther away than `FARTHEST`.
    """
    if not np.isfinite(position).all() or max(abs(value) for value in position) > FARTHEST:
        raise WorldError(f"position {tuple(position)} of '{name}' given; valid: finite, at most {FARTHEST:g} m")
    return [float(value) for value in position]


def checked_name(what: str, name: str) -> str:
    """Return a name for something new.

    Raises:
        ConfigurationError: If it is not usable.
    """
    if not is_object_name(name):
        raise ConfigurationError(f"name '{printable(name)}' of a {what} given; valid: {OBJECT_NAME_RULE}")
    return name


def checked_numbers(
    what: str, values: Sequence[float], count: int, lowest: float, highest: float, words: str
) -> list[float]:
    """Return numbers that are as many as they must be, finite and within bounds.

    Raises:
        ConfigurationError: If they are not.
    """
    numbers = [float(value) for value in values]
    good = len(numbers) == count and all(np.isfinite(numbers)) and all(lowest <= value <= highest for value in numbers)
    if not good:
        *shown, low, high = apart(*numbers[:8], lowest, highest)
        raise ConfigurationError(
            f"{what} [{', '.join(shown)}] given; valid: {count} numbers ({words}) from {low} to {high}"
        )
    return numbers
