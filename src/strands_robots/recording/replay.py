"""Playing a recorded episode: which set-points go where and when, and how well the robots followed. No ROS, no threads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.dataset.origin import require_known_schema
from strands_robots.dataset.schema import ACTION, STATE
from strands_robots.dataset.table import read_episode, read_info, read_vectors

AHEAD = 1.0
"""How far the chunks reach ahead: this long a robot plays on when the replay dies [s]."""

LIFETIME = 1.0
SPEEDS = 0.05, 2.0


@dataclass(frozen=True)
class ReplayPlan:
    """An episode on the robots of a graph.

    Attributes:
        names: Joint names by robot of the graph.
        states: Recorded positions (N, D) [rad] or [m], by robot of the graph.
        actions: Recorded set-points (N, D) [rad] or [m]; row k was in force at the end of frame k.
        period: Time of a frame as it is played [s].
    """

    names: Mapping[str, tuple[str, ...]]
    states: Mapping[str, FloatArray]
    actions: Mapping[str, FloatArray]
    period: float

    @property
    def frames(self) -> int:
        """Frames of the episode."""
        return len(next(iter(self.actions.values())))

    def chunk(self, robot: str, frame: int, start: float, now: float, source: str, sequence: int) -> Chunk:
        """Return the set-points from a frame on, one second of them.

        Args:
            robot: Robot of the graph.
            frame: First frame.
            start: When frame 0 is played [s, ROS time].
            now: Present [s, ROS time].
            source: Who asks, "class/name".
            sequence: Number of the chunk.
        """
        rows = self.actions[robot][frame : frame + max(math.ceil(AHEAD / self.period), 2)]
        return Chunk(
            source=source, sequence=sequence, stamp=now, lifetime=LIFETIME, joint_names=self.names[robot], values=rows,
            control_period=self.period, observation_stamp=start + (frame + 1) * self.period,
        )  # fmt: skip

    def step(self, robot: str, frame: int, now: float, source: str, sequence: int) -> Chunk:
        """Return the set-points of one frame, for a world that is stepped: from the frame before to this one."""
        actions = self.actions[robot]
        rows = np.stack([actions[max(frame - 1, 0)], actions[frame]])
        return Chunk(
            source=source, sequence=sequence, stamp=now, lifetime=LIFETIME, joint_names=self.names[robot], values=rows,
            control_period=self.period, observation_stamp=now,
        )  # fmt: skip

    def approach(
        self,
        robot: str,
        position: FloatArray,
        velocity: Sequence[float],
        part: float,
        now: float,
        source: str,
        sequence: int,
    ) -> tuple[Chunk, float]:
        """Return the way to the first set-point, and how long it takes [s].

        Args:
            robot: Robot of the graph.
            position: Where it is (D,) [rad] or [m].
            velocity: Limits of its joints (D,) [rad/s] or [m/s].
            part: Part of them to use.
            now: Present [s, ROS time].
            source: Who asks.
            sequence: Number of the chunk.
        """
        target = self.actions[robot][0]
        duration = max(float(np.max(np.abs(target - position) / (np.asarray(velocity) * part))), 0.05)
        count = max(math.ceil(duration / 0.05), 1)
        rows = position + (target - position) * np.linspace(0.0, 1.0, count + 1)[:, np.newaxis]
        chunk = Chunk(
            source=source, sequence=sequence, stamp=now, lifetime=LIFETIME, joint_names=self.names[robot], values=rows,
            control_period=duration / count, observation_stamp=now,
        )  # fmt: skip
        return chunk, duration


def load_replay(root: Path, episode: int, speed: float, robots: Sequence[str], known: Sequence[str]) -> ReplayPlan:
    """Return an episode, ready to be played.

    Args:
        root: Folder of the dataset.
        episode: Index of the episode.
        speed: 1 as recorded; 0 takes 1.
        robots: Robots of the graph, in the order of the dataset's; empty for the same names.
        known: Robots of the graph.

    Raises:
        ConfigurationError: If it cannot be played; the message says why.
    """
    schema = require_known_schema(root, by_convention=False)
    row = read_episode(root, read_info(root), episode)
    speed = speed or 1.0
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise ConfigurationError(f"speed is {speed}; valid: {SPEEDS[0]} to {SPEEDS[1]}, or 0 for 1")
    recorded = [part.name for part in schema.robots]
    targets = list(robots) or recorded
    if len(targets) != len(recorded) or len(set(targets)) != len(targets):
        raise ConfigurationError(
            f"robots are {', '.join(targets)} for the recorded {', '.join(recorded)}; valid: one for each"
        )
    for name in targets:
        if name not in known:
            raise UnknownNameError("robot", name, known)
    data = read_vectors(root, row, [STATE, ACTION])
    states, actions = schema.split(data[STATE]), schema.split(data[ACTION])
    return ReplayPlan(
        {target: part.codec.names for target, part in zip(targets, schema.robots)},
        {target: states[name] for target, name in zip(targets, recorded)},
        {target: actions[name] for target, name in zip(targets, recorded)},
        1.0 / (schema.fps * speed),
    )


@dataclass
class Tracking:
    """How far the measured positions were from the recorded ones.

    Attributes:
        plan: What is played.
        frames: Frames that were compared.
        max_error: Largest difference [rad] or [m].
        max_joint: Where, "<robot>/<joint>".
    """

    plan: ReplayPlan
    frames: int = 0
    max_error: float = 0.0
    max_joint: str = ""
    _square: float = field(default=0.0, repr=False)
    _count: int = field(default=0, repr=False)

    def add(self, frame: int, positions: Mapping[str, FloatArray]) -> None:
        """Compare the measured positions (D,) of every robot with a frame."""
        for robot, position in positions.items():
            errors = np.abs(position - self.plan.states[robot][frame])
            self._square += float((errors**2).sum())
            self._count += len(errors)
            worst = int(errors.argmax())
            if errors[worst] > self.max_error:
                self.max_error, self.max_joint = float(errors[worst]), f"{robot}/{self.plan.names[robot][worst]}"
        self.frames += 1

    @property
    def rms_error(self) -> float:
        """Root mean square of all differences [rad] or [m]."""
        return math.sqrt(self._square / self._count) if self._count else 0.0
