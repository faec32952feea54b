"""A world in real time that sleeps between control ticks does what one does that wakes for every timestep."""

from __future__ import annotations

import time

import numpy as np
import pytest

from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.control.loop import ControlLoop, RobotLoop
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import Instant
from strands_robots.description.robot_config import load_robot
from strands_robots.sim.run.pace import Pace
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

from .fake_world import PERIOD, TIMESTEP, Bench, FakePort
from .test_runtime import wait_for


class Arm:
    """An SO-101 under its gate, armed, with a chunk to play."""

    def __init__(self) -> None:
        self.world = World(WorldConfig(robots=(RobotSpec("so101", load_robot("so101")),), timestep=TIMESTEP))
        robot = self.world.robots["so101"]
        gate = Gate(
            GateConfig("so101", "s", PERIOD, stall_timeout=1e9, heartbeat_timeout=1e9), robot.limits, robot.home
        )
        self.port = FakePort()
        self.control = ControlLoop(self.world, [RobotLoop(robot, gate, self.port)], TIMESTEP, PERIOD)
        for sequence in range(3):
            gate.on_heartbeat(Heartbeat("sup", sequence, True, 1, {"so101": "s"}, "", {"so101": 0}), self.control.now())
        rows = robot.home + np.linspace(0.0, 0.2, 20)[:, None]
        chunk = Chunk("policy/p", 1, 0.0, 1.0, robot.joint_names, rows, control_period=0.02, observation_stamp=0.0)
        assert gate.submit(chunk, "action_chunk", self.control.now()).accepted

    def record(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        applied = np.array([[stamp, *target] for stamp, target, _ in self.port.applied])
        return applied, np.array([[stamp, *state] for stamp, state in self.port.states]), self.world.get_state()


@pytest.mark.parametrize("counts", [[5], [1, 4, 5], [3], [7, 2, 1], [40]])
def test_catching_up_is_byte_for_byte_what_single_timesteps_are(counts: list[int]) -> None:
    single, several = Arm(), Arm()
    for turn in range(200 // sum(counts)):
        for count in counts:
            due = [single.control.advance() for _ in range(count)]
            assert several.control.catch_up(count) == any(due), (turn, count)
    assert single.control.ticks == several.control.ticks > 30
    for one, other in zip(single.record(), several.record()):
        assert one.tobytes() == other.tobytes()


def test_time_goes_on_by_timesteps_for_those_who_ask_while_the_thread_sleeps() -> None:
    bench = Bench()
    bench.control.advance()
    pace = Pace(bench.control, 1.0)
    seen: list[float] = []

    def look(seconds: float) -> None:
        # Between the timesteps: what is exactly one late is rounded either way, as the machine's clock has it.
        for late in np.arange(TIMESTEP / 4.0, 0.02, TIMESTEP / 2.0):
            now = Instant(bench.world.time, pace.pacer.deadline + late)
            seen.append(round(pace.at(now).ros / TIMESTEP))

    pace.pacer._sleep = look
    pace.wait(bench.world.time, float("inf"))
    assert seen == [2, 2, 3, 3, 4, 4] + [5] * 14, "by timesteps, never past the next control tick"
    pace.stand()
    assert pace.at(Instant(bench.world.time, time.monotonic() + 1.0)).ros == bench.world.time


def test_no_tick_is_before_what_a_command_was_judged_by() -> None:
    bench = Bench()
    bench.arm()
    bench.runtime.start()
    try:
        for _ in range(60):
            bench.beat()
            now = bench.runtime.now()
            assert bench.gates[0].submit(bench.chunk([0.1, 0.0]), "command", now).accepted
            ticks = len(bench.ports[0].applied)
            wait_for(lambda ticks=ticks: len(bench.ports[0].applied) > ticks)
            assert bench.ports[0].applied[-1][0] >= now.ros - 1e-9
            time.sleep(0.0037)
    finally:
        bench.runtime.stop()
    assert bench.runtime.failure is None


def test_news_and_callers_end_the_sleep() -> None:
    bench = Bench(real_time_factor=0.01)  # a timestep takes 0.2 s: what comes at once does not wait for one
    bench.runtime.start()
    try:
        wait_for(lambda: bench.world.steps == 1)
        began = time.monotonic()
        bench.runtime.call(lambda: None).result(1.0)
        bench.gates[0].stop("test", bench.runtime.now())
        wait_for(lambda: not bench.gates[0].wants_tick)
        assert bench.ports[0].reports[-1].latch_reason == "stop: test"
        assert time.monotonic() - began < 0.2 and bench.world.steps <= 2
    finally:
        bench.runtime.stop()


def test_idle_world_wakes_once_a_control_period() -> None:
    bench = Bench()
    bench.runtime.start()
    try:
        wait_for(lambda: bench.world.time > 0.1)
        turns, ticks = bench.runtime.ticks, bench.control.ticks
        wait_for(lambda: bench.control.ticks >= ticks + 50)
        assert bench.runtime.ticks - turns <= 55
    finally:
        bench.runtime.stop()
