"""The checks of a chunk that need no state: size, numbers, names, mode, times. Vectorised; each refusal names the valid values."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from strands_robots.control.inner_loop import is_finite
from strands_robots.control.refusal import Refusal, Refused
from strands_robots.core.chunk import Chunk
from strands_robots.core.text import printable
from strands_robots.core.types import ControlMode, Instant, JointLimits

MAX_VALUES = 65536
MAX_DURATION = 600.0


def check_shape(chunk: Chunk, limits: JointLimits) -> list[int]:
    """Return the indices of the chunk's joints in the robot's joint order.

    Raises:
        Refused: If an array is too large, has the wrong length, names a joint that is not there or twice, or is not finite.
    """
    values = chunk.values
    if len(chunk.joint_names) > 64 or values.size > MAX_VALUES:
        raise Refused(
            Refusal.TOO_LARGE,
            f"{len(chunk.joint_names)} joint names and {values.size} values given; valid: at most 64 and {MAX_VALUES}",
        )
    columns = limits.columns if chunk.joint_names == limits.names else _columns(chunk, limits)
    width = len(chunk.joint_names)
    if values.ndim != 2 or width == 0 or len(values) == 0 or values.shape[1] != width:
        raise Refused(
            Refusal.WRONG_LENGTH,
            f"{values.size} values for {width} joint names; valid: at least one name, and rows of as many values as names",
        )
    if not is_finite(values) and not np.isfinite(values).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise Refused(
            Refusal.NOT_FINITE,
            f"row {row} of '{chunk.joint_names[column]}' is {values[row, column]}; valid: finite numbers",
        )
    return columns


def _columns(chunk: Chunk, limits: JointLimits) -> list[int]:
    unknown = [name for name in chunk.joint_names if name not in limits.index]
    if unknown:
        shown = ", ".join(f"'{printable(name[:64])}'" for name in unknown[:4])
        raise Refused(Refusal.UNKNOWN_JOINT, f"{shown} given; valid: {', '.join(limits.names)}")
    if len(set(chunk.joint_names)) != len(chunk.joint_names):
        raise Refused(
            Refusal.WRONG_LENGTH, f"a joint is named twice in {', '.join(chunk.joint_names)}; valid: each once"
        )
    return [limits.index[name] for name in chunk.joint_names]


def check_mode(chunk: Chunk, modes: Collection[ControlMode]) -> ControlMode:
    """Return the chunk's mode if the robot supports it.

    Raises:
        Refused: If it does not.
    """
    if chunk.mode not in modes:
        known = {int(mode): mode.name.lower() for mode in ControlMode}
        raise Refused(
            Refusal.UNSUPPORTED_MODE,
            f"mode {chunk.mode} ({known.get(chunk.mode, 'unknown')}) given; valid: "
            + ", ".join(f"{int(mode)} ({mode.name.lower()})" for mode in sorted(modes)),
        )
    return chunk.mode if isinstance(chunk.mode, ControlMode) else ControlMode(chunk.mode)


def check_times(chunk: Chunk, now: Instant, future_tolerance: float, armed_at: float) -> float:
    """Return the ROS time [s] of row 0: the observation's stamp where there is one, else now.

    Raises:
        Refused: If a time is not usable, the chunk is expired, from the future, or was issued before the robot was armed.
    """
    are_finite = (
        math.isfinite(chunk.stamp)
        and math.isfinite(chunk.lifetime)
        and math.isfinite(chunk.control_period)
        and math.isfinite(chunk.observation_stamp or 0.0)
    )
    if not are_finite or chunk.lifetime <= 0.0:
        raise Refused(
            Refusal.INVALID_TIME,
            f"stamp {chunk.stamp}, lifetime {chunk.lifetime}, control_period {chunk.control_period} given; valid: finite, lifetime > 0",
        )
    rows = len(chunk.values)
    if rows > 1 and not (chunk.control_period >= 1e-4 and rows * chunk.control_period <= MAX_DURATION):
        raise Refused(
            Refusal.INVALID_TIME,
            f"control_period {chunk.control_period} s for {rows} rows given; valid: at least 0.0001 s and {MAX_DURATION} s in all",
        )
    if now.ros > chunk.stamp + chunk.lifetime:
        raise Refused(
            Refusal.EXPIRED,
            f"issued {now.ros - chunk.stamp:.3f} s ago with a lifetime of {chunk.lifetime:.3f} s; valid: not older than its lifetime "
            "(is the sender's clock the graph's ROS time?)",
        )
    start = now.ros if chunk.observation_stamp is None or rows == 1 else chunk.observation_stamp
    ahead = max(chunk.stamp, start) - now.ros
    if ahead > future_tolerance:
        raise Refused(
            Refusal.FUTURE,
            f"stamped {ahead:.3f} s in the future; valid: at most {future_tolerance:.3f} s (use the graph's ROS time)",
        )
    if chunk.stamp < armed_at:
        raise Refused(Refusal.BEFORE_ARMING, "issued before the robot was armed; valid: commands issued after that")
    if rows > 1 and start + rows * chunk.control_period <= now.ros:
        raise Refused(
            Refusal.EXPIRED,
            f"its last row was due {now.ros - start - rows * chunk.control_period:.3f} s ago; valid: chunks that reach into the future",
        )
    return start
