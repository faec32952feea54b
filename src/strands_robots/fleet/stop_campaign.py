"""A stop of several graphs as a state: repeated until each robot of the signed roster has proven that it rests."""

from __future__ import annotations

import enum
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from strands_robots.core.text import printable
from strands_robots.fleet.bodies import Stop, StopReport
from strands_robots.fleet.channel import Channel
from strands_robots.fleet.presence import Presence
from strands_robots.fleet.topics import topic_of
from strands_robots.fleet.transport import Transport

FIRST_PAUSE = 0.1
"""Time until a robot that has not confirmed is told again [s]; doubled each time."""

MOVING_PAUSE = 0.5
"""The same for one that has reported that it is latched, and says by itself when it rests [s]."""

LONGEST_PAUSE = 1.0
"""The pause grows no longer than this [s]."""


class StopOutcome(enum.Enum):
    """What is known of one robot."""

    AT_REST = "stopped at rest"
    MOVING = "latched, moving"
    NOT_LATCHED = "heard, not latched"
    NOT_HEARD = "not heard"


@dataclass(frozen=True)
class RobotOutcome:
    """What one robot said of this stop.

    Attributes:
        robot: Name of the member.
        outcome: What is known.
        confirmed_after: Time from the stop to the report of rest [s]; None without.
        age: Time since the robot was last heard of at all [s]; None for never.
    """

    robot: str
    outcome: StopOutcome
    confirmed_after: float | None
    age: float | None

    def words(self) -> str:
        """Return the outcome as a person reads it."""
        if self.outcome is StopOutcome.AT_REST:
            return f"STOPPED AT REST after {self.confirmed_after:.2f} s"
        if self.outcome is StopOutcome.NOT_HEARD:
            since = "since this command began" if self.age is None else f"for {self.age:.1f} s"
            return f"NOT HEARD {since}: IT MAY BE MOVING"
        return "LATCHED, STILL MOVING" if self.outcome is StopOutcome.MOVING else "HEARD, NOT LATCHED: IT MAY BE MOVING"


@dataclass
class _Repeat:
    """When a robot was told last, steady clock [s], and how long to wait before it is told again [s]."""

    sent: float
    pause: float = FIRST_PAUSE


class StopCampaign:
    """One stop. `advance` is called often; it never waits.

    The first message goes to the addressee. After that, each robot that has not confirmed is told by its own name, with
    growing pauses: what the others would have to check again costs a large fleet more than the stop itself. A robot that
    is heard, and has not confirmed, is told at once. Each repetition is the same message, signed once.

    Args:
        channel: Who stops.
        transport: Every way to the robots.
        addressee: "all", "cell-<name>" or a robot.
        reason: Why; made printable and cut to 256 characters.
        presence: Who was heard, for the words about silent robots.
        now: Steady clock [s].
    """

    def __init__(
        self,
        channel: Channel,
        transport: Transport,
        addressee: str,
        reason: str,
        presence: Presence,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel, self._transport, self._presence, self._now = channel, transport, presence, now
        self.addressee, self.is_superseded = addressee, False
        self._body = Stop(stop=uuid.uuid4().hex, reason=printable(reason)[:256])
        self._began, self._next_look = now(), float("-inf")
        self._messages: dict[str, tuple[str, bytes]] = {}
        self._repeats: dict[str, _Repeat] = {}
        self._reports: dict[str, StopReport] = {}
        self._rested: dict[str, float] = {}

    @property
    def stop_id(self) -> str:
        """Identity of the stop."""
        return self._body.stop

    def advance(self) -> None:
        """Send the stop where it is due. A stop that a newer one supersedes is not sent again."""
        now = self._now()
        if self.is_superseded or now < self._next_look:
            return
        self._next_look = now + FIRST_PAUSE / 2
        waiting = {entry.robot: entry.outcome for entry in self.outcomes() if entry.outcome is not StopOutcome.AT_REST}
        if not self._messages:
            self._repeats = {robot: _Repeat(now) for robot in waiting}
            self._send(self.addressee)
            return
        due = [robot for robot, outcome in waiting.items() if self._is_due(robot, outcome, now)]
        # A robot may stop its cell, and no other robot by name.
        for name in due if all(map(self._channel.me.may_stop, due)) else [self.addressee]:
            self._send(name)

    def _is_due(self, robot: str, outcome: StopOutcome, now: float) -> bool:
        """Return whether a robot is told again now, and set when it is told next."""
        repeat = self._repeats.setdefault(robot, _Repeat(float("-inf")))
        heard = self._presence.find(robot)
        is_heard_since = heard is not None and heard.at > repeat.sent
        pause = FIRST_PAUSE if is_heard_since else repeat.pause
        if now - repeat.sent < (max(pause, MOVING_PAUSE) if outcome is StopOutcome.MOVING else pause):
            return False
        repeat.sent, repeat.pause = now, min(2 * repeat.pause, LONGEST_PAUSE)
        return True

    def _send(self, addressee: str) -> None:
        if addressee not in self._messages:
            channel = self._channel
            topic = topic_of(channel.roster.fleet, channel.key.name, addressee, self._body)
            self._messages[addressee] = topic, channel.seal(addressee, self._body).encoded()
        topic, data = self._messages[addressee]
        self._transport.publish(topic, data, is_stop=True)

    def take(self, robot: str, report: StopReport) -> None:
        """Take a robot's report; one of another stop is left alone."""
        if report.stop != self.stop_id:
            return
        self._reports[robot] = report
        if report.is_at_rest:
            self._rested.setdefault(robot, self._now() - self._began)
            self._repeats.pop(robot, None)  # Should it start again, it is told at once.
        else:
            self._rested.pop(robot, None)

    @property
    def is_done(self) -> bool:
        """True when every robot of the roster that is meant has reported this stop, latched and at rest."""
        return all(outcome.outcome is StopOutcome.AT_REST for outcome in self.outcomes())

    def outcomes(self) -> tuple[RobotOutcome, ...]:
        """Return what is known of each robot that is meant, by the roster and not by who is present."""
        return tuple(self._outcome(robot.name) for robot in self._channel.roster.robots(self.addressee))

    def _outcome(self, robot: str) -> RobotOutcome:
        age, report = self._presence.age(robot), self._reports.get(robot)
        heard = self._presence.find(robot)
        if report is None or (heard is not None and heard.beacon.session != report.session):
            # A robot that has started again since its report has no evidence of this stop.
            return RobotOutcome(robot, StopOutcome.NOT_HEARD, None, age)
        if report.is_at_rest:
            return RobotOutcome(robot, StopOutcome.AT_REST, self._rested.get(robot, 0.0), age)
        return RobotOutcome(robot, StopOutcome.MOVING if report.is_latched else StopOutcome.NOT_LATCHED, None, age)
