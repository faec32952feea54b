"""Units of policies' numbers and their conversion to SI, both ways. Conversions are linear; no I/O."""

from __future__ import annotations

import math
import re
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


QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "rad": "angle", "deg": "angle", "m": "length", "mm": "length", "rad/s": "angular speed", "deg/s": "angular speed",
        "m/s": "speed", "Nm": "torque", "N": "force",
    }
)  # fmt: skip
"""Unit -> what it measures."""

SPEEDS = frozenset({"speed", "angular speed"})
PLACES = frozenset({"length", "angle", "span"})
EFFORTS = frozenset({"torque", "force"})

_COMPOUND = re.compile(r"(?:(?P<number>-?\d+(?:\.\d*)?(?:e-?\d+)?) )?(?P<base>[A-Za-z/]+)(?: per (?P<time>[\d./]+) s)?")


def unit_names() -> list[str]:
    """Return every unit that an adapter can name."""
    return [*FACTORS, *RANGES]


def quantity_of(unit: str) -> str:
    """Return what a unit measures: angle, length, angular speed, speed, torque, force, or span (of a joint's way).

    Raises:
        UnknownNameError: If there is no such unit.
    """
    return "span" if unit in RANGES else _read(unit)[1]


def _read(unit: str) -> tuple[float, str]:
    """Return (SI units in one of it, what it measures) of a unit such as "deg", "0.05 m" or "0.2 rad per 1/15 s"."""
    found = _COMPOUND.fullmatch(unit.strip())
    if found is None or found["base"] not in FACTORS:
        raise UnknownNameError("unit", unit, [*unit_names(), "0.05 m", "0.2 rad per 1/15 s"])
    factor, quantity = FACTORS[found["base"]], QUANTITIES[found["base"]]
    factor *= float(found["number"] or 1.0)
    if found["time"] is not None:
        over, _, under = found["time"].partition("/")
        try:
            seconds = float(over) / float(under or 1.0)
        except (ValueError, ZeroDivisionError):
            seconds = math.nan
        if quantity not in ("angle", "length") or not seconds > 0.0:
            raise ConfigurationError(
                f"unit '{unit}' is no speed; valid: such as '0.2 rad per 1/15 s' or '0.05 m per 0.1 s'"
            )
        factor, quantity = factor / seconds, "angular speed" if quantity == "angle" else "speed"
    if not math.isfinite(factor) or factor == 0.0:
        raise ConfigurationError(f"unit '{unit}' is {factor} SI units; valid: finite, and not 0")
    return factor, quantity


def scale_and_offset(unit: str, ends: tuple[float, float] | None) -> tuple[float, float]:
    """Return (scale, offset) so that SI = scale * number + offset.

    Args:
        unit: One of `unit_names()`, a number of one ("0.05 m"; a negative one turns the direction), or a number of one in
            a time ("0.2 rad per 1/15 s").
        ends: SI values at the unit's lowest and highest number; only for units that span a joint's way.

    Raises:
        UnknownNameError: If there is no such unit.
        ConfigurationError: If `ends` is missing, superfluous, or both ends are one.
    """
    if unit not in RANGES:
        factor = _read(unit)[0]
        if ends is not None:
            raise ConfigurationError(f"unit '{unit}' takes no ends; given {ends}; with ends: {', '.join(RANGES)}")
        return factor, 0.0
    if ends is None or ends[0] == ends[1] or not all(math.isfinite(end) for end in ends):
        low, high = RANGES[unit]
        raise ConfigurationError(
            f"unit '{unit}' needs ends, two different joint positions [rad] or [m] for {low:g} and {high:g}; given {ends}"
        )
    low, high = RANGES[unit]
    scale = (ends[1] - ends[0]) / (high - low)
    return scale, ends[0] - scale * low
