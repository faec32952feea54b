"""A robot's device shadows at AWS IoT: a view of its newest beacon, and nothing else.

A robot has one named shadow for each operator, and a policy lets an operator read its own. A robot writes `reported` and
never `desired`, reads no shadow, and nobody's shadow moves anything: what is asked of a robot comes as a signed message.
The document holds the beacon as it was signed, so that its reader need not believe AWS.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from strands_robots.core.errors import ConfigurationError, NoAnswerError
from strands_robots.fleet.aws_transport import AwsConnection
from strands_robots.fleet.bodies import Beacon
from strands_robots.fleet.envelope import open_envelope
from strands_robots.fleet.member import MemberKind
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.topics import kind_of
from strands_robots.fleet.transport import OnData

PERIOD = 5.0
"""Time between two updates of a shadow while the robot's state stays the same [s]."""

SHORTEST = 1.0
"""Shortest time between two updates [s]."""


class ShadowView:
    """Keeps a robot's shadows. A `Transport` that carries only the robot's own beacons, and brings nothing.

    Args:
        connection: The robot's own.
        roster: Returns the present roster; its operators have a shadow each.
        now: Steady clock [s].
    """

    name = "aws shadow"

    def __init__(
        self, connection: AwsConnection, roster: Callable[[], Roster], now: Callable[[], float] = time.monotonic
    ) -> None:
        from awsiot import iotshadow

        self._sdk, self._thing, self._roster, self._now = iotshadow, connection.name, roster, now
        self._client = iotshadow.IotShadowClientV2(connection.client, _options())
        self._lock = threading.Lock()
        self._state, self._at = "", float("-inf")
        self.problem = ""

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        """Put a beacon into the shadows when its state is new, or the last one is old."""
        if kind_of(topic) != "beacon":
            return
        beacon = open_envelope(data).body
        assert isinstance(beacon, Beacon)
        with self._lock:
            age = self._now() - self._at
            if age < SHORTEST or (beacon.state == self._state and age < PERIOD):
                return
            self._state, self._at = beacon.state, self._now()
        reported = {"state": beacon.state, "stop": beacon.stop, "roster": beacon.roster, "beacon": data.decode()}
        for member in self._roster().members:
            if member.kind is MemberKind.OPERATOR:
                self._update(member.name, reported)

    def subscribe(self, topic: str, on_data: OnData) -> None:
        """Bring nothing: a shadow is no way to a robot."""

    def close(self) -> None:
        """The connection belongs to the caller."""

    def _update(self, shadow: str, reported: dict[str, Any]) -> None:
        state = self._sdk.ShadowState(reported=reported)
        request = self._sdk.UpdateNamedShadowRequest(thing_name=self._thing, shadow_name=shadow, state=state)
        self._client.update_named_shadow(request).add_done_callback(lambda done: self._on_done(shadow, done))

    def _on_done(self, shadow: str, done: Future[Any]) -> None:
        error = done.exception()
        self.problem = f"the shadow '{shadow}' was not updated: {_words(error)}" if error is not None else ""


@dataclass(frozen=True)
class ShadowReading:
    """What a robot's shadow says: how it was once, and never that it is there now.

    Attributes:
        beacon: What the robot signed.
        sequence: Number of the beacon.
    """

    beacon: Beacon
    sequence: int


def read_shadow(connection: AwsConnection, roster: Roster, robot: str, timeout: float = 5.0) -> ShadowReading:
    """Return what the operator's own shadow of a robot says.

    Args:
        connection: The operator's.
        roster: Whose keys count.
        robot: Name of the robot.
        timeout: How long to wait [s].

    Raises:
        NoAnswerError: If there is no shadow, or AWS does not let the operator read it.
        FleetRefusedError: If its document is no beacon.
        ConfigurationError: If the robot did not sign it.
    """
    from awsiot import V2ServiceException, iotshadow

    client = iotshadow.IotShadowClientV2(connection.client, _options(timeout))
    request = iotshadow.GetNamedShadowRequest(thing_name=robot, shadow_name=connection.name)
    try:
        answer = client.get_named_shadow(request).result(timeout + 1.0)
    except (V2ServiceException, TimeoutError, RuntimeError) as error:
        raise NoAnswerError(f"the shadow of '{robot}' for '{connection.name}' was not read: {error}") from error
    envelope = open_envelope(str((answer.state.reported or {}).get("beacon", "")).encode())
    member = roster.find(robot)
    if member is None or envelope.sender != robot or not envelope.is_signed_by(member.key):
        raise ConfigurationError(f"the shadow of '{robot}' holds no beacon that it signed; valid: its own")
    if not isinstance(envelope.body, Beacon):
        raise ConfigurationError(f"the shadow of '{robot}' holds a {envelope.kind}; valid: a beacon")
    return ShadowReading(envelope.body, envelope.sequence)


def _words(error: BaseException | None) -> str:
    said = getattr(error, "modeled_error", None)
    return str(getattr(said, "message", None) or getattr(error, "message", None) or error)


def _options(timeout: float = 5.0) -> Any:
    from awscrt import mqtt_request_response

    return mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=20, max_streaming_subscriptions=1, operation_timeout_in_seconds=int(timeout)
    )
