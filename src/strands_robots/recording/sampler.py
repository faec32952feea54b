"""From streams to frames: at each instant t_k what every sensor had said, and the command that answered. No I/O.

Frame k is at t_k = t_0 + k / fps. Its observations are the newest samples not after t_k; its action is the command in force at the end of
[t_k, t_k + 1 / fps), the answer to that observation as LeRobot's own record loop stores it. A frame is made once every stream has a sample
at or after the instant it is asked for, so that nothing on its way is missed. Where time passes by itself, a stream from which nothing has
come for `grace` is not waited for, and what comes later is counted as late; one that is only behind, on a busy machine, is waited for.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.errors import RecordingError
from strands_robots.dataset.motion_check import EpisodeWatch
from strands_robots.dataset.schema import ACTION, EFFORTS, ENVIRONMENT, INTERVENTION, STATE, VELOCITIES, Schema
from strands_robots.recording.silence import is_dead, overrun_words, silence_words
from strands_robots.recording.stream import SECOND, Stream, StreamCount, picture_rate

ROUNDING = 1_000
"""Stamps of a world whose periods are no whole nanoseconds (1/30 s) are rounded: this much is the same instant [ns]."""

STALL = 100_000_000
"""What is longer between two polls is the recorder itself standing still, and no silence of a stream [ns]."""

BY_HAND = "teleop/"
"""Sources of this class are a person's hand: frames of theirs are interventions."""

HAND_SILENCE = SECOND
"""How long a hand that commanded may be silent while its leader is not known to live [ns]."""


class OnStale(str, enum.Enum):
    """What a stale stream does."""

    MARK = "mark"
    DROP = "drop"
    FAIL = "fail"


@dataclass(frozen=True)
class SamplerConfig:
    """Options of the sampling.

    Attributes:
        max_age_joints: Oldest joint state or command in a frame [s].
        max_age_images: Oldest picture in a frame [s].
        on_stale: What a stale stream does.
        grace: How long a silent stream is waited for [s, ROS time]; None where time does not pass by itself (lockstep).
        slack: Where time does not pass by itself: the command stream is complete when its newest sample is at most this much
            before the end of the frame [s], the control period.
        keep: Samples of this long are kept between episodes [s], for an episode that begins in the past.
    """

    max_age_joints: float = 0.1
    max_age_images: float = 0.2
    on_stale: OnStale = OnStale.MARK
    grace: float | None = 0.25
    slack: float = 0.0
    keep: float = 0.0

    def __post_init__(self) -> None:
        for name in ("max_age_joints", "max_age_images"):
            if not 0.0 < getattr(self, name) < 1e4:
                raise ConfigurationError(f"{name} is {getattr(self, name)} s; valid: above 0 and below 10000")


@dataclass(frozen=True)
class JointSample:
    """A robot's measured joints (D,) in the schema's order [rad, rad/s, Nm]."""

    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    effort: NDArray[np.float64]


@dataclass(frozen=True)
class CommandSample:
    """What a gate let through: set-points (D,) in the schema's order [rad] or [m], and whose."""

    target: NDArray[np.float64]
    source: str


@dataclass(frozen=True)
class DatasetFrame:
    """One frame.

    Attributes:
        index: Its number in the episode as it is written.
        stamp: t_k [ns, ROS time].
        values: Feature -> array, as LeRobot takes them; without `task` and outcome.
        stale: Topics whose sample was too old.
    """

    index: int
    stamp: int
    values: Mapping[str, Any]
    stale: tuple[str, ...] = ()


class StaleError(ConfigurationError):
    """A stream was stale or dead, or no source commands any more, and the episode shall not go on."""


def state_topic(robot: str) -> str:
    """Return the topic of a robot's measured joints."""
    return f"{robot}/joint_states"


def command_topic(robot: str) -> str:
    """Return the topic of what a robot's gate let through."""
    return f"{robot}/command_applied"


ENVIRONMENT_STREAM = "bodies"
"""Name of the stream of environment states, float32 (E,): it comes from the world itself, not from a topic."""


def image_topic(camera: str) -> str:
    """Return the topic of a camera's pictures."""
    return f"{camera}/image_raw"


