"""The part of a gate's check that needs no state: a chunk is checked whole and laid out for playing."""

from __future__ import annotations

from strands_robots.control.checks import check_mode, check_shape, check_times
from strands_robots.control.gate_types import GateConfig
from strands_robots.control.lease import source_class
from strands_robots.control.limits import plan
from strands_robots.control.player import PlannedChunk
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import Instant, JointLimits


def lay_out(
    chunk: Chunk, config: GateConfig, limits: JointLimits, now: Instant, armed_at: float
) -> tuple[PlannedChunk, str]:
    """Return the chunk laid out for playing and what had to be clamped, in words (empty when nothing).

    Args:
        chunk: As it arrived.
        config: The gate's options.
        limits: The robot's limits.
        now: The present.
        armed_at: When the robot was armed [s, ROS time].

    Raises:
        Refused: By the first check that fails.
    """
    columns = check_shape(chunk, limits)
    mode = check_mode(chunk, config.modes)
    source_class(chunk.source)
    start = check_times(chunk, now, config.future_tolerance, armed_at)
    return plan(chunk, mode, columns, limits, config.limit_policy, start, config.control_period)
