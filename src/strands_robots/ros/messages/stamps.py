"""Float seconds <-> Time and Duration messages. Exact to the nanosecond below 24 days, to 256 ns for wall time."""

from __future__ import annotations

import math

from builtin_interfaces.msg import Duration, Time

from strands_robots.core.errors import ConfigurationError

NANOSECONDS = 1_000_000_000
LONGEST = 2**31 - 1
"""Largest number of seconds that Time and Duration hold."""


def to_seconds(message: Time | Duration) -> float:
    """Return a Time or Duration message as seconds [s]."""
    return float(message.sec) + message.nanosec * 1e-9


def _split(seconds: float) -> tuple[int, int]:
    if not math.isfinite(seconds) or abs(seconds) > LONGEST:
        raise ConfigurationError(f"a time of {seconds} s does not fit into a message; valid: -{LONGEST} to {LONGEST} s")
    return divmod(round(seconds * NANOSECONDS), NANOSECONDS)


def fill_time(message: Time, seconds: float) -> None:
    """Set a Time message in place.

    Args:
        message: Message to set.
        seconds: Time [s].

    Raises:
        ConfigurationError: If the time is not finite or does not fit.
    """
    message.sec, message.nanosec = _split(seconds)


def to_time(seconds: float) -> Time:
    """Return seconds [s] as a Time message; raises as `fill_time`."""
    sec, nanosec = _split(seconds)
    return Time(sec=sec, nanosec=nanosec)


def to_duration(seconds: float) -> Duration:
    """Return seconds [s] as a Duration message; raises as `fill_time`."""
    sec, nanosec = _split(seconds)
    return Duration(sec=sec, nanosec=nanosec)
