"""A robot that does what it is told one tick later, below a real gate, and a leader whose frames the test gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import Instant, Observation
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.teleop.frame import InputFrame, TeleopMode
from strands_robots.teleop.mover import Mover
from strands_robots.teleop.teleop_options import TeleopOptions
from strands_robots.teleop.teleoperation import Teleop

DT = 0.01
CONFIG: RobotConfig = load_robot("so101")
LIMITS = CONFIG.limits()
NAMES = LIMITS.names
HOME: FloatArray = np.array([CONFIG.home[name] for name in NAMES])


class Arm:
    """Robot, gate, supervisor and teleoperation with one clock that the test advances."""

    def __init__(self, monkeypatch: Any, has_dead_man: bool = True, is_released: bool = True, **options: Any) -> None:
        self.time = 1000.0
        monkeypatch.setattr("strands_robots.teleop.teleoperation.time.monotonic", lambda: self.time)
        self.position, self.velocity = HOME.copy(), np.zeros(len(NAMES))
        self.gate = Gate(GateConfig("so101", "s1"), LIMITS, self.position)
        self.options = TeleopOptions(**{"speed": 1.0, **options})
        self.mover = Mover(CONFIG, self.options, None)
        self.teleop = Teleop("so101", "test", has_dead_man, LIMITS, self.mover, self.options)
        self.frame: InputFrame | None = None
        self.path: list[FloatArray] = []
        self.sources: list[str] = []
        self._due = 0.0
        self._beats = 0
        self._numbers = 0
        self.epoch = 0
        self.count = 0
        self.resume()
        if is_released:
            self.say(is_held=False)
        self.run(0.1)
        self.silent()
        assert not self.gate.is_latched

    @property
    def now(self) -> Instant:
        return Instant(self.time, self.time)

    def resume(self) -> None:
        self.epoch += 1
        self.count = self.gate.report(self.now).latch_count

    def stop(self) -> None:
        self.gate.stop("test", self.now)

    def say(self, **fields: Any) -> None:
        """From now on the leader gives this frame, with the present stamp."""
        self.frame = InputFrame(0.0, **{"mode": TeleopMode.JOINTS, "is_held": True, **fields})

    def follow(self, positions: dict[str, float]) -> None:
        self.say(mode=TeleopMode.FOLLOW, positions=positions)

    def silent(self) -> None:
        self.frame = None

    def submit(self, source: str, values: Any, period: float = 0.0) -> bool:
        """Command every joint as somebody else."""
        self._numbers += 1
        rows = np.atleast_2d(np.array(values, dtype=np.float64))
        chunk = Chunk(source, self._numbers, self.time, 0.5, NAMES, rows, control_period=period)
        return self.gate.submit(chunk, "command", self.now).accepted

    def tick(self) -> None:
        """One control tick; every second one the leader speaks and teleoperation is asked for a chunk."""
        self.time += DT
        self._beats += 1
        self.gate.on_heartbeat(
            Heartbeat("sup", self._beats, True, self.epoch, {"so101": "s1"}, "", {"so101": self.count}, 1), self.now
        )
        setpoint = self.gate.tick(self.now, DT, self.position, self.velocity)
        self.velocity = (setpoint.target - self.position) / DT
        self.position = setpoint.target.copy()
        self.path.append(self.position)
        self.sources.append(setpoint.source)
        self.teleop.on_observation(
            Observation(self.time, NAMES, self.position, self.velocity, np.zeros(len(NAMES))), self.now
        )
        self.teleop.on_applied(setpoint.source, setpoint.sequence, NAMES, self.position)
        self.teleop.on_gate(self.gate.report(self.now), self.now)
        if self.time >= self._due:
            self._due = self.time + self.options.period - 1e-6
            if self.frame is not None:
                self.teleop.on_frame(replace(self.frame, stamp=self.time))
            chunk = self.teleop.step(self.time)
            if chunk is not None:
                self.gate.submit(chunk, "action_chunk", self.now)

    def run(self, duration: float) -> FloatArray:
        """Tick for `duration` [s] and return the set-points (N, D)."""
        before = len(self.path)
        for _ in range(round(duration / DT)):
            self.tick()
        return np.array(self.path[before:])

    def until(self, condition: Any, timeout: float = 5.0) -> None:
        end = self.time + timeout
        while not condition():
            assert self.time < end, self.teleop.report(self.time)
            self.tick()

    def report(self) -> Any:
        return self.teleop.report(self.time)


def rates(path: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the largest velocity and acceleration of each joint on a path of set-points."""
    velocity = np.diff(path, axis=0) / DT
    return np.abs(velocity).max(axis=0), np.abs(np.diff(velocity, axis=0) / DT).max(axis=0)
