"""The stop latch inside a gate: closed by anything, opened only by a fresh arming epoch of a living supervisor."""

from __future__ import annotations

from strands_robots.control.heartbeat import Heartbeat

CONFIRMATIONS = 2


class ArmingLatch:
    """Says whether one robot may move.

    It starts closed. It closes on any stop, on a heartbeat that does not arm this robot, and when heartbeats are
    missing.

    It counts. The count rises whenever it closes, at every direct stop and at every stop of the supervisor that it
    hears of for the first time, closed or not. It opens only when, since it closed, `CONFIRMATIONS` heartbeats of one
    session came with increasing sequences that carry an epoch above every epoch seen before, and that admit this very
    start of the robot node *with the present count*. The supervisor learns the count from gate_state and admits it at a
    resume, so a resume is a compare-and-swap: a stop that reached this latch after the report on which the resume was
    based makes the resume void (docs/adr/0003).

    Not thread-safe: the gate holds its lock around every call. No I/O; time is passed in.

    Attributes:
        is_closed: True while nothing may move.
        reason: Why it is closed; empty when open.
        epoch: Highest arming epoch seen; while open the one that opened it.
        count: Closings and stops so far.
        heard_stop: Session and number of the last stop of a supervisor that was heard; ("", 0) before the first.
        is_retired: True when it stays closed for good.
    """

    def __init__(self, robot: str, session: str, timeout: float) -> None:
        self.is_closed = True
        self.reason = "starting"
        self.epoch = 0
        self._robot = robot
        self._session = session
        self._timeout = timeout
        self.count = 0
        self.heard_stop = ("", 0)
        self.is_retired = False
        self._supervisor = ""
        self._sequence = -1
        self._last_beat = 0.0
        self._confirmations = 0

    def close(self, reason: str, *, is_new_stop: bool = False) -> None:
        """Close, or stay closed and ask again for every confirmation. The first reason is kept, but for "starting".

        Args:
            reason: Why.
            is_new_stop: True for a stop that no resume given so far can have meant.
        """
        if not self.is_closed or is_new_stop:
            self.count += 1
        if not self.is_closed or self.reason == "starting":
            self.reason = reason
        self.is_closed = True
        self._confirmations = 0

    def retire(self) -> None:
        """Close for good: no heartbeat opens it any more."""
        self.close("retired", is_new_stop=True)
        self.reason, self.is_retired = "retired", True

    def check(self, now: float) -> None:
        """Close when no heartbeat came for the timeout. `now` is steady time [s]."""
        if not self.is_closed and now - self._last_beat > self._timeout:
            self.close("heartbeat_lost")

    def on_heartbeat(self, beat: Heartbeat, now: float) -> None:
        """Take one heartbeat received at steady time `now` [s]; repeated and reordered ones count for nothing."""
        self.check(now)
        if self.is_retired:
            return
        if not beat.armed:
            self._on_stopped(beat)
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
        elif beat.arm_epoch != self.epoch:
            self.close("missed_stop")
        elif not self._is_admitted(beat):
            self.close("not_admitted")

    def _on_stopped(self, beat: Heartbeat) -> None:
        # A stop is taken from any session and any sequence. That a replayed one changes nothing for the worse follows from the epoch,
        # which only rises, and from the latch count that a resume must name.
        if beat.session != self._supervisor:
            self._adopt(beat)
        self._sequence = max(self._sequence, beat.sequence)
        session, stop_id = self.heard_stop
        is_new_stop = beat.session != session or beat.stop_id > stop_id
        if is_new_stop:
            self.heard_stop = (beat.session, beat.stop_id)
        self.close(f"stop: {beat.reason}" if beat.reason else "stop", is_new_stop=is_new_stop)
        self.epoch = max(self.epoch, beat.arm_epoch)

    def _adopt(self, beat: Heartbeat) -> None:
        self._supervisor = beat.session
        self._sequence = beat.sequence
        self._confirmations = 0

    def _confirm(self, beat: Heartbeat) -> None:
        is_valid = beat.arm_epoch > self.epoch and self._is_admitted(beat)
        self._confirmations = self._confirmations + 1 if is_valid else 0
        if self._confirmations >= CONFIRMATIONS:
            self.is_closed = False
            self.reason = ""
            self.epoch = beat.arm_epoch
            self._confirmations = 0

    def _is_admitted(self, beat: Heartbeat) -> bool:
        session, count = beat.admitted.get(self._robot), beat.latch_counts.get(self._robot)
        return session == self._session and count == self.count
