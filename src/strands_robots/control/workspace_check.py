"""The check of a whole chunk against the workspace, before any of it plays."""

from __future__ import annotations

import numpy as np

from strands_robots.control.player import PlannedChunk
from strands_robots.control.refusal import Refusal, Refused
from strands_robots.control.workspace import Workspace
from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import ControlMode, JointLimits

MAX_SAMPLES = 100_000
"""Most points of one chunk's path that are looked at; 0.2 s of work."""

BLOCK = 4096
"""Points that are looked at together; bounds the memory."""

_STEEPEST = 3.0
"""A monotone cubic is nowhere more than this much steeper than the straight line between its two rows."""

_BACK = 1e-3
"""On the way out of where it may not be a tool may get this much deeper again [m], because joints move on curves."""

_EXACT = 1e-9


def check_path(
    chunk: PlannedChunk, workspace: Workspace, limits: JointLimits, setpoint: FloatArray, now: float, dt: float
) -> None:
    """Refuse a chunk whose tool path leaves the workspace: from the set-point to where it joins the chunk, along the
    interpolated rows, and on to where the joints come to rest after the last one.

    Points of the path are at most `resolution` apart, so a corner of a box may be cut by less than that.

    Args:
        chunk: As it will be played.
        workspace: Boxes and kinematics.
        limits: The robot's limits.
        setpoint: Where the set-point is (D,) [rad] or [m].
        now: ROS time [s].
        dt: The control period [s].

    Raises:
        Refused: With the box, the row, the tool's position and what is valid.
    """
    path = _velocity_path if chunk.mode is ControlMode.VELOCITY else _position_path
    joints, rows = path(chunk, workspace, limits, setpoint, now, dt)
    least = workspace.violations(workspace.chain.positions(setpoint[None]))[0]
    for begin in range(0, len(joints), BLOCK):
        points = workspace.chain.positions(joints[begin : begin + BLOCK])
        found = workspace.violations(points)
        lowest = np.minimum.accumulate(np.vstack([least, found]))
        allowed = np.where(lowest[:-1] > 0.0, lowest[:-1] + _BACK, _EXACT)
        over = found > allowed
        if over.any():
            sample, box = (int(i) for i in np.argwhere(over)[0])
            raise Refused(
                Refusal.WORKSPACE,
                f"{_where(rows[begin + sample], len(chunk.curve.rows))}: {workspace.describe(box, points[sample])}",
            )
        least = lowest[-1]


def _where(row: float, count: int) -> str:
    if row < 0.0:
        return "on the way to the chunk's first row"
    if row > count - 1:
        return f"coming to rest after the last row, {count - 1}"
    whole = int(row + 1e-9)
    return f"row {whole}" if row - whole < 1e-9 else f"between rows {whole} and {whole + 1}"


def _position_path(
    chunk: PlannedChunk, workspace: Workspace, limits: JointLimits, setpoint: FloatArray, now: float, dt: float
) -> tuple[FloatArray, FloatArray]:
    """Points (N, D) of the path, and which row each belongs to (N,): -1 before the first, above the last after it."""
    curve, last = chunk.curve, len(chunk.curve.rows) - 1
    first = min(max((now - chunk.start) / curve.period, 0.0), float(last))
    whole = np.arange(int(first) + 1, last + 1, dtype=np.float64)
    knots = np.concatenate([[first], whole])
    nodes = np.tile(setpoint, (len(knots), 1))
    nodes[:, chunk.columns] = curve.sample(knots * curve.period)
    times, _ = _subdivide(knots, nodes, workspace, _STEEPEST)
    along = np.tile(setpoint, (len(times), 1))
    along[:, chunk.columns] = curve.sample(times * curve.period)
    approach = _straight(np.array([setpoint, along[0]]), workspace)
    speed = np.zeros(len(limits))
    if last > 0:
        speed[chunk.columns] = (curve.rows[-1] - curve.rows[-2]) / curve.period
    rest = _straight(np.array([nodes[-1], _come_to_rest(nodes[-1], speed, limits)]), workspace)
    rows = [np.full(len(approach), -1.0), times, np.full(len(rest), last + 0.5)]
    return np.concatenate([approach, along, rest]), np.concatenate(rows)


