"""Two gates that are given the same: one ticks with the compiled inner loop, one with its Python specification."""

from __future__ import annotations

import marshal
import math
import random
from typing import Any

import numpy as np

from strands_robots.control.alarm import Alarm
from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.control.limits import LimitPolicy
from strands_robots.control.player import PlannedChunk
from strands_robots.control.supervision import Supervision
from strands_robots.core.chunk import Chunk
from strands_robots.core.types import ControlMode, Instant, JointLimits, StopCategory
from strands_robots.description.supervision_config import LimitsConfig

NAMES = ("pan", "lift", "wheel", "gripper")
PERIOD = 0.01
LIMITS = JointLimits(
    names=NAMES,
    lower=np.array([-1.0, -2.0, -np.inf, 0.0]),
    upper=np.array([1.0, 2.0, np.inf, 0.5]),
    velocity=np.array([2.0, 2.0, 5.0, 1.0]),
    acceleration=np.array([10.0, 8.0, 30.0, 10.0]),
    effort=np.full(4, 3.0),
)
SUPERVISION = {
    "tracking": {"time": 0.2, "error": {"pan": 0.3, "lift": 0.3, "wheel": 1.0, "gripper": None}},
    "contact": {"force": 20.0, "time": 0.05, "fingers": ["jaw"], "finger_force": 40.0},
    "joint_limit": {"margin": 0.1},
    "clock": {"jump": 0.5},
}
ODD = (
    math.nan, math.inf, -math.inf, 5e-324, -5e-324, 2.2250738585072014e-308, 0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 1.1, -1.1,
    math.nextafter(1.0, 2.0), math.nextafter(1.1, 2.0), math.nextafter(-2.1, -3.0), 1e308, -1e308, 1e-12, 1e-9, 1e17,
)  # fmt: skip

_ODD = {each for each in ODD if each != 0.0}


class Twins:
    """The two gates, their clock, and an arm that follows the set-point as told.

    Attributes:
        quiet: Ticks that the compiled loop made.
        ticks: Ticks.
    """

    def __init__(self, supervised: bool = True, **options: Any) -> None:
        options.setdefault("modes", frozenset({ControlMode.POSITION, ControlMode.VELOCITY}))
        config = GateConfig("arm", "s1", PERIOD, **options)
        self.position, self.velocity = np.array([0.0, 0.0, 0.0, 0.25]), np.zeros(4)
        self.gates = []
        for compiled in (True, False):
            watch = (
                Supervision(LimitsConfig(**SUPERVISION), LIMITS, PERIOD, measures=("contact",)) if supervised else None
            )
            self.gates.append(Gate(config, LIMITS, self.position, watch, compiled=compiled))
        self.ros, self.steady = 100.0, 5000.0
        self.quiet = self.ticks = 0
        self.sequence = self.beat_sequence = self.epoch = self.count = 0
        loop = self.gates[0]._quiet
        assert loop is not None and self.gates[1]._quiet is None
        self._loop, self.gates[0]._quiet = loop, self
        self._places = [state_of(gate) for gate in self.gates]

    def tick(self, *arguments: Any) -> bool:
        """What the compiled gate calls: the compiled loop, counted."""
        is_quiet = self._loop.tick(*arguments)
        self.quiet += is_quiet
        return is_quiet

    @property
    def now(self) -> Instant:
        return Instant(self.ros, self.steady)

    def apply(self, operation: tuple[Any, ...]) -> None:
        """Do one thing to both gates and compare their answers and all of their state."""
        name, *arguments = operation
        first, second = getattr(self, f"do_{name}")(*arguments)
        assert bytes_of(first) == bytes_of(second), (operation, first, second)
        mine, other = (values(gate, places) for gate, places in zip(self.gates, self._places, strict=True))
        if marshal.dumps(mine, 2) != marshal.dumps(other, 2):
            names = [name for name, _, _ in self._places[0]] + ["stands", "sends"]
            wrong = {name: pair for name, *pair in zip(names, mine, other) if bytes_of(pair[0]) != bytes_of(pair[1])}
            raise AssertionError(f"after {operation}: {wrong}")

    def do_tick(
        self, ros: float, steady: float, dt: float, position: tuple[float, ...], velocity: tuple[float, ...]
    ) -> Any:
        """Let time pass, with measured positions relative to the set-point's."""
        self.ros += ros
        self.steady += steady
        self.ticks += 1
        at = self.gates[1]._player.setpoint.position
        self.position[:] = [
            each if each in _ODD else here + each for here, each in zip(at.tolist(), position, strict=True)
        ]
        self.velocity[:] = velocity
        with np.errstate(all="ignore"):
            answers = [gate.tick(self.now, dt, self.position, self.velocity) for gate in self.gates]
        return [(each.target.tobytes(), each.torque_enabled, each.source, each.sequence) for each in answers]

    def do_beat(self, is_armed: bool, is_new: bool) -> Any:
        self.beat_sequence += 1
        is_new = is_new and (
            self.gates[1].is_latched or self.beat_sequence % 50 == 0
        )  # the latter is a stop that was missed
        if is_new:
            self.epoch += 1
            self.count = self.gates[1].report(self.now).latch_count
            self.gates[0].report(self.now)
        for _ in range(2 if is_new else 1):
            beat = Heartbeat("sup", self.beat_sequence, is_armed, self.epoch, {"arm": "s1"}, "", {"arm": self.count}, 1)
            for gate in self.gates:
                gate.on_heartbeat(beat, self.now)
            self.beat_sequence += 1
        return None, None

    def do_submit(
        self, source: str, names: tuple[str, ...], values: Any, mode: int, period: float, ahead: float
    ) -> Any:
        self.sequence += 1
        rows = np.array(values, dtype=np.float64)
        is_many = rows.ndim == 2 and len(rows) > 1
        chunk = Chunk(
            source, self.sequence, self.ros, 0.5, names, rows, mode, period if is_many or mode else 0.0,
            self.ros + ahead if is_many else None,
        )  # fmt: skip
        with np.errstate(all="ignore"):
            return [
                (each.accepted, each.message, each.clamped)
                for each in (gate.submit(chunk, "t", self.now) for gate in self.gates)
            ]

    def do_stop(self, is_interrupt: bool) -> Any:
        for gate in self.gates:
            (gate.interrupt if is_interrupt else gate.stop)("test", self.now)
        return None, None

    def do_read(self, force: float, finger: float, detached: str) -> Any:
        for gate in self.gates:
            readings = gate.readings
            readings.contact_force, readings.finger_force, readings.contact_with = force, finger, "a wall"
            readings.detached = detached
            readings.is_detached[:] = [bool(detached), False, False, False]
        return None, None

    def do_freeze(self, frozen: bool) -> Any:
        for gate in self.gates:
            gate.world_frozen = frozen
        return None, None

    def do_report(self) -> Any:
        return [tuple(gate.summary(self.now)) for gate in self.gates]

    def do_restart(self) -> Any:
        self.position[:] = np.clip(np.nan_to_num(self.position), -0.4, 0.4)
        for gate in self.gates:
            gate.restart(self.position, self.now)
        return None, None


