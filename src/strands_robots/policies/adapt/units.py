"""Units of policies' numbers and their conversion to SI, both ways. Conversions are linear; no I/O."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from strands_robots.core.errors import ConfigurationError, UnknownNameError

FACTORS: Mapping[str, float] = MappingProxyType(
    {
        "rad": 1.0,
        "deg": math.pi / 180.0,
        "m": 1.0,
        "mm": 1e-3,
        "rad/s": 1.0,
        "deg/s": math.pi / 180.0,
        "m/s": 1.0,
        "Nm": 1.0,
        "N": 1.0,
    }
)
"""Unit -> SI units in one of it."""

RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"range_0_100": (0.0, 100.0), "range_m100_100": (-100.0, 100.0), "range_0_1": (0.0, 1.0), "range_m1_1": (-1.0, 1.0)}
)
"""Unit that spans a joint's way -> its lowest and highest number; an adapter gives the SI values at both."""


def unit_names() -> list[str]:
    """Return every unit that an adapter can name."""
    return [*FACTORS, *RANGES]


def scale_and_offset(unit: str, ends: tuple[float, float] | None) -> tuple[float, float]:
    """Return (scale, offset) so that SI = scale * number + offset.

    Args:
        unit: One of `unit_names()`.
        ends: SI values at the unit's lowest and highest number; only for units that span a joint's way.

    Raises:
        UnknownNameError: If there is no such unit.
        ConfigurationError: If `ends` is missing, superfluous, or both ends are one.
    """
    if unit in FACTORS:
        if ends is not None:
            raise ConfigurationError(f"unit '{unit}' takes no ends; given {ends}; with ends: {', '.join(RANGES)}")
        return FACTORS[unit], 0.0
    if unit not in RANGES:
        raise UnknownNameError("unit", unit, unit_names())
    if ends is None or ends[0] == ends[1] or not all(math.isfinite(end) for end in ends):
        low, high = RANGES[unit]
        raise ConfigurationError(
            f"unit '{unit}' needs ends, two different joint positions [rad] or [m] for {low:g} and {high:g}; given {ends}"
        )
    low, high = RANGES[unit]
    scale = (ends[1] - ends[0]) / (high - low)
    return scale, ends[0] - scale * low