class Sampler:
    """The streams of a dataset, and the frames of one episode after the other. Belongs to one thread.

    Args:
        schema: What a frame holds.
        config: Options.

    Attributes:
        schema, config: As given.
        streams: By topic.
        skipped: Instants at the start of the episode before every stream had a sample.
        dropped: Frames left out because a stream was stale.
        marked: Frames that hold a stale sample: (index, topics).
        sources: Who commanded during the episode.
        delays: How long after its end each frame was made [ns, ROS time]; empty where time does not pass by itself.
        leaders: When a hand's leader was last known to live [ns, ROS time], by source; its silence is then meant.
        watch: What is noted of the episode.
        start: t_0 [ns, ROS time]; None between episodes.
    """

    def __init__(self, schema: Schema, config: SamplerConfig) -> None:
        self.schema = schema
        self.config = config
        joints, images = (round(age * SECOND) + ROUNDING for age in (config.max_age_joints, config.max_age_images))
        sizes = 1024 + round(500 * config.keep), 64 + round(picture_rate(schema.fps) * config.keep)
        self._states = [Stream(state_topic(robot.name), joints, sizes[0]) for robot in schema.robots]
        self._commands = [Stream(command_topic(robot.name), joints, sizes[0]) for robot in schema.robots]
        self._images = [Stream(image_topic(camera.name), images, sizes[1]) for camera in schema.cameras]
        self._environment = [Stream(ENVIRONMENT_STREAM, joints)] if schema.environment else []
        streams = (*self._states, *self._commands, *self._images, *self._environment)
        self.streams = {stream.topic: stream for stream in streams}
        self.skipped = self.dropped = 0
        self.marked: list[tuple[int, tuple[str, ...]]] = []
        self.sources: set[str] = set()
        self.delays: list[int] = []
        self.leaders: dict[str, int] = {}
        self.watch = EpisodeWatch(schema.fps)
        self.start: int | None = None
        self._instant = self._index = 0
        self._live = 0
        self._polled: int | None = None
        self._commanders: dict[str, tuple[str, int]] = {}

    @property
    def counts(self) -> dict[str, StreamCount]:
        """What became of each stream's samples in this episode."""
        return {topic: stream.count for topic, stream in self.streams.items()}

    @property
    def frames(self) -> int:
        """Frames of this episode so far."""
        return self._index

    @property
    def next(self) -> int:
        """Number k of the next instant of this episode."""
        return self._instant

    def begin(self, at: int, keep_counts: bool = False, live: int | None = None) -> None:
        """Begin an episode at t_0 [ns, ROS time]; `keep_counts` counts what came before as part of it.

        Frames that end before `live` [ns] are made late on purpose: the episode begins in the past.
        """
        self._live = at if live is None else live
        for stream in self.streams.values():
            mark = stream.watermark
            if self.config.grace is None and not keep_counts and mark is not None and mark > at + ROUNDING:
                stream.clear()  # The world stands still at `at`: what is newer is of the time before a reset.
            stream.begin(keep_counts)
            stream.heard, stream.silence = at, 0
            stream.forget_before(at)
        self.skipped = self.dropped = 0
        self.marked, self.sources, self.delays = [], set(), []
        self.watch, self._commanders, self._polled = EpisodeWatch(self.schema.fps), {}, None
        self.start, self._instant, self._index = at, 0, 0

    def idle(self, now: int) -> None:
        """Keep only the newest samples between two episodes."""
        for stream in self.streams.values():
            stream.forget_before(now - round(self.config.keep * SECOND))

    def end(self) -> None:
        """End the episode; counts stay until the next one begins."""
        self.start = None

    def account(
        self, *, episode: int, task: str, ended: int, began_wall: float, provenance: Mapping[str, Any],
        outcome: str = "unknown", reward: float = 0.0,
    ) -> dict[str, Any]:  # fmt: skip
        """Return what is stored beside the episode; before `end`."""
        return {
            "format": 1, "episode": episode, "task": task, "frames": self.frames, "outcome": outcome, "reward": reward,
            "began_ns": self.start, "ended_ns": ended, "began_wall": began_wall, "skipped": self.skipped,
            "dropped": self.dropped,
            "marked": [{"frame": index, "streams": list(topics)} for index, topics in self.marked],
            "sources": sorted(self.sources), "uncommanded": self.watch.uncommanded, "notes": self.watch.notes(),
            "delay": self._delay(),
            "streams": {topic: asdict(count) for topic, count in self.counts.items()},
            "provenance": dict(provenance),
        }  # fmt: skip

    def instant(self, k: int) -> int:
        """Return t_k [ns, ROS time]; exact, without a sum of rounded periods."""
        return (self.start or 0) + (k * SECOND) // self.schema.fps

    def due(self, now: int, until: int | None = None) -> Iterator[DatasetFrame]:
        """Give the frames that can be made.

        Args:
            now: Present [ns, ROS time].
            until: End of the episode [ns, ROS time]; frames that would end after it are not made.

        Raises:
            StaleError: If a stream is dead, or stale where that ends the episode, if a hand commands no more, or ROS time went back.
            RecordingError: If a robot does not measure what is recorded of it.
        """
        self._hear(now)
        while self.start is not None:
            self._check_time()
            t, end = self.instant(self._instant), self.instant(self._instant + 1)
            if until is not None and end > until:
                return
            self._check_silence(now, t, end, until)
            if not self._is_ready(now, t, end, until):
                return
            frame = self._make(t, end)
            self._instant += 1
            if frame is not None:
                if self.config.grace and end >= self._live:
                    self.delays.append(max(now - end, 0))
                yield frame

    def _hear(self, now: int) -> None:
        """Note who is silent."""
        gap = 0 if self._polled is None else now - self._polled
        self._polled = now
        for stream in self.streams.values():
            stream.hear(now, max(min(gap, STALL), 0))

    def _check_silence(self, now: int, t: int, end: int, until: int | None) -> None:
        """End the episode when a stream that the frame needs is dead; in lockstep a silent world only stands still."""
        for stream in self.streams.values():
            if self.config.grace is not None and is_dead(stream) and not self._has(stream, t, end, until):
                raise StaleError(silence_words(stream))

    def missing(self) -> list[str]:
        """Return the topics that have no sample at all."""
        return [topic for topic, stream in self.streams.items() if stream.watermark is None]

    def is_waiting_for(self, until: int) -> list[str]:
        """Return the topics that keep the frames up to an instant [ns] from being made."""
        t, end = self.instant(self._instant), self.instant(self._instant + 1)
        if self.start is None or end > until:
            return []
        return [s.topic for s in self.streams.values() if not self._has(s, t, end, until)]

    def _delay(self) -> dict[str, float] | None:
        """Return how long after their end frames were made [s, ROS time]; None where time does not pass by itself."""
        if not self.delays:
            return None
        p50, p99, longest = np.percentile(self.delays, (50, 99, 100)) / SECOND
        return {"p50": round(float(p50), 4), "p99": round(float(p99), 4), "max": round(float(longest), 4)}

    def _check_time(self) -> None:
        back = [stream.topic for stream in self.streams.values() if stream.went_back]
        if back:
            raise StaleError(f"ROS time went back on {', '.join(back)} (a reset of the world?)")

    def _is_ready(self, now: int, t: int, end: int, until: int | None) -> bool:
        """Return whether every stream has what belongs to a frame, or is silent."""
        waiting = [stream for stream in self.streams.values() if not self._has(stream, t, end, until)]
        if not waiting or self.config.grace is None:
            return not waiting
        patience = round(self.config.grace * SECOND)
        return now >= end + patience and all(now >= stream.heard + patience for stream in waiting)

    def _has(self, stream: Stream, t: int, end: int, until: int | None) -> bool:
        """Return whether nothing that belongs to the frame can still come on a stream."""
        if stream.watermark is None:
            return False
        mark = stream.watermark + ROUNDING
        if stream not in self._commands:
            # A world that stands still at t has not published its joints for t: they come with the next step.
            # Nor has a camera that is slower than the frames one for each: at the end its newest picture is the last that comes.
            is_last = until is not None and self.config.grace is None and stream in self._images
            return mark >= (t - round(self.config.max_age_images * SECOND) if is_last else t)
        # In force at the end of [t, end): the last command before `end`.
        if mark >= end:
            return True
        return until is not None and self.config.grace is None and mark >= end - round(self.config.slack * SECOND)

    def _make(self, t: int, end: int) -> DatasetFrame | None:
        seen, answered = t + ROUNDING, end - ROUNDING - 1
        if self._index == 0 and any(
            stream.newest(answered if stream in self._commands else seen) is None for stream in self.streams.values()
        ):
            self.skipped += 1
            return None
        taken = [(stream, *stream.take(seen)) for stream in (*self._states, *self._images, *self._environment)]
        taken += [(stream, *stream.take(answered)) for stream in self._commands]
        stale = tuple(stream.topic for stream, _, is_stale in taken if is_stale)
        if any(sample is None for _, sample, _ in taken):
            raise StaleError(
                overrun_words([stream for stream, sample, _ in taken if sample is None], self.streams.values())
            )
        if stale and not self._accept(stale):
            return None
        samples = {stream.topic: sample.payload for stream, sample, _ in taken if sample is not None}
        frame = DatasetFrame(self._index, t, self._values(samples), stale)
        self._note(frame, samples, end)
        self._index += 1
        return frame

    def _note(self, frame: DatasetFrame, samples: Mapping[str, Any], end: int) -> None:
        """Note what the frame shows, and who commanded it.

        Raises:
            StaleError: If a hand commanded a robot, and commands no more although its leader is not known to live.
        """
        sources = {stream.topic: samples[stream.topic].source for stream in self._commands}
        pictures = {stream.topic: samples[stream.topic] for stream in self._images}
        self.watch.see(frame.values[STATE], frame.values[ACTION], pictures, any(sources.values()))
        for topic, source in sources.items():
            if source:
                self._commanders[topic] = (source, end)
                continue
            last, at = self._commanders.get(topic, ("", end))
            is_alive = end - self.leaders.get(last, -(1 << 62)) < HAND_SILENCE
            if self.config.grace is not None and last.startswith(BY_HAND) and end - at >= HAND_SILENCE and not is_alive:
                raise StaleError(
                    f"no source commands {topic.partition('/')[0]} any more: nothing has come from '{last}' for "
                    f"{(end - at) / SECOND:.2f} s, and its leader does not answer; the robot holds"
                )

    def _accept(self, stale: tuple[str, ...]) -> bool:
        """Return whether a frame with stale samples is kept."""
        if self.config.on_stale is OnStale.FAIL:
            raise StaleError(f"stale: {', '.join(stale)}")
        if self.config.on_stale is OnStale.DROP:
            self.dropped += 1
            return False
        self.marked.append((self._index, stale))
        return True

    def _values(self, samples: Mapping[str, Any]) -> dict[str, Any]:
        schema = self.schema
        states: list[JointSample] = [samples[stream.topic] for stream in self._states]
        commands: list[CommandSample] = [samples[stream.topic] for stream in self._commands]
        self.sources.update(command.source for command in commands if command.source)
        values: dict[str, Any] = {
            STATE: schema.vector([state.position for state in states]),
            ACTION: schema.vector([command.target for command in commands]),
        }
        if schema.with_velocity:
            values[VELOCITIES] = schema.velocity_vector([state.velocity for state in states])
        if schema.with_effort:
            values[EFFORTS] = schema.effort_vector([state.effort for state in states])
        for feature, vector in values.items():
            if not np.isfinite(vector).all():
                names = ", ".join(name for name, value in zip(schema.names(), vector) if not np.isfinite(value))
                raise RecordingError(
                    f"{feature} has no number for {names}; valid: a recording without it, or robots that publish it"
                )
        for stream in self._environment:
            values[ENVIRONMENT] = samples[stream.topic]
        for camera, stream in zip(schema.cameras, self._images):
            values[schema.keys[camera.name]] = samples[stream.topic]
        if schema.with_intervention:
            values[INTERVENTION] = np.array([any(command.source.startswith(BY_HAND) for command in commands)])
        return values
