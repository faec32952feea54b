"""An operator's or auditor's side of the fleet: who is there, stops with evidence, requests and their answers."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from strands_robots.core.errors import ConfigurationError, NoAnswerError
from strands_robots.core.validation import problems_of
from strands_robots.fleet.bodies import (
    Beacon,
    BeaconEcho,
    Body,
    Challenge,
    ChallengeRequest,
    PictureReference,
    PictureRequest,
    RenewalRequest,
    Result,
    Resume,
    StopReport,
    Tell,
    Witness,
)
from strands_robots.fleet.channel import Channel, Received
from strands_robots.fleet.fleet_client import FleetClient
from strands_robots.fleet.picture_upload import PERIOD
from strands_robots.fleet.presence import PRESENT
from strands_robots.fleet.refusal import FleetRefusal, FleetRefusedError
from strands_robots.fleet.renewal_answers import RenewalAnswers
from strands_robots.fleet.stop_campaign import StopCampaign
from strands_robots.fleet.topics import ROSTER, inward
from strands_robots.fleet.transport import Transport
from strands_robots.safety.resume import PURPOSE, ResumeRequest

BEACON_PERIOD = 1.0
"""Time between two beacons [s]."""

OWNER_BEACON_PERIOD = 0.2
"""The same while a robot does what this operator told it: robots end it when they miss their owner's beacons [s]."""

SILENCE = 2.0
"""Longer than a robot waits for its operator [s]."""

MOST_REQUESTS = 1024
"""Requests whose answers are kept."""

MOST_WAITING = 4096
"""Messages that wait to be looked at."""

MOST_STOPS = 63
"""Earlier stops whose reports are still taken."""

_POLL = 0.02
BodyT = TypeVar("BodyT", bound=Body)


