"""MQTT 5 as the way between members, over TLS on both sides (paho-mqtt 2)."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.fleet_file import MqttEntry
from strands_robots.fleet.inbox import Inbox
from strands_robots.fleet.mqtt_config import to_mqtt
from strands_robots.fleet.topics import kind_of
from strands_robots.fleet.transport import OnData
from strands_robots.fleet.zenoh_config import TlsFiles

KEEP_ALIVE = 5
"""The broker gives a silent link up after one and a half times as long [s]."""

EXPIRY = 2
"""A message that the broker could not deliver for longer is dropped [s]."""

_Arrived = tuple[OnData, str, bytes]

MOST_WAITING = 256
"""Messages that wait for the socket; beyond it only stops are still taken."""


class MqttTransport:
    """Publishes and subscribes through a broker. Its link comes and goes by itself.

    Everything is QoS 0, never retained, and expires: what matters is repeated by who sends it, and a stop that a broker
    keeps would stop robots that start long after the resume.

    Args:
        broker: Where the broker is.
        files: The member's certificate, its key, and the authority's.
        name: The member, which is the client's id as well.

    Raises:
        ConfigurationError: If paho-mqtt is not installed, or the files cannot be used.
    """

    name = "mqtt"

    def __init__(self, broker: MqttEntry, files: TlsFiles, name: str) -> None:
        try:
            import paho.mqtt.client as mqtt
            from paho.mqtt.enums import CallbackAPIVersion
            from paho.mqtt.packettypes import PacketTypes
            from paho.mqtt.properties import Properties
        except ImportError as error:
            raise ConfigurationError("paho-mqtt is not installed; install it with: pip install paho-mqtt") from error
        self._mqtt = mqtt
        self._lock = threading.Lock()
        self._wanted: list[tuple[str, OnData]] = []
        self._waiting = 0
        self._asking = threading.Lock()
        self._asked: dict[int, str] = {}
        self._place = f"{broker.host}:{broker.port}"
        # paho publishes and calls back under one lock, so a callback only hands over: a publisher must not wait for a
        # receiver. The queue of stops has no bound.
        self._stops: Inbox[_Arrived] = Inbox(_hand_over, 0, "mqtt stops")
        self._others: Inbox[_Arrived] = Inbox(_hand_over, 4096, "mqtt messages")
        self.problem, self.dropped = "no link to the broker yet", 0
        self._expiry = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        self._expiry.MessageExpiryInterval = EXPIRY
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        try:
            context = ssl.create_default_context(cafile=files.authority)
            context.load_cert_chain(files.certificate, files.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"the certificate of '{name}' cannot be used: {error}") from error
        self._client.tls_set_context(context)
        self._client.reconnect_delay_set(min_delay=1, max_delay=4)
        self._files, self._context = files, context
        self._client.on_pre_connect = self._on_pre_connect
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_subscribe = self._on_subscribe
        self._client.connect_async(broker.host, broker.port, KEEP_ALIVE)
        # Its first connection must not be waited for, and must be tried again.
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        """Whether the broker has let this client in."""
        return bool(self._client.is_connected())

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        """Send bytes, or drop them where the link is down or slow."""
        if not self._client.is_connected() or (self._waiting >= MOST_WAITING and not is_stop):
            self.dropped += 1
            return
        with self._lock:
            self._waiting += 1
        sent = self._client.publish(topic, data, qos=0, retain=False, properties=self._expiry)
        if sent.rc != self._mqtt.MQTT_ERR_SUCCESS:
            self.dropped += 1
            self._on_publish()

    def subscribe(self, topic: str, on_data: OnData) -> None:
        """Listen; stops have a thread of their own."""
        filter_ = to_mqtt(topic)
        with self._lock:
            self._wanted.append((filter_, on_data))
        inbox = self._stops if kind_of(topic) == "stop" else self._others
        self._client.message_callback_add(filter_, lambda client, data, message: _put(inbox, on_data, message))
        if self._client.is_connected():
            self._ask(filter_)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._thread.join(5.0)
        self._stops.close()
        self._others.close()

    def _run(self) -> None:
        # loop_forever makes the first connection too, and reconnects, until `disconnect`.
        self._client.loop_forever(retry_first_connection=True)

    def _on_pre_connect(self, *_: Any) -> None:
        """Use the newest certificate: it may have been renewed since the last link."""
        try:
            self._context.load_cert_chain(self._files.certificate, self._files.key)
        except (OSError, ssl.SSLError) as error:
            self.problem = f"the certificate cannot be used: {error}"

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.problem = f"the broker refuses this member: {reason}"
            return
        self.problem = ""
        with self._lock:
            self._waiting = 0
            wanted = [filter_ for filter_, _ in self._wanted]
        for filter_ in dict.fromkeys(wanted):
            self._ask(filter_)

    def _ask(self, filter_: str) -> None:
        """Subscribe. The answer may come before the number of the question is noted, hence the lock.

        It is not the other one: paho may publish what waits in this call, and calls back for that.
        """
        with self._asking:
            _, number = self._client.subscribe(filter_, qos=0)
            if number is not None:
                self._asked[number] = filter_

    def _on_subscribe(self, client: Any, data: Any, number: int, reasons: Any, properties: Any) -> None:
        """Note a subscription that the broker refused: this member is deaf to the topic, and its link stays up."""
        with self._asking:
            filter_ = self._asked.pop(number, "")
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self.problem = f"no subscription to '{filter_}': {refused[0]}; the broker's rules have to allow it"

    def _on_connect_fail(self, *_: Any) -> None:
        """Note that the broker cannot be reached; paho tries again by itself."""
        self.problem = f"the broker at {self._place} cannot be reached"

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self.problem = f"the link to the broker ended: {reason}"

    def _on_publish(self, *_: Any) -> None:
        with self._lock:
            self._waiting = max(self._waiting - 1, 0)


def _put(inbox: Inbox[_Arrived], on_data: OnData, message: Any) -> None:
    inbox.put((on_data, message.topic, message.payload))


def _hand_over(item: _Arrived) -> None:
    on_data, topic, data = item
    on_data(topic, data)


def mqtt_transport(folder: Path, broker: MqttEntry, name: str) -> MqttTransport:
    """Return the transport of the member in a folder."""
    files = TlsFiles(*(str(folder / file) for file in ("authority.pem", "certificate.pem", "tls.key")))
    return MqttTransport(broker, files, name)
