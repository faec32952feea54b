"""The compiled inner loop, where it was built: the same decisions as the Python classes, at a fraction of the time. No I/O.

What the gate, the player and the limits decide is specified by their Python classes. `control/_native` (src/native, C++)
is a second way to the same answers for the case that nothing is wrong: `QuietTick` makes a tick in which no latch closes,
no watch speaks and no set-point is held back, and otherwise leaves everything as it was, so that Python makes the tick and
finds the words. State stays in the Python objects; nothing is kept twice. test/safety/test_inner_loop.py holds both against
each other, byte for byte.

Without a compiler the package works the same, only slower; `strands-robots doctor` says which of both it is.
"""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import Instant, JointLimits

try:
    from strands_robots.control import _native  # type: ignore[attr-defined]
except ImportError as error:  # Not built, or for another Python.
    _native, MISSING = None, str(error)
else:
    MISSING = ""
"""Why the compiled inner loop is not used; empty while it is."""

_ARRAYS = 8
"""Arrays that set-points take turns in; one is used again only when nothing else refers to it."""


class Watches(Protocol):
    """A supervision, as far as it says whether the compiled loop has all of its watches."""

    @property
    def has_slow_watches(self) -> bool:
        """True with watches that only Python makes."""


class Ticked(Protocol):
    """The gate. The compiled loop reads and writes the state of its parts by their attributes' names."""

    limits: JointLimits

    @property
    def supervision(self) -> Watches | None:
        """What is watched."""


class Curve(Protocol):
    """Rows and what is between them: spline.MonotoneCubic."""

    rows: FloatArray
    period: float


class QuietTick(Protocol):
    """A tick in which nothing is wrong."""

    def tick(self, gate: Ticked, now: Instant, dt: float, position: FloatArray, velocity: FloatArray) -> bool:
        """Make the tick as `Gate.tick` would, or change nothing and return False; the caller holds the gate's lock."""


def quiet_tick(gate: Ticked, latest: float) -> QuietTick | None:
    """Return the compiled tick of one gate; None where Python makes every tick.

    Args:
        gate: Its parts are read once, its state at every tick.
        latest: A tick that comes later than this many control periods is Python's.
    """
    supervision = gate.supervision
    if _native is None or (supervision is not None and supervision.has_slow_watches):
        return None
    arrays = [np.zeros(len(gate.limits)) for _ in range(_ARRAYS)]
    return cast("QuietTick", _native.QuietTick(gate, arrays, latest))


def coefficients(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Return the linear, quadratic and cubic coefficients (H - 1, D) between rows (H, D); None where numpy shall find them."""
    if _native is None:
        return None
    shape = (len(rows) - 1, rows.shape[1])
    linear, quadratic, cubic = np.empty(shape), np.empty(shape), np.empty(shape)
    return (linear, quadratic, cubic) if _native.coefficients(rows, linear, quadratic, cubic) else None


def is_finite(values: FloatArray) -> bool:
    """Return whether all values (H, D) are finite; False also where numpy shall look."""
    return _native is not None and _native.is_finite(values) is True


def is_within(rows: FloatArray, lower: FloatArray, upper: FloatArray) -> bool:
    """Return whether all rows (H, D) are within bounds (D,); False also where numpy shall look."""
    return _native is not None and _native.is_within(rows, lower, upper) is True


def is_slow(rows: FloatArray, period: float, velocity: FloatArray, tolerance: float) -> bool:
    """Return whether rows (H, D), `period` [s] apart, keep velocity limits (D,); False also where numpy shall look."""
    return _native is not None and _native.is_slow(rows, period, velocity, tolerance) is True


def is_smooth(curve: Curve, dt: float, limits: JointLimits, columns: list[int], tolerance: float) -> bool | None:
    """Return whether a curve played at `dt` [s] keeps every limit of its joints; None where numpy shall find out."""
    if _native is None:
        return None
    arrays = (limits.velocity, limits.acceleration, limits.lower, limits.upper)
    if columns != limits.columns:
        arrays = tuple(array[columns] for array in arrays)  # type: ignore[assignment]
    return cast("bool | None", _native.is_smooth(curve, dt, *arrays, tolerance))
