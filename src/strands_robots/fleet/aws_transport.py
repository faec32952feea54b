"""AWS IoT Core as the way between members: MQTT 5 by AWS's own SDK (awsiotsdk 1.31), TLS on both sides."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.aws_policy import NOT_CARRIED
from strands_robots.fleet.fleet_file import AwsEntry
from strands_robots.fleet.inbox import Inbox
from strands_robots.fleet.mqtt_config import to_mqtt
from strands_robots.fleet.mqtt_transport import EXPIRY, KEEP_ALIVE, MOST_WAITING
from strands_robots.fleet.topics import is_included, kind_of
from strands_robots.fleet.transport import OnData
from strands_robots.fleet.zenoh_config import TlsFiles

CERTIFICATE, KEY, AUTHORITY = "aws.pem", "aws.key", "aws_authority.pem"
"""Files of a member's folder: its certificate at AWS, the key, and the pinned authority where it is not a public one."""

_STOP_TIME = 5.0
_FAILED = 0x80
"""Reason codes of MQTT 5 from here on are failures."""
_Arrived = tuple[OnData, str, bytes]


@dataclass
class AwsConnection:
    """One MQTT 5 client of the SDK, started.

    Attributes:
        client: awscrt.mqtt5.Client, for the SDK's own service clients.
        name: The client's id: the thing's name.
    """

    client: Any
    name: str

    def __post_init__(self) -> None:
        self.stopped = threading.Event()

    def close(self) -> None:
        """Disconnect."""
        self.client.stop()
        self.stopped.wait(_STOP_TIME)


def connect(aws: AwsEntry, files: TlsFiles, name: str, listener: Any = None) -> AwsConnection:
    """Return a client that connects beside the caller, and again after each end of its link.

    Args:
        aws: Where AWS IoT Core is.
        files: Certificate, key and authority; no authority for the public ones of this machine.
        name: The client's id.
        listener: Has `on_message(topic, data)`, `on_link(is_new_session)` and `on_end(problem)`; None for nothing.

    Raises:
        ConfigurationError: If awsiotsdk is not installed, or a file cannot be used.
    """
    try:
        from awscrt import mqtt5
        from awscrt.exceptions import AwsCrtError
        from awsiot import mqtt5_client_builder
    except ImportError as error:
        raise ConfigurationError("awsiotsdk is not installed; install it with: pip install awsiotsdk") from error
    made: list[AwsConnection] = []
    settings: dict[str, Any] = {"ca_filepath": files.authority} if files.authority else {}
    if listener is not None:
        settings |= {
            "on_publish_received": lambda data: listener.on_message(
                data.publish_packet.topic, data.publish_packet.payload
            ),
            "on_lifecycle_connection_success": lambda data: listener.on_link(),
            "on_lifecycle_connection_failure": lambda data: listener.on_end(f"no link: {data.exception}"),
            "on_lifecycle_disconnection": lambda data: listener.on_end(f"the link ended: {data.exception}"),
        }
    try:
        client = mqtt5_client_builder.mtls_from_path(
            cert_filepath=files.certificate, pri_key_filepath=files.key, endpoint=aws.endpoint, port=aws.port, client_id=name,
            keep_alive_interval_sec=KEEP_ALIVE, session_behavior=mqtt5.ClientSessionBehaviorType.CLEAN,
            # What cannot be sent now is dropped: a stop that was kept would arrive after its resume.
            offline_queue_behavior=mqtt5.ClientOperationQueueBehaviorType.FAIL_ALL_ON_DISCONNECT,
            min_reconnect_delay_ms=500, max_reconnect_delay_ms=4000,
            on_lifecycle_stopped=lambda data: made[0].stopped.set() if made else None, **settings,
        )  # fmt: skip
    except (AwsCrtError, OSError, RuntimeError) as error:
        raise ConfigurationError(f"the certificate of '{name}' at AWS cannot be used: {error}") from error
    made.append(AwsConnection(client, name))
    client.start()
    return made[0]