def _velocity_path(
    chunk: PlannedChunk, workspace: Workspace, limits: JointLimits, setpoint: FloatArray, now: float, dt: float
) -> tuple[FloatArray, FloatArray]:
    """The same for velocities: what they add up to from the set-point on."""
    curve, period, last = chunk.curve, chunk.curve.period, len(chunk.curve.rows) - 1
    duration = max(chunk.end - max(now, chunk.start), dt)
    first = max((now - chunk.start) / period, 0.0)
    knots: FloatArray = first + np.linspace(
        0.0, duration / period, max(round(duration / period), 1) + 1, dtype=np.float64
    )
    velocity = np.zeros((len(knots), len(limits)))
    velocity[:, chunk.columns] = curve.sample(knots * period)
    steps = 0.5 * (velocity[1:] + velocity[:-1]) * (np.diff(knots)[:, None] * period)
    nodes = setpoint + np.concatenate([np.zeros((1, len(limits))), np.cumsum(steps, axis=0)])
    nodes = np.clip(nodes, np.minimum(limits.lower, setpoint), np.maximum(limits.upper, setpoint))
    times, along = _subdivide(knots, nodes, workspace, 1.0)
    rest = _straight(np.array([nodes[-1], _come_to_rest(nodes[-1], velocity[-1], limits)]), workspace)
    rows = [np.minimum(times, float(last)), np.full(len(rest), last + 0.5)]
    return np.concatenate([along, rest]), np.concatenate(rows)


def _come_to_rest(position: FloatArray, velocity: FloatArray, limits: JointLimits) -> FloatArray:
    """Return where joints (D,) stop that brake as hard as they may."""
    speed = np.clip(velocity, -limits.velocity, limits.velocity)
    end = position + speed * np.abs(speed) / (2.0 * limits.acceleration)
    found: FloatArray = np.clip(end, np.minimum(limits.lower, position), np.maximum(limits.upper, position))
    return found


def _straight(nodes: FloatArray, workspace: Workspace) -> FloatArray:
    """Return points (N, D) on the straight line between two positions (2, D), without the first."""
    return _subdivide(np.array([0.0, 1.0]), nodes, workspace, 1.0)[1][1:]


def _subdivide(
    knots: FloatArray, nodes: FloatArray, workspace: Workspace, steepest: float
) -> tuple[FloatArray, FloatArray]:
    """Return parameters (N,) and points (N, D) on straight lines between the nodes (K, D) at `knots` (K,), so many that
    the tool moves by no more than the resolution between two of them, on curves `steepest` times as steep as well.

    Raises:
        Refused: If there would be too many.
    """
    if len(knots) == 1:
        return knots, nodes
    steps = np.diff(nodes, axis=0)
    counts = np.ceil(steepest * (np.abs(steps) @ workspace.chain.reach) / workspace.config.resolution - 1e-9)
    counts = np.maximum(counts, 1.0)
    if counts.sum() > MAX_SAMPLES:
        raise Refused(
            Refusal.TOO_LARGE,
            f"its path needs {counts.sum():.0f} checks of {workspace.config.resolution} m; valid: {MAX_SAMPLES} (a shorter chunk)",
        )
    number = counts.astype(np.intp)
    interval = np.repeat(np.arange(len(number)), number)
    within = (np.arange(len(interval)) - np.repeat(np.cumsum(number) - number, number)) / number[interval]
    times = np.append(knots[interval] + within * np.diff(knots)[interval], knots[-1])
    points = np.vstack([nodes[interval] + within[:, None] * steps[interval], nodes[-1:]])
    return times, points
