"""When a robot is where on its path: time-optimal, with limited jerk, or smooth. Libraries are loaded when they are asked for."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import logging
from typing import Any, TypeAlias

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.text import printable
from strands_robots.core.types import JointLimits
from strands_robots.motion.grid_timed_path import GridTimedPath
from strands_robots.motion.path import JointPath, TimedPath
from strands_robots.planning.joint_effort import InverseDynamics
from strands_robots.planning.tool_speed import SpeedLimit

MARGIN = 0.95
"""Part of the limits that a motion at full speed uses; the rest is for the interpolation between rows."""

JERK_TIME = 0.1
"""Time in which "ruckig" lets a joint reach its largest acceleration [s]: no robot's configuration gives a jerk."""

DEFAULT_TIME_LAW = "toppra"
"""The time law that is taken where none is given."""

TIME_LAWS = ("toppra", "ruckig", "quintic")
"""All time laws by name."""

Law: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]
"""Times [s], parameters [] and their rates [1/s], (M,) each."""

_GRID = 200  # intervals of the time law, at least
_GRID_A_SPAN = 8  # intervals between two way points, at least
_SHORTEST = 0.02  # [s]; a time law is no shorter than one row


def load_time_laws() -> None:
    """Load the libraries of the time laws that are installed: more than a second of work, before a plan is waited for."""
    for name in ("toppra", "toppra.algorithm", "toppra.constraint", "ruckig"):
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            importlib.import_module(name)


def timed(
    law: str,
    path: JointPath,
    limits: JointLimits,
    columns: list[int],
    speed: float,
    dynamics: InverseDynamics | None = None,
    tool: SpeedLimit | None = None,
    rate: float = 0.0,
) -> GridTimedPath:
    """Return a path with a time law to rest.

    Args:
        law: One of `TIME_LAWS`.
        path: The curve of the joints in `columns`.
        limits: Limits of all joints of the robot.
        columns: Which joints the path moves.
        speed: Part of the velocity limits to use, above 0 and up to 1; accelerations follow with its square.
        dynamics: Efforts that the joints need, which "toppra" keeps within their limits; None for velocity and acceleration alone.
        tool: Limit of the tool's speed; None for none. "toppra" is slow where the tool would be fast, the others on the whole way.
        rate: Rate of the path parameter at the start [1/s]; above 0 with "toppra" only.

    Raises:
        MotionError: If the law is unknown or not installed, or cannot be had on this path; the message says what is valid.
    """
    there = [name for name in TIME_LAWS if name == "quintic" or importlib.util.find_spec(name) is not None]
    if law not in there:
        missing = " (not installed here: pip install -r requirements/base.txt)" if law in TIME_LAWS else ""
        raise MotionError("invalid_goal", f"time_law is '{printable(law)}'{missing}; valid: {', '.join(there)}")
    if rate and law != "toppra":
        raise MotionError("no_path", f"time_law {law} begins at rest; valid: toppra")
    made = _law(law, path, limits, columns, speed, dynamics, tool, rate)
    if tool is None:
        return GridTimedPath(path, limits, columns, *made)
    made = _within_speed(path, made, tool)
    if rate and made[2][0] < 0.99 * rate:
        raise MotionError("no_path", "the tool is faster than tool_speed where the way begins; valid: a start at rest")
    slowest = float(tool.most_rates(path, made[1]).min())
    return GridTimedPath(path, limits, columns, *made, most_rate=MARGIN * slowest)


def _law(
    law: str,
    path: JointPath,
    limits: JointLimits,
    columns: list[int],
    speed: float,
    dynamics: InverseDynamics | None,
    tool: SpeedLimit | None,
    rate: float,
) -> Law:
    if law == "quintic":
        return _quintic(path, limits, columns, speed)
    velocity = MARGIN * speed * limits.velocity[columns]
    acceleration = MARGIN * speed**2 * limits.acceleration[columns]
    if law == "ruckig":
        return _ruckig(path, velocity, acceleration)
    made = _toppra(path, velocity, acceleration, tool=tool, begin=rate)
    if dynamics is not None and _overload(path, made, limits.effort[columns], dynamics) > 1.0:
        # Efforts cost ten times as much as everything else, and few motions need to be slower for them.
        made = _toppra(path, velocity, acceleration, limits.effort[columns], dynamics, tool, rate)
    return made


def _within_speed(path: JointPath, law: Law, tool: SpeedLimit) -> Law:
    """Return a law as much slower as the tool's speed asks for, on its grid and in the middles between."""
    times, s, rates = law
    between = np.concatenate([s, 0.5 * (s[1:] + s[:-1])])
    fastest = np.concatenate([rates, np.sqrt(0.5 * (rates[1:] ** 2 + rates[:-1] ** 2))])
    over = float((fastest / tool.most_rates(path, between)).max())
    return (times * over, s, rates / over) if over > 1.0 else law


def _overload(path: JointPath, law: Law, effort: FloatArray, dynamics: InverseDynamics) -> float:
    """Return the largest effort along a path, as a part of the limits (D',)."""
    times, s, rates = law
    middle, rate = 0.5 * (s[1:] + s[:-1]), 0.5 * (rates[1:] + rates[:-1])
    bend = np.diff(rates) / np.diff(times)
    slope, curvature = path.derivatives(middle)
    rows = zip(path.at(middle), slope * rate[:, None], slope * bend[:, None] + curvature * rate[:, None] ** 2)
    return max(float((np.abs(dynamics(*row)) / effort).max()) for row in rows)