class AwsTransport:
    """Publishes and subscribes through AWS IoT Core. QoS 0, never retained, expires; its link comes back by itself.

    Passes over what its policy has no right for (aws_policy.NOT_CARRIED): AWS would end the link, and stops with it.

    Args:
        aws: Where it is.
        files: See `connect`.
        name: The member, which is the thing and the client's id.

    Raises:
        ConfigurationError: See `connect`.
    """

    name = "aws"

    def __init__(self, aws: AwsEntry, files: TlsFiles, name: str) -> None:
        self._lock = threading.Lock()
        self._wanted: list[tuple[str, OnData]] = []
        self._waiting = 0
        self.is_connected, self.problem, self.dropped = False, "no link yet", 0
        # The SDK calls back in its only thread of input and output: it only hands over. The queue of stops has no bound.
        self._stops: Inbox[_Arrived] = Inbox(_hand_over, 0, "aws stops")
        self._others: Inbox[_Arrived] = Inbox(_hand_over, 4096, "aws messages")
        self.connection = connect(aws, files, name, self)

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        """Send bytes, or drop them where the link is down or slow."""
        from awscrt import mqtt5

        if kind_of(topic) in NOT_CARRIED:
            return
        if not self.is_connected or (self._waiting >= MOST_WAITING and not is_stop):
            self.dropped += 1
            return
        with self._lock:
            self._waiting += 1
        packet = mqtt5.PublishPacket(
            topic=topic, payload=data, qos=mqtt5.QoS.AT_MOST_ONCE, message_expiry_interval_sec=EXPIRY
        )
        self.connection.client.publish(packet).add_done_callback(self._on_sent)

    def subscribe(self, topic: str, on_data: OnData) -> None:
        """Listen; stops have a thread of their own."""
        if kind_of(topic) in NOT_CARRIED:
            return
        with self._lock:
            self._wanted.append((topic, on_data))
        if self.is_connected:
            self._ask(topic)

    def close(self) -> None:
        """Leave."""
        self.connection.close()
        self._stops.close()
        self._others.close()

    def on_message(self, topic: str, data: bytes) -> None:
        """Take what arrived; called by the SDK."""
        inbox = self._stops if kind_of(topic) == "stop" else self._others
        for wanted, on_data in list(self._wanted):
            if is_included(wanted, topic):
                inbox.put((on_data, topic, data))
                return

    def on_link(self) -> None:
        """Subscribe again: AWS keeps no session for this client. Called by the SDK."""
        self.is_connected, self.problem = True, ""
        with self._lock:
            self._waiting = 0
            wanted = list(dict.fromkeys(topic for topic, _ in self._wanted))
        for topic in wanted:
            self._ask(topic)

    def on_end(self, problem: str) -> None:
        """Note that there is no link. Called by the SDK."""
        self.is_connected, self.problem = False, problem

    def _ask(self, topic: str) -> None:
        from awscrt import mqtt5

        wanted = mqtt5.Subscription(topic_filter=to_mqtt(topic), qos=mqtt5.QoS.AT_MOST_ONCE)
        asked = self.connection.client.subscribe(mqtt5.SubscribePacket([wanted]))
        asked.add_done_callback(lambda done: self._on_subscribed(topic, done))

    def _on_subscribed(self, topic: str, done: Any) -> None:
        """Note a subscription that AWS refused: this member is deaf to the topic, and its link stays up. Called by the SDK."""
        if done.exception() is not None:
            reasons = [str(done.exception())]
        else:
            reasons = [str(code.name) for code in done.result().reason_codes if code >= _FAILED]
        if reasons and self.is_connected:
            self.problem = f"no subscription to '{topic}': {reasons[0]}; its policy at AWS has to allow it"

    def _on_sent(self, done: Any) -> None:
        with self._lock:
            self._waiting = max(self._waiting - 1, 0)
            self.dropped += done.exception() is not None


def _hand_over(item: _Arrived) -> None:
    on_data, topic, data = item
    on_data(topic, data)


def aws_files(folder: Path) -> TlsFiles | None:
    """Return the files of the member in a folder for AWS; None before it was provisioned there."""
    certificate, key, authority = (folder / name for name in (CERTIFICATE, KEY, AUTHORITY))
    if not certificate.exists() or not key.exists():
        return None
    return TlsFiles(str(authority) if authority.exists() else "", str(certificate), str(key))
