"""A gate under test, with a hand-driven clock and a supervisor that says what the test wants."""

from __future__ import annotations

from typing import Any

import numpy as np

from strands_robots.control.gate import Gate, GateConfig, Setpoint
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.control.refusal import Verdict
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import ControlMode, Instant, JointLimits

NAMES = ("shoulder", "elbow", "gripper")
DT = 0.01


def limits() -> JointLimits:
    """Limits of the test arm: 3 joints, 2 rad/s, 10 rad/s^2."""
    return JointLimits(
        names=NAMES,
        lower=np.array([-1.0, -2.0, 0.0]),
        upper=np.array([1.0, 2.0, 0.5]),
        velocity=np.full(3, 2.0),
        acceleration=np.full(3, 10.0),
        effort=np.full(3, 3.0),
    )


class Bench:
    """One gate, its clock, and an arm that follows the set-point perfectly one tick later."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("modes", frozenset({ControlMode.POSITION, ControlMode.VELOCITY}))
        self.position = np.array([0.0, 0.0, 0.25])
        self.velocity = np.zeros(3)
        self.gate = Gate(GateConfig(robot="arm", session="s1", control_period=DT, **options), limits(), self.position)
        self.ros = 100.0
        self.steady = 5000.0
        self.sequence = 0
        self.beat_sequence = 0
        self.epoch = 0
        self.admitted_count = 0
        self.stop_id = 1
        self.beats = True

    @property
    def now(self) -> Instant:
        return Instant(self.ros, self.steady)

    def beat(self, *, armed: bool = True, epoch: int | None = None, session: str = "sup", **changes: Any) -> None:
        self.beat_sequence += 1
        beat = Heartbeat(
            session=session,
            sequence=changes.pop("sequence", self.beat_sequence),
            armed=armed,
            arm_epoch=self.epoch if epoch is None else epoch,
            admitted=changes.pop("admitted", {"arm": "s1"}),
            reason=changes.pop("reason", "" if armed else "test"),
            latch_counts={"arm": changes.pop("latch_count", self.admitted_count)},
            stop_id=changes.pop("stop_id", self.stop_id),
        )
        assert not changes
        self.gate.on_heartbeat(beat, self.now)

    def arm(self) -> Bench:
        self.resume()
        self.beat()
        self.beat()
        assert not self.gate.is_latched
        return self

    def resume(self) -> None:
        """Raise the epoch and admit the gate as it reports itself now, as a supervisor does."""
        self.epoch += 1
        self.admitted_count = self.gate.report(self.now).latch_count

    def tick(self, dt: float = DT) -> Setpoint:
        self.ros += dt
        self.steady += dt
        if self.beats and not self.gate.is_latched:
            self.beat()
        setpoint = self.gate.tick(self.now, dt, self.position, self.velocity)
        self.velocity = (setpoint.target - self.position) / dt
        self.position = setpoint.target.copy()
        return setpoint

    def run(self, duration: float) -> np.ndarray:
        """Tick for `duration` [s] and return the set-points (N, 3)."""
        return np.array([self.tick().target for _ in range(round(duration / DT))])

    def chunk(self, values: Any = ((0.1, 0.1, 0.25),), **changes: Any) -> Chunk:
        self.sequence += 1
        fields: dict[str, Any] = {
            "source": "policy/test",
            "sequence": self.sequence,
            "stamp": self.ros,
            "lifetime": 0.5,
            "joint_names": NAMES,
            "values": np.array(values, dtype=np.float64),
            "control_period": 0.0,
        }
        fields.update(changes)
        return Chunk(**fields)

    def submit(self, values: Any = ((0.1, 0.1, 0.25),), topic: str = "command", **changes: Any) -> Verdict:
        return self.gate.submit(self.chunk(values, **changes), topic, self.now)
