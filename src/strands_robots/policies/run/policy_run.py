"""One run of a policy on one robot, as a state machine: it is told what was seen, and says what to do next. No ROS, no I/O."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np

from strands_robots.control.gate import GateReport
from strands_robots.control.latch_advice import latch_advice
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.types import Action, Instant, Observation, Playback
from strands_robots.motion.ensemble import TemporalEnsemble
from strands_robots.policies.run.action_check import check_action
from strands_robots.policies.run.joint_motion import Motion
from strands_robots.policies.run.timing import LatencyRecord, replan_time
from strands_robots.policies.run.unplayed import UnplayedChunks


class RunReason(str, enum.Enum):
    """Why a run ended; the values of RunPolicy's termination_reason."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    REFUSED = "refused"
    OBSERVATION_LOST = "observation_lost"
    POLICY_FAILED = "policy_failed"
    WORLD_FAILED = "world_failed"
    CONDITION_MET = "condition_met"
    NOT_ACHIEVED = "not_achieved"


class Blending(str, enum.Enum):
    """How a fresh chunk follows the one being played; the values of RunPolicy's blending."""

    SPLICE = "splice"
    ENSEMBLE = "ensemble"
    RTC = "rtc"


@dataclass(frozen=True)
class RunConfig:
    """Options of a run.

    Attributes:
        robot: Name of the robot.
        source: Who the chunks say that they are from, "policy/<name>".
        duration: End after this much ROS time [s]; 0 is no limit.
        steps: End after this many rows; 0 is no limit.
        lifetime: How long a chunk may wait to be accepted [s].
        observation_timeout: An observation older than this ends the run [s].
        start_timeout: Wait for the first observation [s, steady time].
        lease_wait: Wait for the robot to be let go by another source before the first chunk [s, steady time].
        max_refusals: This many chunks in a row that the gate did not play end the run.
        blending: How a fresh chunk follows the running one.
        execute_rows: Rows of a chunk to play before the policy is asked again; 0: half of it.
        is_realtime: False where time stands still while the policy is asked.
        counts_latency: True where the time of inferences passes all the same, though the world is stepped.

    Raises:
        ConfigurationError: If neither duration nor steps is given, or a number is not usable.
    """

    robot: str
    source: str
    duration: float = 0.0
    steps: int = 0
    lifetime: float = 0.5
    observation_timeout: float = 0.5
    start_timeout: float = 3.0
    lease_wait: float = 1.0
    max_refusals: int = 3
    blending: Blending = Blending.SPLICE
    execute_rows: int = 0
    is_realtime: bool = True
    counts_latency: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration) and self.duration >= 0.0):
            raise ConfigurationError(f"duration is {self.duration}; valid: 0 (no limit) or seconds above 0")
        if self.duration == 0.0 and self.steps == 0:
            raise ConfigurationError("neither duration nor steps is given; valid: at least one of them above 0")


@dataclass(frozen=True)
class RunEnding:
    """Why and how a run ended."""

    reason: RunReason
    message: str