class Station:
    """An operator at work. A thread of its own sends its heartbeat and repeats its stops.

    Args:
        channel: What seals and opens.
        transport: The way to the robots.
        now: Steady clock [s].
        on_refusal: Takes each refusal, for the log.
        folder: The member's, for what it witnesses and for its next certificate; None to keep and renew nothing.
        renewals: Answers requests for certificates, on the authority's machine; None elsewhere.
    """

    def __init__(
        self,
        channel: Channel,
        transport: Transport,
        now: Callable[[], float] = time.monotonic,
        on_refusal: Callable[[FleetRefusedError], None] = lambda error: None,
        folder: Path | None = None,
        renewals: RenewalAnswers | None = None,
    ) -> None:
        self._client = FleetClient(channel, transport, self._take, MOST_WAITING, now, on_refusal, folder)
        self.channel, self.presence, self.session = channel, self._client.presence, self._client.session
        self.witnesses, self.send = self._client.watch.book, self._client.send
        self.seen_by: list[tuple[str, Witness]] = []
        self._now, self.renewals = now, renewals
        self._campaigns: tuple[StopCampaign, ...] = ()
        self._silent_until = float("-inf")
        self._asked: OrderedDict[str, str] = OrderedDict()
        self._answers: dict[str, Challenge | Result | PictureReference] = {}
        self._open_tells: set[str] = set()
        self._pictures: dict[str, float] = {}
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._client.subscribe()
        self._thread = threading.Thread(target=self._run, name="fleet station", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the heartbeat. The transport belongs to the caller."""
        self._ending.set()
        self._thread.join(1.0)
        self._client.close()

    def let_go(self) -> None:
        """Send no beacon for so long that each robot ends what this operator has told it. Stops go on."""
        self._silent_until = self._now() + SILENCE

    # --- Stop -------------------------------------------------------------------------------------------------

    def stop(self, addressee: str, reason: str) -> StopCampaign:
        """Stop robots, at once, and go on until each has confirmed or the station closes.

        Args:
            addressee: "all", "cell-<name>" or a robot.
            reason: Why.
        """
        campaign = StopCampaign(self.channel, self._client.transport, addressee, reason, self.presence, self._now)
        campaign.advance()
        for other in self._campaigns:
            # The newer stop says the same to the same robots; only that one has to go on.
            other.is_superseded = other.is_superseded or other.addressee == addressee
        self._campaigns = (*self._campaigns[-MOST_STOPS:], campaign)
        return campaign

    def wait_for(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Return whether a condition came true in time [s]."""
        deadline = self._now() + timeout
        with self._changed:
            while not condition():
                if self._now() > deadline:
                    return False
                self._changed.wait(_POLL)
        return True

    # --- Requests ---------------------------------------------------------------------------------------------

    def echo(self, robot: str, timeout: float = PRESENT) -> BeaconEcho:
        """Return what a request to a robot echoes.

        Raises:
            NoAnswerError: If the robot was not heard in time.
        """
        if not self.wait_for(lambda: self.presence.is_present(robot), timeout):
            raise NoAnswerError(f"robot '{robot}' was not heard for {timeout:g} s; valid: a robot that sends beacons")
        heard = self.presence.find(robot)
        assert heard is not None
        return heard.echo

    def ask_challenge(self, robot: str, timeout: float) -> Challenge:
        """Return what a graph wants signed for its resume; raises NoAnswerError."""
        request = ChallengeRequest(request=uuid.uuid4().hex, echo=self.echo(robot))
        answer = self._ask(robot, request, request.request, timeout)
        if isinstance(answer, Result):
            raise NoAnswerError(f"robot '{robot}' refused ({answer.refusal}): {answer.message}")
        if not isinstance(answer, Challenge):
            raise NoAnswerError(f"robot '{robot}' answered something else; valid: a challenge")
        return answer

    def resume(self, robot: str, reason: str, timeout: float) -> Result:
        """Resume one graph with this operator's signature on the graph's own challenge; raises NoAnswerError."""
        given = self.ask_challenge(robot, timeout)
        if not given.success:
            return Result(request=given.request, state="done", message=given.message)
        key = self.channel.key
        asked = ResumeRequest(f"operator/{key.name}", reason, given.graph_stop)
        signature = ""
        if given.signature_needed:
            asked = ResumeRequest(asked.source, reason, given.graph_stop, given.challenge, key.public.key_id)
            signature = key.sign(PURPOSE, asked.statement(given.run_id, given.safety_session)).hex()
        body = Resume(
            request=uuid.uuid4().hex, echo=self.echo(robot), reason=reason, graph_stop=given.graph_stop,
            challenge=asked.challenge, key_id=asked.key_id, signature=signature,
        )  # fmt: skip
        answer = self._ask(robot, body, body.request, timeout)
        if not isinstance(answer, Result):
            raise NoAnswerError(f"robot '{robot}' answered something else; valid: a result")
        return answer

    def tell(self, robot: str, is_hardware: bool, action: str, fields: str, needs_person: bool = False) -> str:
        """Ask a robot for a goal and return the request's identity; `result` has what became of it."""
        body = Tell.model_validate(
            {"request": uuid.uuid4().hex, "echo": self.echo(robot).model_dump(), "is_hardware": is_hardware,
             "action": action, "fields": fields, "needs_person": needs_person}
        )  # fmt: skip
        self._open_tells.add(body.request)
        self._request(robot, body, body.request)
        return body.request

    def ask_picture(self, robot: str, camera: str, url: str, timeout: float) -> PictureReference:
        """Have a robot upload one picture, and return what it says of it.

        Args:
            robot: The robot.
            camera: Its camera, "<robot>/<camera>".
            url: Where it goes (picture_store.py).
            timeout: How long it may take [s].

        Raises:
            NoAnswerError: If the robot refuses or does not answer.
            ConfigurationError: If it was asked a moment ago, or the camera's name or the URL is too long for a message.
        """
        age = self._now() - self._pictures.get(robot, float("-inf"))
        if age < PERIOD:
            raise ConfigurationError(f"robot '{robot}' was asked {age:.1f} s ago; valid: one picture in {PERIOD:g} s")
        self._pictures[robot] = self._now()
        echo = self.echo(robot)
        try:
            request = PictureRequest(request=uuid.uuid4().hex, echo=echo, camera=camera, url=url)
        except ValidationError as error:
            # Credentials with a long session token make a long URL.
            text = f"{problems_of(error, 'picture')} ({len(camera)} and {len(url)} characters)"
            raise ConfigurationError(f"{text}; valid: a camera of at most 128, a URL of at most 2560") from error
        answer = self._ask(robot, request, request.request, timeout)
        if not isinstance(answer, PictureReference):
            said = getattr(answer, "message", "it answered something else")
            raise NoAnswerError(f"robot '{robot}' gives no picture: {said}")
        return answer

    def result(self, request: str) -> Challenge | Result | PictureReference | None:
        """Return the newest answer to a request."""
        return self._answers.get(request)

    def publish_roster(self, data: bytes) -> None:
        """Send a signed roster to every robot."""
        self._client.transport.publish(inward(self.channel.roster.fleet, "all", ROSTER, self.channel.key.name), data)

    def _ask(self, robot: str, body: Body, request: str, timeout: float) -> Challenge | Result | PictureReference:
        self._request(robot, body, request)
        if not self.wait_for(lambda: request in self._answers, timeout):
            raise NoAnswerError(f"robot '{robot}' did not answer within {timeout:g} s")
        return self._answers[request]

    def _request(self, robot: str, body: Body, request: str) -> None:
        self._asked[request] = robot
        if len(self._asked) > MOST_REQUESTS:
            forgotten, _ = self._asked.popitem(last=False)
            self._answers.pop(forgotten, None)
            self._open_tells.discard(forgotten)
        self.send(robot, body)

    # --- What arrives -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        beaten = float("-inf")
        while not self._ending.wait(_POLL):
            for campaign in self._campaigns:
                campaign.advance()
            period = OWNER_BEACON_PERIOD if self._open_tells else BEACON_PERIOD
            if self._now() - beaten > period and self._now() >= self._silent_until:
                beaten = self._now()
                self.send("", Beacon(session=self.session, state="none", roster=self.channel.roster.version))
                self.channel.numbers.save()
                self._client.renew()

    def _take(self, received: Received) -> None:
        body, sender = received.body, received.sender.name
        if isinstance(body, StopReport):
            for campaign in self._campaigns:
                campaign.take(sender, body)
        elif isinstance(body, (Challenge, Result, PictureReference)):
            # Only the robot that was asked answers for itself.
            if self._asked.get(body.request) == sender:
                self._answers[body.request] = body
                if isinstance(body, Result) and body.state in ("refused", "done"):
                    self._open_tells.discard(body.request)
        elif isinstance(body, Witness):
            self.seen_by.append((sender, body))
            del self.seen_by[:-10000]
        elif isinstance(body, RenewalRequest) and self.renewals is not None:
            self._renew(sender, body, self.renewals)
        with self._changed:
            self._changed.notify_all()

    def _renew(self, sender: str, asked: RenewalRequest, renewals: RenewalAnswers) -> None:
        try:
            self.send(sender, renewals.answer(sender, asked))
        except (ConfigurationError, ValueError, OSError) as error:
            # What a member sends may be no certificate request at all, and the authority's files may be gone.
            renewals.refused[sender] = str(error)
            self._client.refuse(FleetRefusedError(FleetRefusal.NOT_ALLOWED, str(error), sender))
