"""A robot's side of the fleet: stops at once, says what its gates say, and takes fresh requests of those who may ask."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.text import printable
from strands_robots.fleet.bodies import (
    Beacon,
    ChallengeRequest,
    PictureReference,
    PictureRequest,
    Result,
    Resume,
    Stop,
    StopReport,
    Tell,
)
from strands_robots.fleet.channel import Channel, Received
from strands_robots.fleet.fleet_client import FleetClient
from strands_robots.fleet.freshness import SentBeacons
from strands_robots.fleet.graph_link import GraphLink, GraphReport
from strands_robots.fleet.inbox import Inbox
from strands_robots.fleet.member import CELL_PREFIX, MemberKind, Right
from strands_robots.fleet.picture_upload import PictureUpload
from strands_robots.fleet.refusal import FleetRefusal, FleetRefusedError
from strands_robots.fleet.stop_campaign import FIRST_PAUSE, StopCampaign
from strands_robots.fleet.transport import Transport

BEACON_PERIOD = 1.0
"""Time between two beacons while nothing changes [s]; a change is said at the next tick."""

OWNER_TIMEOUT = 1.0
"""An operator that was not heard for longer loses its goals [s]."""

REMEMBERED_STOPS = 256
"""Stops whose repetitions are known. A stop that was forgotten stops once more; none is ever refused for lack of room."""

MOST_WAITING = 256
"""Messages that wait to be looked at; stops are none of them."""

_CELL_STOP_TIME = 10.0


@dataclass
class _KnownStop:
    """A stop that was given to the graph.

    Attributes:
        stop: What was asked.
        sender: Whom the report is for.
        given: When the graph was told last, steady clock [s].
        is_confirmed: Every gate has been latched since; from then on a repetition changes nothing.
        reported: The last report, to tell a change.
        reported_at: When it was sent, steady clock [s].
    """

    stop: Stop
    sender: str
    given: float
    is_confirmed: bool = False
    reported: StopReport | None = None
    reported_at: float = field(default=float("-inf"))


class RobotMember:
    """Wires a robot's graph to the fleet. `tick` is called ten times a second, by one thread.

    Args:
        channel: What seals and opens.
        transport: The way to the others.
        graph: The robot's graph.
        now: Steady clock [s].
        on_refusal: Takes each refusal, for the log.
        folder: The member's, for what it witnesses and for its next certificate; None to keep and renew nothing.
        pictures: Where its pictures go; None to give none.
        on_picture: Takes operator, camera and SHA-256 of each picture before it leaves, for the log.
    """

    def __init__(
        self,
        channel: Channel,
        transport: Transport,
        graph: GraphLink,
        now: Callable[[], float] = time.monotonic,
        on_refusal: Callable[[FleetRefusedError], None] = lambda error: None,
        folder: Path | None = None,
        pictures: PictureUpload | None = None,
        on_picture: Callable[[str, str, str], None] = lambda operator, camera, sha256: None,
    ) -> None:
        self._client = FleetClient(channel, transport, self._take, MOST_WAITING, now, on_refusal, folder)
        self.channel, self.presence, self.session = channel, self._client.presence, self._client.session
        self.send = self._client.send
        self._graph, self._now = graph, now
        self.sent = SentBeacons(self.session, now)
        self._lock = threading.RLock()
        self._stops: dict[str, _KnownStop] = {}
        self._order: deque[str] = deque()
        self._newest_stop = ""
        self._beaten = float("-inf")
        self._last_beacon: object = None
        self._last_state = ""
        self._owners: dict[str, float] = {}
        self._cell_stop: tuple[StopCampaign, float] | None = None
        self._calls: Inbox[tuple[Tell | Resume | ChallengeRequest, str]] = Inbox(self._call, 16, "fleet requests")
        # An upload may take seconds, and must hold up no resume.
        self._pictures, self._on_picture = pictures, on_picture
        self._uploads: Inbox[tuple[PictureRequest, str]] = Inbox(self._upload, 2, "fleet pictures")
        # Latched before anything is heard: a stop may have been given while this robot was off, and nothing else knows it.
        # A state, not a message: `tick` repeats it until the graph says that it is not armed.
        self._opening = uuid.uuid4().hex
        self._stop_at_opening()
        self._client.subscribe(self._on_stop)

    def close(self) -> None:
        """Take no more requests. The transport belongs to the caller."""
        self._client.close()
        self._calls.close()
        self._uploads.close()

    @property
    def renewal_problem(self) -> str:
        """What keeps its certificate from being renewed; empty for nothing."""
        return self._client.renewal.problem if self._client.renewal is not None else ""

    def tick(self) -> None:
        """Send what is due: a beacon, evidence of stops, a stop of the cell."""
        report = self._graph.report()
        if self._opening:
            report = self._stop_at_opening(report)
        now = self._now()
        self._watch_cell(report, now)  # First: it may be a stop.
        seen = (
            report.state,
            report.graph_stop,
            tuple((gate.robot, gate.is_latched, gate.is_at_rest) for gate in report.gates),
        )
        if now - self._beaten >= BEACON_PERIOD or seen != self._last_beacon:
            self._beaten, self._last_beacon = now, seen
            self._beat(report)
        with self._lock:
            for known in list(self._stops.values()):
                if not known.is_confirmed or (known.reported is not None and not known.reported.is_at_rest):
                    self._confirm(known)
        self._client.publish()
        self._watch_owners()
        self._client.renew()

    def _stop_at_opening(self, report: GraphReport | None = None) -> GraphReport:
        """Stop the graph unless it has just reported that it is not armed; return what it says then."""
        if report is None or not _is_not_armed(report):
            source = f"fleet/{self.channel.key.name}"
            self._graph.stop(self._opening, source, "fleet_node has started: earlier stops are not known")
            report = self._graph.report()
        if _is_not_armed(report):
            self._opening = ""
        return report

    # --- Stops ------------------------------------------------------------------------------------------------

    def _on_stop(self, topic: str, data: bytes) -> None:
        try:
            received = self.channel.open(data)
        except FleetRefusedError as error:
            self._client.refused(error)
            return
        if isinstance(received.body, Stop):
            self._stop(received.body, received.sender.name)

    def _stop(self, stop: Stop, sender: str) -> None:
        known, now = self._stops.get(stop.stop), self._now()
        is_due = known is None or (not known.is_confirmed and now - known.given > FIRST_PAUSE / 2)
        if is_due:
            # Before any lock is taken: whatever another thread does with it, the graph is stopped.
            self._graph.stop(stop.stop, f"fleet/{sender}", stop.reason)
        with self._lock:
            known = self._stops.get(stop.stop) or self._remember(_KnownStop(stop, sender, now))
            known.given = now if is_due else known.given
            self._confirm(known, is_asked=True)
        self._client.publish()

    def _remember(self, known: _KnownStop) -> _KnownStop:
        self._stops[known.stop.stop] = known
        self._newest_stop = known.stop.stop
        self._order.append(known.stop.stop)
        if len(self._order) > REMEMBERED_STOPS:
            self._stops.pop(self._order.popleft(), None)
        return known

    def _confirm(self, known: _KnownStop, is_asked: bool = False) -> None:
        """Report what the gates said since the stop, when it changed or is asked for again."""
        evidence = self._graph.evidence(known.stop.stop)
        known.is_confirmed = known.is_confirmed or evidence.is_latched
        report = StopReport(
            stop=known.stop.stop, session=self.session, gates=list(evidence.gates), is_complete=evidence.is_complete
        )
        now = self._now()
        has_changed = known.reported is None or (
            (report.is_latched, report.is_at_rest) != (known.reported.is_latched, known.reported.is_at_rest)
        )
        if has_changed or (is_asked and now - known.reported_at > FIRST_PAUSE / 2):
            known.reported, known.reported_at = report, now
            self._client.queue(known.sender, report)

    def _watch_cell(self, report: GraphReport, now: float) -> None:
        """Stop the cell when this robot's graph was stopped by something of its own, where the roster allows it."""
        was_armed, self._last_state = self._last_state == "armed", report.state
        is_own = not report.stop_source.startswith("fleet/")
        if was_armed and report.state != "armed" and is_own and Right.STOP_CELL in self.channel.me.rights:
            addressee = CELL_PREFIX + self.channel.me.cell
            reason = f"{self.channel.key.name} stopped: {report.stop_source or report.state}"[:256]
            self._cell_stop = (
                StopCampaign(self.channel, self._client.transport, addressee, reason, self.presence, self._now),
                now,
            )
        if self._cell_stop is not None:
            campaign, began = self._cell_stop
            campaign.advance()
            if campaign.is_done or now - began > _CELL_STOP_TIME:
                self._cell_stop = None

    # --- Everything else --------------------------------------------------------------------------------------

    def _take(self, received: Received) -> None:
        body, sender = received.body, received.sender.name
        if isinstance(body, StopReport) and self._cell_stop is not None:
            self._cell_stop[0].take(sender, body)
        elif isinstance(body, (Tell, Resume, ChallengeRequest, PictureRequest)):
            self._asked(body, sender)

    def _asked(self, body: Tell | Resume | ChallengeRequest | PictureRequest, sender: str) -> None:
        try:
            self.sent.check(body.echo, sender)
            if isinstance(body, Tell):
                self._check_kind(body, sender)
        except FleetRefusedError as error:
            text = str(error)[:512]
            self.send(sender, Result(request=body.request, state="refused", refusal=error.refusal.value, message=text))
            self._client.refuse(error)
        else:
            if not (
                self._uploads.put((body, sender))
                if isinstance(body, PictureRequest)
                else self._calls.put((body, sender))
            ):
                text = "too many requests wait for the graph; valid: ask again later"
                self.send(sender, Result(request=body.request, state="refused", refusal="too_many", message=text))

    def _call(self, item: tuple[Tell | Resume | ChallengeRequest, str]) -> None:
        """Make a call of the graph, which may take seconds, in a thread where nothing else waits for it."""
        body, sender = item
        source = f"fleet/{sender}"
        if isinstance(body, ChallengeRequest):
            self.send(sender, self._graph.challenge(body, source))
        elif isinstance(body, Resume):
            self.send(sender, self._graph.resume(body, source))
        else:
            # A fresh tell is a sign of life too: the operator's first beacon may come later.
            self._owners[sender] = self._now()
            self._graph.tell(body, source, lambda result: self.send(sender, result))

    def _upload(self, item: tuple[PictureRequest, str]) -> None:
        """Take a picture and upload it, in a thread where nothing else waits for it."""
        asked, sender = item
        try:
            if self._pictures is None:
                raise ConfigurationError("this robot gives no pictures; valid: a fleet.yaml with `pictures`")
            self._pictures.check(asked.url)
            data = self._graph.picture(asked.camera)
            digest = hashlib.sha256(data).hexdigest()
            self._on_picture(sender, asked.camera, digest)
            self._pictures.put(asked.url, data)
        except StrandsRobotsError as error:
            text = printable(str(error))[:512]
            self.send(sender, Result(request=asked.request, state="refused", refusal="no_picture", message=text))
        else:
            self.send(
                sender, PictureReference(request=asked.request, camera=asked.camera, sha256=digest, size=len(data))
            )

    def _check_kind(self, tell: Tell, sender: str) -> None:
        is_hardware = self.channel.me.kind is MemberKind.ROBOT
        if tell.is_hardware is not is_hardware:
            meant, given = ("hardware", "a simulation") if tell.is_hardware else ("a simulation", "hardware")
            raise FleetRefusedError(
                FleetRefusal.OTHER_KIND_OF_ROBOT,
                f"the tell is for {meant}; '{self.channel.key.name}' is {given}",
                sender,
            )

    def _watch_owners(self) -> None:
        for owner, told in list(self._owners.items()):
            age, since = self.presence.age(owner), self._now() - told
            if min(since, since if age is None else age) > OWNER_TIMEOUT:
                self._owners.pop(owner, None)
                self._graph.owner_is_gone(f"fleet/{owner}")

    def _beat(self, report: GraphReport) -> None:
        beacon = Beacon(
            session=self.session,
            state=report.state,
            gates=list(report.gates),
            stop=self._newest_stop,
            graph_stop=report.graph_stop,
            roster=self.channel.roster.version,
            checkpoint=report.checkpoint,
        )
        self.send("", beacon, self.sent.add)


def _is_not_armed(report: GraphReport) -> bool:
    """Return whether the graph itself says that nothing may move; a graph that is not heard says nothing."""
    return report.state not in ("armed", "unheard")
