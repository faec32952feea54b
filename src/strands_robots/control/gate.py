"""The gate: every command of one robot passes here, inside the process that moves the motors. ROS-free; no I/O."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import numpy as np

from strands_robots.control.admission import lay_out
from strands_robots.control.alarm import Alarm
from strands_robots.control.gate_types import GateConfig, GateReport, GateSummary, Setpoint
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.control.inner_loop import quiet_tick
from strands_robots.control.latch import ArmingLatch
from strands_robots.control.latch_advice import latched_message
from strands_robots.control.lease import Lease
from strands_robots.control.player import LATEST, ChunkPlayer
from strands_robots.control.readings import Readings
from strands_robots.control.refusal import ACCEPTED, Refusal, Refused, Verdict
from strands_robots.control.refusal_ledger import RefusalEntry, RefusalLedger
from strands_robots.control.rest import RestMonitor
from strands_robots.control.sequences import SequenceTable
from strands_robots.control.setpoint_guard import SetpointGuard
from strands_robots.control.supervision import Supervision
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import ShapeError
from strands_robots.core.types import Instant, JointLimits, StopCategory

__all__ = ["Gate", "GateConfig", "GateReport", "Setpoint"]


class Gate:
    """Decides for one robot what may be played, plays it, and stops it.

    Thread-safe: commands and stops come from other threads than the control loop's ticks. The lock is held for
    microseconds; the vectorised checks of a chunk run before it is taken.

    Args:
        config: Options.
        limits: Joint limits; their order is the order of every (D,) array here.
        position: Measured position at start (D,) [rad]; the robot holds it.
        supervision: What the robot watches of itself while it is armed; None for nothing.
        compiled: False has Python make every tick, also where the compiled inner loop was built.

    Attributes:
        supervision: As given.
        readings: What the robot node measures besides positions; it fills them in before a tick.
        wants_tick: Set when the actuators should see something before the next regular tick; `tick` clears it.
        wake: Called then, with the gate's lock held, by the thread that has the news; a control loop that sleeps is woken by it.
        world_frozen: Set by a simulation that cannot advance now; then the robot is at rest whatever its last velocity
            was, and missing ticks are no stall.
    """

    def __init__(
        self,
        config: GateConfig,
        limits: JointLimits,
        position: FloatArray,
        supervision: Supervision | None = None,
        *,
        compiled: bool = True,
    ) -> None:
        if np.shape(position) != (len(limits),):
            raise ShapeError(f"position has shape {np.shape(position)}; valid: ({len(limits)},)")
        self.config = config
        self.limits = limits
        self.supervision = supervision
        self.readings = Readings.of_size(len(limits))
        self.wants_tick = False
        self.wake: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._world_frozen = False
        self._latch = ArmingLatch(config.robot, config.session, config.heartbeat_timeout)
        self._lease = Lease(config.lease_timeout)
        self._sequences = SequenceTable()
        self._player = ChunkPlayer(limits, position, config.control_period, config.handover_speed)
        tolerance = supervision.tolerance if supervision is not None else None
        reach = config.follow_time * limits.velocity if tolerance is None else tolerance
        self._guard = SetpointGuard(limits, reach, config.sag_time)
        self._rest = RestMonitor(len(limits), config.rest_velocity, config.rest_duration)
        # Until the first arming a robot that would let go after a stop has no torque to let go of.
        self._setpoint = Setpoint(
            self._player.setpoint.position, config.stop_category is StopCategory.CONTROLLED_AND_HOLD
        )
        self._alarm: Alarm | None = None
        self._armed_at = math.inf
        self._last_ros = -math.inf
        self._last_steady = math.inf
        self._accepted = self._clamped = 0
        self._ledger = RefusalLedger()
        self._quiet = quiet_tick(self, LATEST) if compiled else None

    @property
    def is_latched(self) -> bool:
        """True while nothing may move this robot."""
        return self._latch.is_closed

    @property
    def alarm(self) -> Alarm | None:
        """The alarm of supervision that latched this robot; None when something else did, and once it is armed again."""
        return self._alarm

    @property
    def world_frozen(self) -> bool:
        """True while a simulation cannot advance."""
        return self._world_frozen

    @world_frozen.setter
    def world_frozen(self, frozen: bool) -> None:
        with self._lock:
            self._world_frozen = frozen
            self._last_steady = math.inf

    @property
    def lease_holder(self) -> str:
        """Source that holds the lease; empty when free."""
        return self._lease.holder

    def submit(self, chunk: Chunk, topic: str, now: Instant) -> Verdict:
        """Check a chunk whole and start playing it, or refuse it with a named reason.

        Args:
            chunk: As it arrived.
            topic: Where it arrived; sequences are kept for each (source, topic).
            now: The present.
        """
        try:
            return self._admit(chunk, topic, now)
        except Refused as refused:
            return self._count(refused, chunk.source)

    def refuse(self, refusal: Refusal, message: str, source: str = "") -> Verdict:
        """Count a refusal that the robot node itself decided, for example a live policy in a world that runs fast."""
        return self._count(Refused(refusal, message), source)

    def take_refusals(self) -> list[RefusalEntry]:
        """Return the refusals since the last call, by source and reason; for the audit, once a second."""
        with self._lock:
            return self._ledger.take()

    def stop(self, reason: str, now: Instant) -> None:
        """Latch at once, from any thread; the next tick applies the stop category."""
        with self._lock:
            self._latch.close(f"stop: {reason}"[:256], is_new_stop=True)
            self._drop()
            self._want_tick()

    def interrupt(self, reason: str, now: Instant) -> None:
        """Stop, because what the drives do may have departed from what they were told: once armed, all joints start as measured."""
        with self._lock:
            self._guard.interrupt()
        self.stop(reason, now)

    def explain_stop(self, reason: str, words: str) -> None:
        """Add words to the latch reason of a stop that was given as `reason`, once they have been read; from any thread."""
        with self._lock:
            if self._latch.reason == f"stop: {reason}":
                self._latch.reason = f"stop: {reason} {words}"[:256]

    def retire(self) -> None:
        """Latch for good, because what the gate commanded was taken away; from any thread (docs/adr/0005)."""
        with self._lock:
            self._latch.retire()
            self._drop()

    def on_heartbeat(self, beat: Heartbeat, now: Instant) -> None:
        """Take a heartbeat of the supervisor."""
        with self._lock:
            was_closed = self._latch.is_closed
            self._latch.on_heartbeat(beat, now.steady)
            if self._latch.is_closed and not was_closed:
                self._drop()
                self._want_tick()
            elif was_closed and not self._latch.is_closed:
                self._armed_at = now.ros
                self._alarm = None
                self._guard.begin()
                if self.supervision is not None:
                    self.supervision.restart()
                self._want_tick()

    def on_clock_jump(self, now: Instant) -> None:
        """Forget chunk and lease, because ROS time went backwards and their times mean nothing any more."""
        with self._lock:
            self._flush(now)

    def tick(self, now: Instant, dt: float, position: FloatArray, velocity: FloatArray) -> Setpoint:
        """Return what the actuators shall do from now on; the one call of the control loop.

        Args:
            now: The present.
            dt: Time since the last tick [s]; the set-point moves by what the limits allow in it.
            position: Measured positions (D,) [rad] or [m].
            velocity: Measured velocities (D,) [rad/s] or [m/s].

        Returns:
            The set-point; the same object at every call.
        """
        with self._lock:
            self.wants_tick = False
            if self._quiet is not None and self._quiet.tick(self, now, dt, position, velocity):
                return self._setpoint
            self._watch(now)
            self._rest.update(velocity, self._motion_time(now), now.steady)
            setpoint = self._setpoint
            if self.readings.detached:
                self._detach(self.readings.detached)
            if not self._latch.is_closed:
                joints = self._guard.take_start(self._player.setpoint.position, position)
                if joints is not None:
                    self._player.begin_at(position, joints)
            if self.supervision is not None and not self._latch.is_closed:
                self._supervise(self.supervision, now, dt, position)
            if self._latch.is_closed:
                self._apply_stop(dt, position, velocity)
                return setpoint
            # Without torque the set-point followed the measured position at every tick, so taking torque up makes no
            # jump.
            setpoint.torque_enabled = True
            setpoint.target = self._player.advance(now.ros, dt)
            if alarm := self._guard.check(setpoint.target, position):
                self._raise(alarm, position)
                self._apply_stop(dt, position, velocity)
                return setpoint
            if not self._player.is_playing:
                setpoint.source, setpoint.sequence = "", 0
            elif now.ros > self._player.end:
                self._lease.extend(self._motion_time(now))
            return setpoint

    def observe(self, now: Instant, velocity: FloatArray) -> None:
        """Take measured velocities (D,) while no tick is made, as of a robot that is not driven: its rest is evidence all the same."""
        with self._lock:
            self._rest.update(velocity, self._motion_time(now), now.steady)

    def restart(self, position: FloatArray, now: Instant) -> None:
        """Hold `position` (D,) [rad] at rest, with no chunk and no lease; for a simulated world that was reset."""
        with self._lock:
            self._flush(now)
            self._player.hold(position)
            self._guard.restart()
            if self.supervision is not None:
                self.supervision.restart()

    def is_latched_at(self, now: Instant) -> bool:
        """Return whether nothing may move this robot at `now`; what `report` would say, at a fraction of the cost."""
        with self._lock:
            return self._check_latch(now)

    def summary(self, now: Instant) -> GateSummary:
        """Return what of `report` is told at once when it changes, at a fraction of the cost."""
        with self._lock:
            return self._summarise(now)

    def report(self, now: Instant) -> GateReport:
        """Return the state of the gate at `now`."""
        with self._lock:
            zones = None if self.supervision is None else self.supervision.zones
            return GateReport(
                **self._summarise(now)._asdict(),
                robot=self.config.robot,
                session=self.config.session,
                stop_category=self.config.stop_category,
                max_velocity=self._rest.max_velocity,
                accepted=self._accepted,
                clamped=self._clamped,
                refusals=dict(self._ledger.totals),
                last_refusal=self._ledger.last,
                latch_count=self._latch.count,
                stop_session=self._latch.heard_stop[0],
                stop_id=self._latch.heard_stop[1],
                alarm="" if self._alarm is None else self._alarm.kind.value,
                speed_scale=1.0 if zones is None else zones.scale(now.steady),
                retired=self._latch.is_retired,
            )

    def _summarise(self, now: Instant) -> GateSummary:
        self._check_latch(now)
        self._lease.expire(self._motion_time(now))
        latch, rest = self._latch, self._rest
        is_measured = now.steady - rest.last_update < self.config.stall_timeout
        zones = None if self.supervision is None else self.supervision.zones
        at_rest = latch.is_retired or self._world_frozen or (is_measured and rest.is_at_rest(self._motion_time(now)))
        return GateSummary(
            latch.is_closed, latch.reason, latch.epoch, self._setpoint.torque_enabled, self._lease.holder,
            self._player.is_playing, at_rest, "" if zones is None else zones.zone(now.steady),
        )  # fmt: skip

    def _admit(self, chunk: Chunk, topic: str, now: Instant) -> Verdict:
        if self.is_latched:
            raise Refused(Refusal.LATCHED, latched_message(self.config.robot, self._latch.reason))
        planned, clamp_message = lay_out(chunk, self.config, self.limits, now, self._armed_at)
        if self.supervision is not None:
            self.supervision.check_chunk(planned, self._player.setpoint.position, now.ros)
        with self._lock:
            if self._check_latch(now):
                raise Refused(Refusal.LATCHED, latched_message(self.config.robot, self._latch.reason))
            self._sequences.check(chunk.source, topic, chunk.sequence, chunk.stamp + chunk.lifetime, now.ros)
            motion_time = self._motion_time(now)
            self._lease.check(chunk.source, motion_time)
            # A single command to a robot that holds is no trajectory that could begin elsewhere: its way is the limiter's.
            holder = self._lease.holder
            is_handover = holder != chunk.source and (bool(holder) or len(chunk.values) > 1)
            self._guard.on_command(motion_time, holder != chunk.source, self._player.is_at_rest)
            self._lease.take(chunk.source, motion_time, motion_time + max(planned.end - now.ros, 0.0))
            self._player.play(planned, is_handover=is_handover)
            self._setpoint.source, self._setpoint.sequence = chunk.source, chunk.sequence
            self._accepted += 1
            self._clamped += bool(clamp_message)
            self._want_tick()
        return Verdict(True, None, clamp_message, True) if clamp_message else ACCEPTED

    def _check_latch(self, now: Instant) -> bool:
        """Latch when the heartbeat is missing; return whether nothing may move. The caller holds the lock."""
        self._latch.check(now.steady)
        if self._latch.is_closed:
            self._drop()
        return self._latch.is_closed

    def _watch(self, now: Instant) -> None:
        self._latch.check(now.steady)
        if now.ros < self._last_ros - 1e-9:
            self._flush(now)
        if (
            self._player.is_playing
            and not self.world_frozen
            and now.steady - self._last_steady > self.config.stall_timeout
        ):
            self._latch.close("stalled")
        self._last_ros, self._last_steady = now.ros, now.steady
        if self._latch.is_closed:
            self._drop()

    def _supervise(self, supervision: Supervision, now: Instant, dt: float, position: FloatArray) -> None:
        """Latch on an alarm; else use as much of the speed as is allowed now. The supervisor hears of it by gate_state."""
        alarm = supervision.check(now, dt, self._player, position, self.readings)
        if alarm is None:
            self._player.setpoint.scale_speed(supervision.speed_scale)
            return
        self._raise(alarm, position)

    def _raise(self, alarm: Alarm, position: FloatArray) -> None:
        self._alarm = alarm
        self._latch.close(f"stop: {alarm}"[:256], is_new_stop=True)
        self._drop()
        if alarm.kind.gives_way:
            gives_way = np.isfinite(self._guard.reach) if self.supervision is None else self.supervision.gives_way
            self._player.setpoint.give_way(position, gives_way)

    def _detach(self, reason: str) -> None:
        """Latch, because the drives do not act on set-points."""
        if not self._latch.is_closed:
            self._latch.close(f"stop: {reason}"[:256], is_new_stop=True)
            self._drop()
        self._guard.detach(self.readings.is_detached)

    def _apply_stop(self, dt: float, position: FloatArray, velocity: FloatArray) -> None:
        setpoint = self._setpoint
        if self.readings.detached:
            self._player.setpoint.follow(position, velocity, self.readings.is_detached, dt)
        category = self.config.stop_category
        if setpoint.torque_enabled:
            if category is StopCategory.TORQUE_OFF:
                setpoint.torque_enabled = False
            else:
                braked = self._player.setpoint.brake(dt)
                if braked and category is StopCategory.CONTROLLED_THEN_OFF:
                    setpoint.torque_enabled = False
        if not setpoint.torque_enabled:
            self._player.hold(position)
        setpoint.target = self._player.setpoint.position

    def _want_tick(self) -> None:
        self.wants_tick = True
        if self.wake is not None:
            self.wake()

    def _drop(self) -> None:
        """Drop chunk and lease; the caller holds the lock and has closed the latch, or says since when it is open."""
        self._player.drop()
        self._lease.clear()
        self._setpoint.source, self._setpoint.sequence = "", 0
        self._armed_at = math.inf

    def _flush(self, now: Instant) -> None:
        armed_at = min(self._armed_at, now.ros)
        self._drop()
        self._armed_at, self._last_ros = armed_at, now.ros

    def _motion_time(self, now: Instant) -> float:
        return now.steady if self.config.lease_on_steady_clock else now.ros

    def _count(self, refused: Refused, source: str) -> Verdict:
        message = str(refused)[:1024]
        with self._lock:
            self._ledger.count(source[:128], refused.refusal.value, message)
        return Verdict(False, refused.refusal, message)
