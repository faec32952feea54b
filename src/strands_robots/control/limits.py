"""The limit check: lay an accepted chunk out for playing, clamped to the joint limits or refused, as configured."""

from __future__ import annotations

import enum
import math

import numpy as np
from numpy.typing import NDArray

from strands_robots.control import inner_loop
from strands_robots.control.player import PlannedChunk
from strands_robots.control.refusal import Refusal, Refused
from strands_robots.control.spline import MonotoneCubic
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.number_text import apart
from strands_robots.core.types import ControlMode, JointLimits

_TOLERANCE = 1.0 + 1e-6


class LimitPolicy(enum.Enum):
    """What happens to a command outside the limits."""

    CLAMP = "clamp"
    REFUSE = "refuse"


def plan(
    chunk: Chunk,
    mode: ControlMode,
    columns: list[int],
    limits: JointLimits,
    policy: LimitPolicy,
    start: float,
    dt: float,
) -> tuple[PlannedChunk, str]:
    """Return the chunk laid out for playing and what had to be clamped, in words (empty when nothing).

    Values are clamped to the position (or velocity) limits here. Rates are not: a chunk that asks for more velocity or acceleration
    than allowed is marked as not smooth, and the player follows it as fast as the limits allow.

    Args:
        chunk: Checked for shape and numbers.
        mode: Its mode.
        columns: Its joints' indices in the robot's joint order.
        limits: The robot's limits.
        policy: Clamp or refuse.
        start: ROS time of row 0 [s].
        dt: The robot's control period [s].

    Raises:
        Refused: With policy REFUSE, if any value or rate is over a limit.
    """
    rows, is_full = chunk.values, columns == limits.columns
    highest = limits.velocity if mode is ControlMode.VELOCITY else limits.upper
    lowest = -limits.velocity if mode is ControlMode.VELOCITY else limits.lower
    lower, upper = (lowest, highest) if is_full else (lowest[columns], highest[columns])
    reports = []
    if inner_loop.is_within(rows, lower, upper) or not (over := (rows < lower) | (rows > upper)).any():
        rows = rows.copy()
    else:
        reports.append(_value_over(chunk, over, lower, upper, "rad/s" if mode is ControlMode.VELOCITY else "rad"))
        rows = np.clip(rows, lower, upper)
    period = chunk.control_period if len(rows) > 1 or mode is ControlMode.VELOCITY else 0.0
    planned = PlannedChunk(mode, columns, rows, period, start, is_full=is_full, is_smooth=False)
    if mode is ControlMode.POSITION and len(rows) > 1:
        rates = _rates_over(rows, period, limits, columns, chunk.joint_names)
        if rates:
            reports.append(rates)
        else:
            planned.is_smooth = _is_smooth(planned.curve, limits, columns, dt)
    message = "; ".join(reports)
    if message and policy is LimitPolicy.REFUSE:
        raise Refused(Refusal.LIMIT, message)
    return planned, message


def _value_over(chunk: Chunk, over: NDArray[np.bool_], lower: FloatArray, upper: FloatArray, unit: str) -> str:
    row, column = (int(i) for i in np.argwhere(over)[0])
    numbers = chunk.values[row, column], lower[column], upper[column]
    value, low, high = (f"{number:.4f}" for number in numbers)
    if value in (low, high):
        value, low, high = apart(*numbers)
    return f"'{chunk.joint_names[column]}' row {row} is {value} {unit}; valid: {low} to {high}"


def _rates_over(
    rows: FloatArray, period: float, limits: JointLimits, columns: list[int], names: tuple[str, ...]
) -> str:
    if inner_loop.is_slow(rows, period, limits.velocity[columns], _TOLERANCE):
        return ""
    velocity = np.diff(rows, axis=0) / period
    fastest = np.abs(velocity).max(axis=0)
    column = int(np.argmax(fastest / limits.velocity[columns]))
    if fastest[column] > limits.velocity[columns][column] * _TOLERANCE:
        return (
            f"'{names[column]}' would move at {fastest[column]:.3f} rad/s; valid: up to "
            f"{limits.velocity[columns][column]:.3f}"
        )
    return ""


def _is_smooth(curve: MonotoneCubic, limits: JointLimits, columns: list[int], dt: float) -> bool:
    """Return whether the interpolated rows, played at `dt`, keep every velocity and acceleration limit, the stop at the end included."""
    is_smooth = inner_loop.is_smooth(curve, dt, limits, columns, _TOLERANCE)
    return _is_smooth_sampled(curve, limits, columns, dt) if is_smooth is None else is_smooth


def _is_smooth_sampled(curve: MonotoneCubic, limits: JointLimits, columns: list[int], dt: float) -> bool:
    count = math.ceil((len(curve.rows) - 1) * curve.period / dt - 1e-6)
    path = curve.sample(np.arange(count + 1, dtype=np.float64) * dt)
    velocity = np.diff(path, axis=0) / dt
    if (np.abs(velocity) > limits.velocity[columns] * _TOLERANCE).any():
        return False
    acceleration = np.diff(velocity, axis=0) / dt
    if (np.abs(acceleration) > limits.acceleration[columns] * _TOLERANCE).any():
        return False
    run_out = velocity[-1] * np.abs(velocity[-1]) / (2.0 * limits.acceleration[columns])
    end = path[-1] + run_out + velocity[-1] * dt
    return bool(((end >= limits.lower[columns]) & (end <= limits.upper[columns])).all())
