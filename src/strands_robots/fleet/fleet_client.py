"""What robots, operators and auditors have in common: hearing each other, rosters, presence, witnessing, and sending in order."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path

from strands_robots.fleet.bodies import Beacon, Body, RenewedCertificate, StopReport, Witness
from strands_robots.fleet.channel import Channel, Received
from strands_robots.fleet.inbox import Inbox
from strands_robots.fleet.peer_watch import PeerWatch
from strands_robots.fleet.presence import Presence
from strands_robots.fleet.refusal import FleetRefusal, FleetRefusedError
from strands_robots.fleet.renewal import Renewal
from strands_robots.fleet.topics import ROSTER, kind_of, outward, read_by, topic_of
from strands_robots.fleet.transport import OnData, Transport

SHORTEST_GAP = 0.9
"""A robot looks at no two beacons of another robot within this [s]: it wants to know that it is there, and its audit log."""


class FleetClient:
    """A member on the fleet's transports, from its start to its end.

    Args:
        channel: What seals and opens.
        transport: The way to the others; belongs to the caller.
        take: Takes every message that was let in, in one thread.
        capacity: Messages that may wait for `take`; stops are none of them.
        now: Steady clock [s].
        on_refusal: Takes each refusal, for the log.
        folder: The member's, for what it witnesses and for its next certificate; None to keep and renew nothing.
    """

    def __init__(
        self,
        channel: Channel,
        transport: Transport,
        take: Callable[[Received], None],
        capacity: int,
        now: Callable[[], float] = time.monotonic,
        on_refusal: Callable[[FleetRefusedError], None] = lambda error: None,
        folder: Path | None = None,
    ) -> None:
        self.channel, self.transport, self.presence = channel, transport, Presence(now)
        self.watch = PeerWatch(self.presence, channel, folder, now)
        self.session = uuid.uuid4().hex
        self.renewal = Renewal(folder, channel.key) if folder is not None else None
        self._take_it, self._on_refusal = take, on_refusal
        self._now = now
        self._beacons: dict[str, float] = {}
        self._topics: set[str] = set()
        self._on_stop: OnData | None = None
        self._inbox: Inbox[tuple[str, bytes]] = Inbox(self._on_item, capacity, "fleet messages")

    def subscribe(self, on_stop: OnData | None = None) -> None:
        """Listen to what the roster gives this member; a newer roster may give it more.

        Args:
            on_stop: Takes what arrives on topics of stops, past the queue of everything else.
        """
        self._on_stop = on_stop or self._on_stop
        for topic in read_by(self.channel.roster, self.channel.me):
            if topic not in self._topics:
                self._topics.add(topic)
                is_stop = kind_of(topic) == "stop" and self._on_stop is not None
                self.transport.subscribe(topic, self._on_stop if is_stop and self._on_stop else self._on_data)

    def send(self, to: str, body: Body, on_sealed: Callable[[int], None] | None = None) -> None:
        """Seal and publish a message; it never overtakes one of this member's that was sealed before.

        Args:
            to: Addressee; empty for every member that listens.
            body: What it says; no stop (stop_campaign.py): that one waits for no order.
            on_sealed: Takes its number before anyone can have heard it.
        """
        self.queue(to, body, on_sealed)
        self.publish()

    def queue(self, to: str, body: Body, on_sealed: Callable[[int], None] | None = None) -> None:
        """Seal a message, to be published by `publish`. For callers that hold a lock which a stop may need."""

        def seal() -> Callable[[], None]:
            envelope = self.channel.seal(to, body)
            if on_sealed is not None:
                on_sealed(envelope.sequence)
            topic = topic_of(self.channel.roster.fleet, self.channel.key.name, to, body)
            is_stop = isinstance(body, StopReport)
            return lambda: self.transport.publish(topic, envelope.encoded(), is_stop)

        self.channel.outbox.add(seal)

    def publish(self) -> None:
        """Publish what is queued, in the order of its numbers."""
        self.channel.outbox.publish()

    def renew(self) -> None:
        """Ask for the next certificate when it is time. Called often; never waits."""
        asked = self.renewal.request() if self.renewal is not None else None
        if asked is not None:
            self.send("", asked)

    def refuse(self, error: FleetRefusedError) -> None:
        """Count a refusal that the channel did not make, and hand it to the log."""
        self.channel.count(error)
        self._on_refusal(error)

    def refused(self, error: FleetRefusedError) -> None:
        """Hand a refusal of the channel's own to the log."""
        self._on_refusal(error)

    def close(self) -> None:
        """Take no more messages."""
        self._inbox.close()
        self.watch.say_heard()

    def _on_data(self, topic: str, data: bytes) -> None:
        # Only what was opened counts: a forged beacon must not stand in the way of the true one.
        if self._now() - self._beacons.get(topic, float("-inf")) < SHORTEST_GAP:
            return
        if not self._inbox.put((topic, data)):
            self.refuse(FleetRefusedError(FleetRefusal.TOO_MANY, "the queue of messages is full"))

    def _on_item(self, item: tuple[str, bytes]) -> None:
        topic, data = item
        if kind_of(topic) == ROSTER:
            self._take_roster(data)
            return
        try:
            received = self.channel.open(data)
        except FleetRefusedError as error:
            self._on_refusal(error)
            return
        if isinstance(received.body, Beacon):
            if self.channel.me.is_robot and received.sender.is_robot:
                self._beacons[outward(self.channel.roster.fleet, received.sender.name, "beacon")] = self._now()
            for witness in self.watch.beacon(received.envelope, received.body):
                self.send("", witness)
        elif isinstance(received.body, Witness):
            self.watch.witness(received.envelope)
        elif isinstance(received.body, RenewedCertificate) and self.renewal is not None:
            self.renewal.take(received.body)
        self._take_it(received)

    def _take_roster(self, data: bytes) -> None:
        try:
            self.channel.keeper.accept(data)
        except FleetRefusedError as error:
            self.refuse(error)
        except OSError as error:
            self.refuse(FleetRefusedError(FleetRefusal.OLD_ROSTER, f"a new roster cannot be written: {error}"))
        else:
            self.subscribe()
