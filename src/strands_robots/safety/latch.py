"""The stop latch inside a gate: closed by anything, opened only by a fresh arming epoch of a living supervisor."""

from __future__ import annotations

from strands_robots.safety.heartbeat import Heartbeat

CONFIRMATIONS = 2


class ArmingLatch:
    """Says whether one robot may move.

    It starts closed. It closes on any stop, on a heartbeat that does not arm this robot, and when heartbeats are missing. It opens
    only when, since it closed, `CONFIRMATIONS` heartbeats of one session came with increasing sequences that admit this very start
    of the robot node and carry an epoch above every epoch seen before. After a stop that did not come from the supervisor it must
    also have seen the supervisor stopped, so that heartbeats sent before the supervisor heard of the stop cannot open it.

    Not thread-safe: the gate holds its lock around every call. No I/O; time is passed in.

    Attributes:
        is_closed: True while nothing may move.
        reason: Why it is closed; empty when open.
        epoch: Highest arming epoch seen.
    """

    def __init__(self, robot: str, session: str, timeout: float) -> None:
        self.is_closed = True
        self.reason = "starting"
        self.epoch = 0
        self._robot = robot
        self._session = session
        self._timeout = timeout
        self._needs_stopped_supervisor = False
        self._supervisor = ""
        self._sequence = -1
        self._last_beat = 0.0
        self._confirmations = 0

    def close(self, reason: str, *, needs_stopped_supervisor: bool = False) -> None:
        """Close, or stay closed and ask again for every confirmation. The first reason is kept, but for "starting"."""
        if not self.is_closed or self.reason == "starting":
            self.reason = reason
        self.is_closed = True
        self._confirmations = 0
        self._needs_stopped_supervisor |= needs_stopped_supervisor

    def check(self, now: float) -> None:
        """Close when no heartbeat came for the timeout. `now` is steady time [s]."""
        if not self.is_closed and now - self._last_beat > self._timeout:
            self.close("heartbeat_lost")

    def on_heartbeat(self, beat: Heartbeat, now: float) -> None:
        """Take one heartbeat received at steady time `now` [s]; repeated and reordered ones count for nothing."""
        self.check(now)
        if not beat.armed:
            self._on_stopped(beat, now)
            return
        if beat.session != self._supervisor:
            if not self.is_closed:
                self.close("second_supervisor")
            self._adopt(beat)
        elif beat.sequence <= self._sequence:
            return
        else:
            self._sequence = beat.sequence
        self._last_beat = now
        if self.is_closed:
            self._confirm(beat)
        elif beat.admitted.get(self._robot) != self._session:
            self.close("not_admitted")
        else:
            self.epoch = max(self.epoch, beat.arm_epoch)

    def _on_stopped(self, beat: Heartbeat, now: float) -> None:
        # A stop is taken from any session and any sequence. Only a fresh one counts as "the supervisor knows".
        is_fresh = beat.session != self._supervisor or beat.sequence > self._sequence
        if beat.session != self._supervisor:
            self._adopt(beat)
        self._sequence = max(self._sequence, beat.sequence)
        self.close(f"stop: {beat.reason}" if beat.reason else "stop")
        if is_fresh:
            self._last_beat = now
            self._needs_stopped_supervisor = False
            self.epoch = max(self.epoch, beat.arm_epoch)

    def _adopt(self, beat: Heartbeat) -> None:
        self._supervisor = beat.session
        self._sequence = beat.sequence
        self._confirmations = 0

    def _confirm(self, beat: Heartbeat) -> None:
        is_valid = (
            beat.arm_epoch > self.epoch
            and not self._needs_stopped_supervisor
            and beat.admitted.get(self._robot) == self._session
        )
        self._confirmations = self._confirmations + 1 if is_valid else 0
        if self._confirmations >= CONFIRMATIONS:
            self.is_closed = False
            self.reason = ""
            self.epoch = beat.arm_epoch
            self._confirmations = 0
