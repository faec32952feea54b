"""A world without physics: a joint is where its target is, one timestep later."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from strands_robots.control.gate import Gate, GateConfig, GateReport, Setpoint
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.control.loop import ControlLoop, RobotLoop
from strands_robots.control.readings import Readings
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import Instant, JointLimits
from strands_robots.sim.render.camera_feed import CameraFeed
from strands_robots.sim.render.camera_worker import CameraWorker
from strands_robots.sim.run.runtime import RuntimeConfig, SimRuntime, WorldMode

TIMESTEP = 0.002
PERIOD = 0.01
LIMITS = JointLimits(
    names=("pan", "lift"),
    lower=np.full(2, -2.0),
    upper=np.full(2, 2.0),
    velocity=np.full(2, 2.0),
    acceleration=np.full(2, 20.0),
    effort=np.full(2, 1.0),
)


class FakeRobot:
    def __init__(self, name: str) -> None:
        self.name = name
        self.position, self.velocity, self.effort = np.zeros(2), np.zeros(2), np.zeros(2)
        self.joints, self.target, self.torque = np.zeros(2), np.zeros(2), True

    def read(self) -> None:
        self.position[:] = self.joints

    def read_others(self, readings: Readings) -> None:
        """It touches nothing."""

    def set_target(self, target: FloatArray) -> None:
        self.target[:] = target

    def set_torque(self, enabled: bool) -> None:
        self.torque = enabled


class FakeWorld:
    def __init__(self, *names: str) -> None:
        self.time, self.steps, self.seed = 0.0, 0, 0
        self.robots = [FakeRobot(name) for name in names or ("arm",)]
        self.on_step = lambda: None

    def step(self, n: int) -> None:
        for _ in range(n):
            self.steps += 1
            self.time = self.steps * TIMESTEP
            for robot in self.robots:
                robot.joints[:] = robot.target
        self.on_step()

    def reset(self, seed: int, keyframe: str = "") -> None:
        self.time, self.steps, self.seed = 0.0, 0, seed
        for robot in self.robots:
            robot.joints[:] = 0.0

    def get_state(self) -> FloatArray:
        return np.concatenate([[self.time], *(robot.joints for robot in self.robots)])


@dataclass
class FakePort:
    states: list[tuple[float, FloatArray]] = field(default_factory=list)
    applied: list[tuple[float, FloatArray, str]] = field(default_factory=list)
    reports: list[GateReport] = field(default_factory=list)

    def publish_state(self, stamp: float, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        self.states.append((stamp, position.copy()))

    def publish_applied(self, stamp: float, setpoint: Setpoint) -> None:
        self.applied.append((stamp, setpoint.target.copy(), setpoint.source))

    def publish_gate(self, stamp: float, report: GateReport) -> None:
        self.reports.append(report)


class Bench:
    """A runtime on a fake world, with a supervisor that lives in the test."""

    def __init__(
        self, mode: WorldMode = WorldMode.REALTIME, *names: str, feeds: tuple[CameraFeed, ...] = (), **options: float
    ) -> None:
        self.world = FakeWorld(*names)
        stall = float("inf") if mode is WorldMode.LOCKSTEP else 0.25
        self.gates = [
            Gate(GateConfig(robot=r.name, session="s", stall_timeout=stall), LIMITS, r.position)
            for r in self.world.robots
        ]
        self.ports = [FakePort() for _ in self.gates]
        loops = [RobotLoop(*parts) for parts in zip(self.world.robots, self.gates, self.ports)]
        self.control = ControlLoop(self.world, loops, TIMESTEP, PERIOD)
        self.cameras = CameraWorker(lambda: None, feeds)
        self.clocks: list[float] = []
        self.runtime = SimRuntime(
            self.world, self.control, self.cameras, RuntimeConfig(mode=mode, **options), self.clocks.append
        )
        self._sequence = 0
        self._counts: dict[str, int] = {}
        self._command = 0

    def arm(self, epoch: int = 1) -> None:
        now = Instant(self.world.time, time.monotonic())
        self._counts = {gate.config.robot: gate.report(now).latch_count for gate in self.gates}
        for _ in range(2):
            self.beat(epoch)

    def beat(self, epoch: int = 1) -> None:
        self._sequence += 1
        now = Instant(self.world.time, time.monotonic())
        names = [gate.config.robot for gate in self.gates]
        for gate in self.gates:
            gate.on_heartbeat(
                Heartbeat("sup", self._sequence, True, epoch, dict.fromkeys(names, "s"), "", self._counts), now
            )

    def chunk(self, *rows: list[float], source: str = "operator/test", period: float = 0.01) -> Chunk:
        self._command += 1
        return Chunk(
            source=source, sequence=self._command, stamp=self.world.time, lifetime=1.0, joint_names=LIMITS.names,
            values=np.array(rows), control_period=period if len(rows) > 1 else 0.0,
        )  # fmt: skip