class PolicyRun:
    """Follows one run: what was seen, which chunk is out, when the next is due, and why it ends.

    Chunks overlap: the next inference starts when half of the running chunk is left, so a slow one does not interrupt
    the motion. The last chunk is cut to the end of the run: the robot then holds by itself.

    Args:
        config: Options.
        now: Time of the start.
        sequence: Sequence of the first chunk.

    Attributes:
        ending: Why the run ended; None while it goes on.
        observation: The latest; None before the first.
        chunks: Chunks made.
        motion: What the joints did.
        last_latency: Time of the last inference [s].
        last_age: Age of the last chunk's observation when the chunk was made [s].
        latencies: Times of all inferences.
        underruns: How often the chunk had been played to its end before the next one was there; the robot held meanwhile.
    """

    def __init__(self, config: RunConfig, now: Instant, sequence: int) -> None:
        self.config = config
        self.ending: RunEnding | None = None
        self.observation: Observation | None = None
        self.chunks = 0
        self.motion = Motion()
        self.last_latency = 0.0
        self.last_age = 0.0
        self.latencies = LatencyRecord()
        self.underruns = 0
        self._ensemble = TemporalEnsemble() if config.blending is Blending.ENSEMBLE else None
        self._row_0 = -math.inf
        self._sequence = sequence
        self._begin = now
        self._seen = now.steady
        self._heard = -math.inf
        self._report: GateReport | None = None
        self._start: float | None = None
        self._policy_end = math.inf
        self._period = 0.0
        self._covered_until = -math.inf
        self._replan_at = -math.inf
        self._unplayed = UnplayedChunks()
        self._commanded: tuple[tuple[str, ...], FloatArray] | None = None
        self._refusals_before: int | None = None

    # What is told -------------------------------------------------------------------------------------------

    def on_observation(self, observation: Observation, now: Instant) -> None:
        """Take the latest observation. Before the first chunk one from an earlier time is taken too: the world was reset."""
        if self._start is not None and self.observation is not None and observation.stamp < self.observation.stamp:
            before = self.observation.stamp
            self.end(RunReason.WORLD_FAILED, f"ROS time went back from {before:.3f} s to {observation.stamp:.3f} s")
            return
        self.observation = observation
        self._seen = now.steady
        if self._start is not None:
            self.motion.add(observation)

    def on_gate(self, report: GateReport, now: Instant) -> None:
        """Take the gate's state; a latched gate ends the run, and so does another source that takes the robot from it."""
        before, self._report, self._heard = self._report, report, now.steady
        if self._refusals_before is None:
            self._refusals_before = sum(report.refusals.values())
        if report.latched:
            self.end(RunReason.STOPPED, f"'{self.config.robot}' is latched: {latch_advice(report.latch_reason)}")
        elif before and before.lease_holder == self.config.source != report.lease_holder and report.lease_holder:
            self.end(RunReason.REFUSED, f"'{report.lease_holder}' took '{self.config.robot}' from the policy")

    def on_applied(self, source: str, sequence: int, joint_names: tuple[str, ...], values: FloatArray) -> None:
        """Take what the gate let through, values (D,) [rad].

        A chunk of this run among it is one that was not refused.
        """
        self._commanded = (joint_names, values)
        if source == self.config.source:
            self._unplayed.see(sequence)

    def begin(self, observation: Observation) -> None:
        """Let the run's time count from an observation whose answer comes later; without effect once it counts."""
        if self._start is None:
            self._start = observation.stamp
            self.motion.add(observation)

    def has_ended(self) -> bool:
        """Return whether the run is over."""
        return self.ending is not None

    def end(self, reason: RunReason, message: str) -> None:
        """End the run; the first reason stays."""
        self.ending = self.ending or RunEnding(reason, message)

    # What to do ---------------------------------------------------------------------------------------------

    def is_inference_due(self, now: Instant) -> bool:
        """Return whether the policy shall be asked now.

        Checks first whether the run is over, and then sets `ending`.
        """
        self._check(now)
        if self.has_ended() or self.observation is None or self._report is None:
            return False
        if self._start is None:
            return not self._waits_for_lease(self._report, now)
        return (
            now.ros >= self._replan_at
            and self._covered_until < self.end_time - 1e-9
            and self.observation.stamp < self.end_time
        )

    def playback(self, observation: Observation) -> Playback:
        """Return what is being played while the policy is asked about `observation`."""
        if self._start is None:
            return Playback()
        elapsed = round((observation.stamp - self._row_0) / self._period)
        return Playback(elapsed, self.latencies.delay_rows(self._period) if self._passes_time else 0)

    def make_chunk(self, action: Action, observation: Observation, latency: float, now: Instant) -> Chunk:
        """Return what to send for an action.

        Args:
            action: What the policy answered.
            observation: What it was asked.
            latency: How long that took [s].
            now: The present.

        Raises:
            PolicyError: If the action cannot be sent.
        """
        check_action(action, observation)
        self._period = action.control_period
        self.latencies.add(latency)
        if self._start is None:
            self._start = observation.stamp
            self.motion.add(observation)
        elif now.ros > self._covered_until + 1e-9:
            self.underruns += 1
        values = np.asarray(action.values, dtype=np.float64)
        names = tuple(action.joint_names)
        if self._ensemble is not None:
            values = self._ensemble.blend(names, values, observation.stamp, self._period)
        self._row_0 = observation.stamp
        if action.is_last:
            self._policy_end = observation.stamp + len(action.values) * self._period
        rows = min(len(action.values), max(math.ceil((self.end_time - observation.stamp) / self._period - 1e-6), 1))
        self._covered_until = observation.stamp + rows * self._period
        self._replan_at = replan_time(
            observation.stamp, self._covered_until, max(now.ros, observation.stamp),
            self.latencies.expected if self._passes_time else 0.0, self.config.execute_rows, self._period,
        )  # fmt: skip
        self.chunks += 1
        self.last_latency, self.last_age = latency, max(now.ros - observation.stamp, 0.0)
        self._unplayed.send(self._sequence, now.ros)
        chunk = Chunk(
            source=self.config.source,
            sequence=self._sequence,
            stamp=max(now.ros, observation.stamp),
            lifetime=self.config.lifetime,
            joint_names=names,
            values=values[:rows],
            mode=int(action.mode),
            control_period=self._period,
            observation_stamp=observation.stamp,
        )
        self._sequence += 1
        return chunk

    def make_hold(self, now: Instant) -> Chunk | None:
        """Return a chunk that holds the last commanded position, for a run that ends early.

        None when the run commanded nothing. The commanded position, not the measured one: under gravity they differ,
        and holding the measured one would sag.
        """
        if self._start is None or self._commanded is None:
            return None
        names, values = self._commanded
        chunk = Chunk(
            source=self.config.source, sequence=self._sequence, stamp=now.ros, lifetime=self.config.lifetime,
            joint_names=names, values=values.reshape(1, -1).copy(),
        )  # fmt: skip
        self._sequence += 1
        return chunk

    # What became of it --------------------------------------------------------------------------------------

    @property
    def lost_chunks(self) -> int:
        """Chunks that the gate had not played, though it had the time, when a later one was made."""
        return self._unplayed.lost

    @property
    def is_heard(self) -> bool:
        """True once the gate has been heard."""
        return self._report is not None

    @property
    def chunk_stamp(self) -> float:
        """ROS time of the observation of the last chunk [s]; minus infinity before the first."""
        return self._row_0

    @property
    def period(self) -> float:
        """Time between two rows [s]; 0 before the first chunk."""
        return self._period

    @property
    def covered_until(self) -> float:
        """ROS time until which there are rows to play [s]; minus infinity before the first chunk."""
        return self._covered_until

    @property
    def end_time(self) -> float:
        """ROS time at which the run is complete [s]; infinite before the first chunk."""
        if self._start is None:
            return math.inf
        ends = [self._policy_end]
        if self.config.duration > 0.0:
            ends.append(self._start + self.config.duration)
        if self.config.steps:
            ends.append(self._start + self.config.steps * self._period)
        return min(ends)

    def elapsed(self, now: Instant) -> float:
        """Return the ROS time since the first chunk's observation, at most until the end of the run [s]."""
        return 0.0 if self._start is None else max(min(now.ros, self.end_time) - self._start, 0.0)

    def steps(self, now: Instant) -> int:
        """Return how many rows were due so far."""
        if self._start is None or self._period == 0.0:
            return 0
        due = math.floor((min(now.ros, self.end_time) - self._start) / self._period + 1e-6)
        return max(min(due, self.config.steps or due), 0)

    @property
    def _passes_time(self) -> bool:
        return self.config.is_realtime or self.config.counts_latency

    def _waits_for_lease(self, report: GateReport, now: Instant) -> bool:
        """Return whether another source still holds the robot.

        After the wait the gate is asked anyway, and says who it is.
        """
        is_taken = report.lease_holder not in ("", self.config.source)
        return is_taken and now.steady - self._begin.steady < self.config.lease_wait

    def _check(self, now: Instant) -> None:
        """Set `ending` when the run is over at `now`."""
        if self.ending is not None:
            return
        if now.ros >= self.end_time - 1e-9:
            if len(self._unplayed) and self._has_new_refusals():
                self.end(
                    RunReason.REFUSED,
                    f"the last {len(self._unplayed)} of {self.chunks} chunks were not played; {self._last_refusal()}",
                )
            else:
                self.end(RunReason.COMPLETED, f"ran for {self.elapsed(now):.2f} s")
        elif (unplayed := self._unplayed.overdue(now.ros)) > self.config.max_refusals or (
            unplayed == self.config.max_refusals and now.ros >= self._replan_at
        ):
            self.end(RunReason.REFUSED, f"{unplayed} chunks in a row were not played; {self._last_refusal()}")
        elif self.observation is None or self._report is None:
            if now.steady - self._begin.steady > self.config.start_timeout:
                missing = "joint_states" if self.observation is None else "gate_state"
                self.end(
                    RunReason.OBSERVATION_LOST, f"no {self.config.robot}/{missing} within {self.config.start_timeout} s"
                )
        else:
            self._check_observation(self.observation, now)

    def _check_observation(self, observation: Observation, now: Instant) -> None:
        """End when the observation is too old.

        In a paused world ROS time stands still and the gate is still heard: then the run waits.
        """
        limit = self.config.observation_timeout
        age = now.ros - observation.stamp
        if age > limit:
            self.end(RunReason.OBSERVATION_LOST, f"the last observation is {age:.2f} s old; valid: up to {limit} s")
        elif now.steady - self._seen > limit and now.steady - self._heard > limit:
            self.end(
                RunReason.OBSERVATION_LOST,
                f"nothing has been heard of '{self.config.robot}' for {now.steady - self._seen:.2f} s",
            )

    def _has_new_refusals(self) -> bool:
        return self._report is not None and sum(self._report.refusals.values()) > (self._refusals_before or 0)

    def _last_refusal(self) -> str:
        reason = self._report.last_refusal if self._report is not None else ""
        return f"the gate's last refusal: {reason}" if reason else "the gate gave no reason"
