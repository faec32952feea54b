"""What supervision costs a control tick of the gate, and the check of a chunk: without it, with the SO-101's limits, with everything.

Processor time of the thread. The kinds take turns, so that other work on the machine hits all alike.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from _report import report

from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import Instant
from strands_robots.description.robot_config import load_robot
from strands_robots.description.supervision_config import LimitsConfig
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

ROBOT = load_robot("so101")
LIMITS = ROBOT.limits()
HOME = np.array([ROBOT.home[name] for name in LIMITS.names])
ROUNDS = 30
ROWS, PERIOD, TICK = 100, 0.02, 0.01
EVERYTHING: dict[str, Any] = {
    **ROBOT.supervision.model_dump(),
    "workspace": {
        "allowed": {"min": (-0.6, -0.6, -0.1), "max": (0.6, 0.6, 0.7)},
        "forbidden": {
            "pillar": {"min": (-0.6, -0.6, -0.1), "max": (-0.3, 0.6, 0.02)},
            "shelf": {"min": (0.45, -0.6, 0.3), "max": (0.6, 0.6, 0.5)},
        },
    },
    "speed_zones": {"zones": {"free": 1.0}, "missing": "slowest"},
}
KINDS: dict[str, dict[str, Any] | None] = {
    "without": None,
    "so101": ROBOT.supervision.model_dump(),
    "everything": EVERYTHING,
}


class Case:
    """One gate that plays a swing of two joints again and again.

    Attributes:
        submits, ticks: Durations [s].
    """

    def __init__(self, section: dict[str, Any] | None) -> None:
        config = GateConfig("arm", "s", modes=ROBOT.control_modes, heartbeat_timeout=1e9, stall_timeout=1e9)
        supervision = None
        self.world = None
        if section is not None:
            watched = ROBOT.model_copy(update={"supervision": LimitsConfig.model_validate(section)})
            self.world = World(WorldConfig(robots=(RobotSpec("arm", watched),), overhead=None))
            supervision = self.world.robots["arm"].supervision(TICK)
        self.gate = Gate(config, LIMITS, HOME, supervision)
        for sequence in (1, 2):
            self.gate.on_heartbeat(
                Heartbeat("sup", sequence, True, 1, {"arm": "s"}, "", {"arm": 0}, 1), Instant(0.0, 0.0)
            )
        times = np.arange(ROWS) * PERIOD
        self.rows = np.tile(HOME, (ROWS, 1))
        self.rows[:, :2] += 0.2 * (1.0 - np.cos(np.pi * times))[:, None]
        self.now, self.sequence = 0.0, 0
        self.submits: list[float] = []
        self.ticks: list[float] = []

    def turn(self) -> None:
        """Submit the swing, and play it."""
        self.sequence += 1
        chunk = Chunk("operator/bench", self.sequence, self.now, 1.0, LIMITS.names, self.rows, 0, PERIOD)
        began = time.thread_time()
        verdict = self.gate.submit(chunk, "bench", Instant(self.now, self.now))
        self.submits.append(time.thread_time() - began)
        assert verdict.accepted, verdict.message
        position, velocity = (
            self.gate.tick(Instant(self.now + 1e-4, self.now + 1e-4), 1e-4, HOME, np.zeros(6)).target,
            np.zeros(6),
        )
        robot = None if self.world is None else self.world.robots["arm"]
        for _ in range(round(ROWS * PERIOD / TICK)):
            self.now += TICK
            now = Instant(self.now, self.now)
            began = time.thread_time()
            if robot is not None:
                robot.read_others(self.gate.readings)
            position = self.gate.tick(now, TICK, position, velocity).target
            self.ticks.append(time.thread_time() - began)
        assert not self.gate.is_latched


def main() -> None:
    cases = {kind: Case(section) for kind, section in KINDS.items()}
    for _ in range(ROUNDS):
        for case in cases.values():
            case.turn()
    figures: dict[str, float] = {}
    for kind, case in cases.items():
        figures[f"tick_{kind}_p50_us"] = float(np.median(case.ticks)) * 1e6
        figures[f"tick_{kind}_p99_us"] = float(np.quantile(case.ticks, 0.99)) * 1e6
        figures[f"submit_{ROWS}x6_{kind}_p50_ms"] = float(np.median(case.submits)) * 1e3
    report("supervision", figures, {"tick_period_us": TICK * 1e6})


if __name__ == "__main__":
    main()
