"""The player with ticks that are late, as on a loaded machine: the commanded velocity stays continuous."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.control.limits import LimitPolicy, plan
from strands_robots.control.player import ChunkPlayer
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import ControlMode, JointLimits

PERIOD = 0.01
LIMITS = JointLimits(("a",), np.array([-2.0]), np.array([2.0]), np.full(1, 3.0), np.full(1, 20.0), np.ones(1))


@pytest.mark.parametrize("seed", range(4))
def test_late_ticks_and_chunks_with_offsets_break_no_acceleration_limit(seed: int) -> None:
    random = np.random.default_rng(seed)
    player = ChunkPlayer(LIMITS, np.zeros(1), PERIOD)
    now, velocity, steps = 0.0, 0.0, 0
    while now < 10.0:
        if steps % 30 == 0:
            times = now - 0.3 + np.arange(60) * 0.02
            rows = 0.35 * np.sin(0.5 * np.pi * times)[:, None] + random.normal(0.0, 0.03)
            chunk = Chunk("policy/x", steps + 1, now, 0.5, ("a",), rows, ControlMode.POSITION, 0.02, now - 0.3)
            player.play(plan(chunk, ControlMode.POSITION, [0], LIMITS, LimitPolicy.CLAMP, now - 0.3, PERIOD)[0])
        dt = 0.03 if random.random() < 0.05 else PERIOD
        before = player.setpoint.position[0]
        now += dt
        after = player.advance(now, dt)[0]
        fresh = (after - before) / dt
        assert abs(fresh - velocity) <= 20.0 * dt * 1.001 + 1e-9, f"at {now:.3f} s"
        velocity = fresh
        steps += 1
    assert player.is_playing


def test_chunk_that_ends_in_motion_is_braked_within_the_acceleration_limit() -> None:
    player = ChunkPlayer(LIMITS, np.zeros(1), PERIOD)
    rows = np.concatenate([0.5 * 0.5 * np.arange(60) ** 2 * 0.02**2, 0.349 + 0.6 * 0.02 * np.arange(1, 20)])[:, None]
    chunk = Chunk("policy/x", 1, 0.0, 0.5, ("a",), rows, ControlMode.POSITION, 0.02, 0.0)
    player.play(plan(chunk, ControlMode.POSITION, [0], LIMITS, LimitPolicy.CLAMP, 0.0, PERIOD)[0])
    position = [0.0]
    for i in range(1, 300):
        position.append(float(player.advance(i * PERIOD, PERIOD)[0]))
    acceleration = np.diff(np.diff(position)) / PERIOD**2
    assert np.abs(acceleration).max() <= 20.0 * 1.001
    assert max(np.diff(position)) / PERIOD > 0.55
    assert position[-1] == pytest.approx(rows[-1, 0], abs=1e-6)
    assert not player.is_playing
