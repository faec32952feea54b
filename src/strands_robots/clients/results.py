"""What the methods of Robot() return. Plain frozen values: no ROS, no I/O, nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RobotObservation:
    """What a robot measures now.

    Attributes:
        stamp: ROS time of the measurement [s].
        joints: Position of each joint [rad] or [m].
        velocities: Velocity of each joint [rad/s] or [m/s]; empty when the robot measures none.
        efforts: Effort of each joint [Nm] or [N]; empty when the robot measures none.
        cameras: Names for `look`.
        is_stopped: Whether nothing may move it; `why` says why.
        is_at_rest: Whether it stands still.
        why: Why it is stopped; empty when it is not.
    """

    stamp: float
    joints: Mapping[str, float]
    velocities: Mapping[str, float]
    efforts: Mapping[str, float]
    cameras: tuple[str, ...]
    is_stopped: bool
    is_at_rest: bool
    why: str


@dataclass(frozen=True)
class MoveResult:
    """A motion that came to its end.

    Attributes:
        reason: "reached".
        message: What happened, in words.
        joints: Measured position of each joint at the end [rad] or [m].
        joint_error: Largest distance of a moved joint from its target [rad] or [m].
        position_error: Distance of the tool from the asked position [m]; 0 for joint targets.
        position: Measured position of the tool in the base frame [m]; None when the robot has no tool frame.
        elapsed: Time that it took, ROS time [s].
    """

    reason: str
    message: str
    joints: Mapping[str, float]
    joint_error: float
    position_error: float
    position: tuple[float, float, float] | None
    elapsed: float


@dataclass(frozen=True)
class GripResult:
    """A gripper that came to its end.

    Attributes:
        reason: "reached", or "stalled" on something.
        message: What happened, in words.
        fraction: Measured opening, from closed (0) to open (1).
        is_holding: Whether it met something before the position, and presses on it.
        effort: Largest measured effort of its joints [Nm] or [N].
        elapsed: Time that it took, ROS time [s].
    """

    reason: str
    message: str
    fraction: float
    is_holding: bool
    effort: float
    elapsed: float


@dataclass(frozen=True)
class PolicyResult:
    """A policy that ran to its end. Says nothing of the task.

    Attributes:
        reason: "completed", or "condition_met" by `stop_when`.
        message: What happened, in words.
        steps: Control rows that were played.
        chunks: Chunks that were sent.
        underruns: How often a chunk was over before the next one was there; the robot held.
        motion: Largest minus smallest measured position of each joint [rad] or [m].
        latency_p50: Time of an inference that half of them stayed under [s].
        latency_p99: Time of an inference that 99 of 100 stayed under [s].
        elapsed: Time that it took, ROS time [s].
    """

    reason: str
    message: str
    steps: int
    chunks: int
    underruns: int
    motion: Mapping[str, float]
    latency_p50: float
    latency_p99: float
    elapsed: float


@dataclass(frozen=True)
class StopResult:
    """What a stop achieved.

    Attributes:
        stop_id: Number of the stop, which a resume names; 0 when safety_node did not answer.
        message: What happened, in words.
        is_at_rest: Whether every robot reported rest before the answer.
        moving: Robots that did not.
        is_audited: Whether audit_node has the stop on its disk.
    """

    stop_id: int
    message: str
    is_at_rest: bool
    moving: tuple[str, ...]
    is_audited: bool


@dataclass(frozen=True)
class StreamAccount:
    """What became of the samples of one stream of an episode; msg/StreamCount.msg explains the numbers."""

    topic: str
    received: int
    used: int
    repeated: int
    stale: int
    lost: int
    gaps: int
    late: int


@dataclass(frozen=True)
class RecordedEpisode:
    """What became of an episode.

    Attributes:
        is_saved: Whether it is in the dataset: written, closed, read again and found whole.
        message: What happened, in words.
        root: Folder of the dataset, on the recorder's machine.
        episode: Its index in the dataset.
        frames: Its frames.
        outcome: "unknown", "succeeded" or "failed", as told.
        streams: What became of the samples of each stream.
    """

    is_saved: bool
    message: str
    root: Path
    episode: int
    frames: int
    outcome: str
    streams: tuple[StreamAccount, ...]
