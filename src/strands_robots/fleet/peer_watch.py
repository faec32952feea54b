"""What a member hears of its peers: who is there, what their audit logs say, and how long they were silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from strands_robots.fleet.bodies import Beacon, Witness
from strands_robots.fleet.channel import Channel
from strands_robots.fleet.envelope import Envelope
from strands_robots.fleet.presence import PRESENT, Presence
from strands_robots.fleet.topics import witnessed_by
from strands_robots.fleet.witness_book import WitnessBook
from strands_robots.fleet.witness_ledger import WitnessLedger

HEARD_PERIOD = 60.0
"""Time between two lines of who was heard [s]."""


class PeerWatch:
    """Takes beacons and co-signatures. Called by one thread.

    Args:
        presence: Who was heard.
        channel: Whose roster counts.
        folder: Where what is witnessed is kept; None for nowhere.
        now: Steady clock [s].
    """

    def __init__(self, presence: Presence, channel: Channel, folder: Path | None, now: Callable[[], float]) -> None:
        self._presence, self._channel, self._now = presence, channel, now
        self._ledger = WitnessLedger(folder) if folder is not None else None
        self.book = WitnessBook(self._ledger, lambda: witnessed_by(channel.roster, channel.me), now)
        if folder is not None:
            self.book.remember(folder)
        self._said = now()

    def beacon(self, envelope: Envelope, beacon: Beacon) -> Iterator[Witness]:
        """Take a member's beacon, and yield what is to be said about its audit log."""
        silence = self._presence.age(envelope.sender)
        self._presence.add(envelope.sender, envelope.sequence, beacon)
        if self._ledger is not None and silence is not None and silence > PRESENT:
            self._ledger.silent(envelope.sender, silence)
        if self._now() - self._said > HEARD_PERIOD:
            self.say_heard()
        yield from self.book.see(envelope)

    def witness(self, envelope: Envelope) -> None:
        """Take another member's co-signature."""
        if self._ledger is not None:
            self._ledger.witness(envelope)

    def say_heard(self) -> None:
        """Write down how long ago each robot of the roster was heard; one that never was is left out."""
        self._said = self._now()
        if self._ledger is not None:
            robots = [member.name for member in self._channel.roster.members if member.is_robot]
            ages = {name: self._presence.age(name) for name in robots}
            self._ledger.heard({name: age for name, age in ages.items() if age is not None})