FIXED = {
    "config", "limits", "_limits", "_names", "_lock", "_quiet", "reach", "sag", "_reach", "_must_follow", "_ranges", "_allowed", "_margin",
    "_watches", "watched", "_closing", "gives_way", "tolerance", "unmeasured", "_config", "supervision", "readings", "_ledger",
}  # fmt: skip
"""Attributes that are made once, or have parts that are listed by themselves."""


def state_of(gate: Gate) -> list[tuple[str, object, str]]:
    """Return where a gate's state is: every attribute of it and its parts that can change."""
    parts: dict[str, object] = {
        "gate": gate, "latch": gate._latch, "lease": gate._lease, "player": gate._player, "limiter": gate._player.setpoint,
        "guard": gate._guard, "rest": gate._rest, "setpoint": gate._setpoint, "readings": gate.readings,
        "sequences": gate._sequences, "ledger": gate._ledger,
    }  # fmt: skip
    if gate.supervision is not None:
        parts["supervision"] = gate.supervision
        for watch in gate.supervision._watches:
            parts[type(watch).__name__] = watch
            if hasattr(watch, "_persistence"):
                parts[f"{type(watch).__name__}'s time"] = watch._persistence
    inside = {id(owner) for owner in parts.values()}
    return [
        (f"{part}.{name}", owner, name)
        for part, owner in parts.items()
        for name, value in vars(owner).items()
        if name not in FIXED and id(value) not in inside
    ]


def values(gate: Gate, places: list[tuple[str, object, str]]) -> list[Any]:
    """Return a gate's state as plain values, and whether set-points are the same objects."""
    limiter = gate._player.setpoint
    found = [_plain(getattr(owner, name)) for _, owner, name in places]
    return [*found, limiter._previous is limiter.position, gate._setpoint.target is limiter.position]