def _quintic(path: JointPath, limits: JointLimits, columns: list[int], speed: float) -> Law:
    smooth = TimedPath(path, limits, columns, speed)
    tau = np.linspace(0.0, 1.0, _GRID + 1, dtype=np.float64)
    rates = 30.0 * tau**2 * (1.0 - tau) ** 2 / smooth.duration
    # Between two times the acceleration is constant: the parameters follow from the rates, so that both agree.
    step = smooth.duration / _GRID
    s = np.concatenate([[0.0], np.cumsum(0.5 * (rates[1:] + rates[:-1]) * step)])
    return tau * smooth.duration, s / s[-1], rates / s[-1]


def _toppra(
    path: JointPath,
    velocity: FloatArray,
    acceleration: FloatArray,
    effort: FloatArray | None = None,
    dynamics: InverseDynamics | None = None,
    tool: SpeedLimit | None = None,
    begin: float = 0.0,
) -> Law:
    """Return times, parameters and rates of the time-optimal law.

    Source: Pham and Pham 2018, "A new approach to time-optimal path parameterization based on reachability analysis"; package toppra.
    """
    logging.getLogger("toppra").setLevel(logging.ERROR)
    import toppra
    import toppra.algorithm
    import toppra.constraint

    curve = toppra.SplineInterpolator(path.knots, path.points, "natural")
    limits = [
        toppra.constraint.JointVelocityConstraint(np.stack([-velocity, velocity], axis=1)),
        toppra.constraint.JointAccelerationConstraint(
            np.stack([-acceleration, acceleration], axis=1),
            discretization_scheme=toppra.constraint.DiscretizationType.Interpolation,
        ),
    ]
    if effort is not None and dynamics is not None:
        effort = MARGIN * effort
        limits.append(
            toppra.constraint.JointTorqueConstraint(
                dynamics,
                np.stack([-effort, effort], axis=1),
                np.zeros(len(effort)),
                discretization_scheme=toppra.constraint.DiscretizationType.Interpolation,
            )
        )
    grid = _grid(path.knots)
    if tool is not None:
        limits.append(_rate_limit(len(velocity), MARGIN * tool.most_rates(path, grid)))
    instance = toppra.algorithm.TOPPRA(limits, curve, gridpoints=grid, solver_wrapper="seidel")
    _, rates, _ = instance.compute_parameterization(begin, 0.0)
    if rates is None or not np.isfinite(rates).all():
        raise MotionError(
            "no_path",
            "toppra found no time law within the limits on this path; valid: time_law quintic, or another seed",
        )
    rates = np.maximum(rates, 0.0)
    rates[0], rates[-1] = begin, 0.0
    steps = 2.0 * np.diff(grid) / np.maximum(rates[1:] + rates[:-1], 1e-9)
    times = np.concatenate([[0.0], np.cumsum(steps)])
    if times[-1] < _SHORTEST and not begin:
        times, rates = times * (_SHORTEST / times[-1]), rates * (times[-1] / _SHORTEST)
    return times, grid, rates


def _rate_limit(width: int, most: FloatArray) -> Any:
    """Return toppra's constraint that keeps the rate of the parameter below `most` (M,) on its grid [1/s]."""
    from toppra.constraint.linear_constraint import LinearConstraint

    class RateLimit(LinearConstraint):  # type: ignore[misc]  # toppra has no types
        def compute_constraint_params(self, path: Any, gridpoints: FloatArray) -> tuple[Any, ...]:
            squares = np.stack([np.zeros(len(most)), np.minimum(most, 1e4) ** 2], axis=1)
            return None, None, None, None, None, None, squares

    limit = RateLimit()
    limit.dof = width
    return limit


def _grid(knots: FloatArray) -> FloatArray:
    """Return path parameters that hold all knots, closer where these are close."""
    parts = [
        np.linspace(low, high, max(_GRID_A_SPAN, int(np.ceil(_GRID * (high - low)))) + 1)[:-1]
        for low, high in itertools.pairwise(knots.tolist())
    ]
    return np.concatenate([*parts, knots[-1:]])  # exactly the end of the curve, which rounding leaves a little beside 1


def _ruckig(path: JointPath, velocity: FloatArray, acceleration: FloatArray) -> Law:
    """Return times, parameters and rates of the law with limited jerk on a straight way of the joints.

    Source: Berscheid and Kroeger 2021, "Jerk-limited real-time trajectory generation with arbitrary target states"; package ruckig.
    """
    import ruckig

    if len(path.points) != 2:
        raise MotionError(
            "invalid_goal",
            f"time_law ruckig on a path with {len(path.points)} way points; valid: a straight way of the joints, or toppra",
        )
    way = np.maximum(np.abs(path.points[1] - path.points[0]), 1e-12)
    given = ruckig.InputParameter(1)
    given.current_position, given.current_velocity, given.current_acceleration = [0.0], [0.0], [0.0]
    given.target_position, given.target_velocity, given.target_acceleration = [1.0], [0.0], [0.0]
    fastest = float((velocity / way).min())
    hardest = float((acceleration / way).min())
    given.max_velocity, given.max_acceleration, given.max_jerk = [fastest], [hardest], [hardest / JERK_TIME]
    trajectory = ruckig.Trajectory(1)
    if ruckig.Ruckig(1).calculate(given, trajectory) not in (ruckig.Result.Working, ruckig.Result.Finished):
        raise MotionError("no_path", "ruckig found no time law within the limits; valid: time_law toppra or quintic")
    times = np.linspace(0.0, trajectory.duration, max(_GRID, int(np.ceil(trajectory.duration / 0.005))) + 1)
    rates = np.array([trajectory.at_time(time)[1][0] for time in times])
    rates[0] = rates[-1] = 0.0
    rates = np.maximum(rates, 0.0)
    s = np.concatenate([[0.0], np.cumsum(0.5 * (rates[1:] + rates[:-1]) * np.diff(times))])
    return times, s / s[-1], rates / s[-1]
