"""Several robots that move as one: they begin together, by one clock, and what ends one of them brakes all. ROS-free."""

from __future__ import annotations

import time
from collections.abc import Sequence

from strands_robots.core.chunk import Chunk
from strands_robots.core.types import Instant
from strands_robots.motion.motion_goal import MotionRobotLink, MotionSession
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.motion_run import LARGEST_LAG, MotionEnding
from strands_robots.motion.watch import START_TIMEOUT

_POLL = 0.02  # [s]


class GroupMotion:
    """The sessions of one plan, one for each robot. Belongs to one thread; what each session is told may come from any.

    Before anything moves, every robot gets a chunk that holds it where it is: only when all gates let theirs through does the motion
    begin. So a gate that refuses, or a lease that another source holds, leaves all robots at rest.

    Args:
        sessions: One for each robot; their tasks play parts of one plan.

    Attributes:
        sessions: The same.
    """

    def __init__(self, sessions: Sequence[MotionSession]) -> None:
        self.sessions = tuple(sessions)
        self._first: MotionEnding | None = None
        self._has_begun = False

    @property
    def is_over(self) -> bool:
        """Return whether every robot's part has ended."""
        return all(session.ending is not None for session in self.sessions)

    @property
    def ending(self) -> MotionEnding | None:
        """Why the motion ended: what ended the first part that did not reach its end; None while it goes on."""
        if not self.is_over:
            return None
        return self._first or self.sessions[0].ending

    def is_ready(self, now: Instant) -> bool:
        """Return whether every robot is heard and free; ends all where one cannot move."""
        ready = [session.look(now) for session in self.sessions]
        self._spread()
        return all(ready)

    def prepare(self) -> None:
        """Plan every part; ends all where one cannot be played."""
        for session in self.sessions:
            if session.ending is None:
                session.prepare()
        self._spread()

    def end(self, reason: MotionReason, message: str) -> None:
        """End at once; the first reason stays."""
        for session in self.sessions:
            session.end(reason, message)
        self._spread()

    def next_chunks(self, now: Instant) -> list[Chunk | None]:
        """Return what to send to each robot at `now`; call after `prepare`."""
        nothing: list[Chunk | None] = [None] * len(self.sessions)
        if not self._has_begun and not self._spread():
            claims = [session.claim(now) for session in self.sessions]
            if self._spread():
                return nothing
            if not all(session.watch.is_played for session in self.sessions):
                return claims
        is_new = not self._has_begun
        self._look_for_lag(now)
        self._spread()
        chunks = [session.next_chunk(now) for session in self.sessions]
        if not self._spread():
            self._has_begun = True
            return chunks
        if is_new:
            return nothing
        # One of them has begun to brake, or has ended: what the others were to do next is replaced by the brake, from this very moment.
        return [session.next_chunk(now) or chunk for session, chunk in zip(self.sessions, chunks)]

    def _look_for_lag(self, now: Instant) -> None:
        for session in self.sessions:
            with session.changed:
                if session.ending is None and session.run is not None and session.run.is_behind:
                    session.brake(
                        MotionReason.BLOCKED,
                        f"'{session.robot}' is more than {LARGEST_LAG:g} s behind the clock that moves all robots of the plan",
                    )

    def _spread(self) -> bool:
        """Brake all where one has ended or brakes; return whether that is so."""
        for session in self.sessions:
            why = session.why_it_ends
            if self._first is None and why is not None and why.reason is not MotionReason.REACHED:
                others = "all robots of the plan brake" if self._has_begun else "no robot of the plan was moved"
                self._first = MotionEnding(why.reason, f"'{session.robot}': {why.message}; {others}")
        if self._first is None:
            return False
        for session in self.sessions:
            if session.why_it_ends is None:
                stop = session.brake if self._has_begun else session.end
                stop(MotionReason.CANCELLED, self._first.message)
        return True


def run_together(group: GroupMotion, links: Sequence[MotionRobotLink]) -> None:
    """Carry the parts of one plan out on robots that move in their own time, until all of them have ended.

    Args:
        group: The motion.
        links: The way to each robot, in the order of its sessions.
    """
    sessions = group.sessions
    last = links[0].now().steady + START_TIMEOUT
    while not group.is_over:
        now = _now(links)
        if group.is_ready(now) and all(link.is_connected() for link in links):
            break
        if now.steady > last:
            missing = [
                f"{session.robot}/action_chunk" for session, link in zip(sessions, links) if not link.is_connected()
            ]
            why = (
                f"no subscriber to {', '.join(missing)}" if missing else "not all robots of the plan are heard and free"
            )
            group.end(MotionReason.REFUSED, f"{why} within {START_TIMEOUT:g} s")
        _wait(sessions[0])
    if not group.is_over:
        group.prepare()
    while not group.is_over:
        for link, chunk in zip(links, group.next_chunks(_now(links))):
            if chunk is not None:
                link.send(chunk)
        _wait(sessions[0])


def _now(links: Sequence[MotionRobotLink]) -> Instant:
    """Return the one present of all robots: the latest that is known of."""
    return Instant(max(link.now().ros for link in links), time.monotonic())


def _wait(session: MotionSession) -> None:
    with session.changed:
        session.changed.wait(_POLL)