def _plain(value: Any) -> Any:
    if type(value) in (float, bool, int, str, type(None)):
        return value
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, PlannedChunk):
        curve = {name: _plain(each) for name, each in vars(value.curve).items()}
        return {**{name: _plain(each) for name, each in vars(value).items() if name != "curve"}, **curve}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Alarm):
        return str(value)
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, dict):
        return [[_plain(key), _plain(each)] for key, each in value.items()]
    return None if value is None else type(value).__name__


def bytes_of(value: Any) -> bytes:
    """Return a value as bytes, in which one NaN is like the other and zeros of both signs differ."""
    return marshal.dumps(_plain(value), 2)


def operations(seed: int, count: int) -> list[tuple[Any, ...]]:
    """Return what could happen to a robot in `count` steps, most of it ordinary and some of it as bad as it gets."""
    draw = random.Random(seed)
    found: list[tuple[Any, ...]] = [("beat", True, True)]
    for _ in range(count):
        operation = _operation(draw)
        found.append(operation)
        if operation[0] in ("read", "freeze"):
            found += [_tick(draw) for _ in range(3)] + [("read", 0.0, 0.0, ""), ("freeze", False)]
    return found


def _operation(draw: random.Random) -> tuple[Any, ...]:
    kind = draw.random()
    if kind < 0.72:
        return _tick(draw)
    if kind < 0.85:
        return ("beat", draw.random() > 0.01, draw.random() < 0.6)
    if kind < 0.96:
        return _submit(draw)
    if kind < 0.965:
        return ("stop", draw.random() < 0.3)
    if kind < 0.975:
        return (
            "read",
            *draw.choice(
                [(0.0, 0.0, "")] * 6 + [(25.0, 0.0, ""), (1.0, 50.0, ""), (math.nan, 0.0, ""), (0.0, 0.0, "no torque")]
            ),
        )
    if kind < 0.985:
        return ("freeze", draw.random() < 0.5)
    return ("report",) if kind < 0.997 else ("restart",)


def _tick(draw: random.Random) -> tuple[Any, ...]:
    ros = steady = dt = PERIOD
    if draw.random() < 0.05:
        ros = draw.choice([0.0, -0.02, 0.6, 3.0, 1e-9, -1e-10, 0.0299, 0.0301, PERIOD])
        steady = draw.choice([0.0, 0.26, 0.6, PERIOD, 1e-7])
        dt = draw.choice([ros if ros > 0.0 else PERIOD, 0.001, 0.03, 0.04, PERIOD])
    lag = 0.0 if draw.random() < 0.3 else 0.02
    position = [draw.uniform(-lag, lag) for _ in NAMES]
    velocity = [draw.choice([0.0, 0.019, -0.02, 0.5]) for _ in NAMES]
    if draw.random() < 0.02:
        position[draw.randrange(4)] = draw.choice(ODD)
    if draw.random() < 0.02:
        velocity[draw.randrange(4)] = draw.choice(ODD)
    return ("tick", ros, steady, dt, tuple(position), tuple(velocity))


def _submit(draw: random.Random) -> tuple[Any, ...]:
    names = NAMES if draw.random() < 0.7 else tuple(draw.sample(NAMES, draw.randint(1, 4)))
    rows = 1 if draw.random() < 0.4 else draw.randint(2, 12)
    scale = draw.choice([0.001, 0.01, 0.05, 0.5, 2.0])
    here = [draw.uniform(-0.4, 0.4) if draw.random() < 0.2 else 0.0 for _ in names]
    values = []
    for _ in range(rows):
        here = [value + draw.uniform(-scale, scale) for value in here]
        values.append(list(here))
    if draw.random() < 0.1:
        values[draw.randrange(rows)][draw.randrange(len(names))] = draw.choice(ODD)
    mode = 1 if draw.random() < 0.1 else 0
    return (
        "submit", draw.choice(["policy/a", "policy/a", "teleop/b", "agent/c"]), names, values, mode,
        draw.choice([0.01, 0.02, 0.05, 0.013, 1e-4]), draw.choice([0.0, 0.0, -0.02, 0.04]),
    )  # fmt: skip


CONFIGURATIONS: tuple[dict[str, Any], ...] = (
    {},
    {"supervised": False, "follow_time": 0.3},
    {"lease_on_steady_clock": True, "stop_category": StopCategory.CONTROLLED_THEN_OFF},
    {"stall_timeout": math.inf, "limit_policy": LimitPolicy.REFUSE},
    {"supervised": False, "stop_category": StopCategory.TORQUE_OFF, "handover_speed": 1.0},
)
