"""incident_node: keeps the last seconds of the graph in memory, and writes an MCAP file when the robots stop."""

from __future__ import annotations

import enum
import importlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage
from strands_robots.msg import SafetyState

from strands_robots.audit.event import Durability
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.ros_home import ros_home
from strands_robots.incident.ring import Ring, RingConfig
from strands_robots.incident.trigger import Incident, Trigger
from strands_robots.mcap.mcap_file import McapSummary, write_mcap
from strands_robots.mcap.message import Message
from strands_robots.mcap.schemas import message_definition
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.calls.drain import NeverCalled, take
from strands_robots.ros.process.graph_names import topics_of_graph
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters
from strands_robots.ros.process.unreadable import CORRUPT
from strands_robots.ros.robot.safety_subscriber import read_stop_request

STREAMS = frozenset(
    {
        "sensor_msgs/msg/JointState",
        "strands_robots/msg/ActionChunk",
        "strands_robots/msg/AuditEvent",
        "strands_robots/msg/GateState",
        "strands_robots/msg/JointCommand",
        "tf2_msgs/msg/TFMessage",
        "trajectory_msgs/msg/JointTrajectory",
    }
)
"""Types of which every topic of the graph is kept."""

PICTURES = "sensor_msgs/msg/CompressedImage"
PREVIEW = "/preview/compressed"
"""End of the topics with two pictures a second; made only while they have a subscriber."""

LOOKED_AT = ("/image_raw", "/image_raw/compressed")
"""Ends of the topics of the same camera whose readers make it draw anyway."""

SAFETY_STATE = "strands_robots/msg/SafetyState"
STOP_REQUEST = "strands_robots/msg/StopRequest"
LASTING = ("robot_description", "tf_static")
"""Topics that are said once and stay valid."""

_LOOK_PERIOD = 0.5
_DRAIN_PERIOD = 0.2
_DEPTH = 200
"""Messages of a topic that wait for the next look at them: a second of 200 Hz."""

_MOST_TOPICS = 128


def _profile(depth: int, is_lasting: bool = False) -> QoSProfile:
    """Return a reader's profile: best effort, so that no control loop resends anything for this node."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if is_lasting else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if is_lasting else DurabilityPolicy.VOLATILE,
    )


class Pictures(enum.Enum):
    """Which pictures are kept."""

    OFF = "off"
    SHARED = "shared"
    ALWAYS = "always"


@dataclass(frozen=True)
class IncidentParameters:
    """Parameters of incident_node."""

    run_id: str = parameter("", "run of the graph, from bringup; only recorded")
    folder: str = parameter("", "folder of the files; empty for strands_robots/incidents in $ROS_HOME or ~/.ros")
    seconds: float = parameter(30.0, "how far a file reaches back before the stop [s]", minimum=1.0, maximum=600.0)
    after: float = parameter(2.0, "time after the stop that is in the file as well [s]", minimum=0.0, maximum=60.0)
    spacing: float = parameter(
        10.0, "shortest time between two files [s]; stops in between are in the first", minimum=1.0
    )
    max_bytes: int = parameter(256 << 20, "most memory for messages [bytes]; the oldest go first", minimum=1 << 20)
    pictures: str = parameter(
        Pictures.SHARED.value,
        "pictures, two a second of each camera: none; of cameras that another node looks at, which costs no rendering; "
        "or of all, always",
        choices=[choice.value for choice in Pictures],
    )
    picture_period: float = parameter(0.5, "shortest time between two kept pictures of a camera [s]", minimum=0.0)


class IncidentNode(Node):
    """Subscribes to the graph as bytes, and hands them to the ring; a thread writes the file."""

    def __init__(self) -> None:
        super().__init__("incident_node")
        self._given = read_parameters(self, IncidentParameters)
        given = self._given.folder
        home = ros_home()
        self._folder = Path(given).expanduser() if given else home / "strands_robots" / "incidents"
        seconds = self._given.seconds + self._given.after
        self._ring = Ring(RingConfig(seconds, self._given.max_bytes, self._given.picture_period))
        self._trigger = Trigger(self._given.after, self._given.spacing)
        self._types: dict[str, str] = {}
        self._readers: dict[str, Subscription] = {}
        self._unspun = NeverCalled()
        self._pictures = Pictures(self._given.pictures)
        self._previews: dict[str, Subscription | None] = {}
        self._audit = audit_of(self)
        self._writing: threading.Thread | None = None
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_LOOK_PERIOD, self._look, clock=steady)
        self.create_timer(_DRAIN_PERIOD, self._drain, clock=steady)
        self._look()

    def destroy_node(self) -> None:
        """Let a file that is being written come to its end."""
        if self._writing is not None:
            self._writing.join(0.5)
        self._audit.close(0.2)
        super().destroy_node()

    def _look(self) -> None:
        """Subscribe to what is new on the graph."""
        for topic, types in topics_of_graph(self).items():
            if topic not in self._types and len(types) == 1 and len(self._types) < _MOST_TOPICS:
                self._consider(topic, types[0])
        for topic in self._previews:
            self._follow_camera(topic)

    def _follow_camera(self, topic: str) -> None:
        """Take previews of a camera while they are wanted: always, or while another node makes it draw anyway."""
        camera, reader = topic[: -len(PREVIEW)], self._previews[topic]
        is_wanted = self._pictures is Pictures.ALWAYS or any(self.count_subscribers(camera + end) for end in LOOKED_AT)
        if is_wanted and reader is None:
            self._previews[topic] = self._read(CompressedImage, topic, _profile(5))
        elif reader is not None and not is_wanted:
            self._previews[topic] = None
            del self._readers[topic]
            self.destroy_subscription(reader)

    def _read(self, kind: Any, topic: str, profile: QoSProfile) -> Subscription:
        """Subscribe without the executor: a callback for each message would cost twenty times as much as `_drain`."""
        group = self._unspun
        reader = self.create_subscription(kind, topic, _never, profile, callback_group=group, raw=True)
        self._readers[topic] = reader
        return reader

    def _consider(self, topic: str, type_name: str) -> None:
        is_lasting = topic.rpartition("/")[2] in LASTING
        if type_name == PICTURES and topic.endswith(PREVIEW) and self._pictures is not Pictures.OFF:
            self._types[topic] = type_name
            self._previews[topic] = None
            return
        if not (is_lasting or type_name in STREAMS | {SAFETY_STATE, STOP_REQUEST}):
            return
        kind = _message_class(type_name)
        if kind is None:
            return
        self._types[topic] = type_name
        self._read(kind, topic, _profile(_DEPTH, is_lasting))

    def _drain(self) -> None:
        """Take what has arrived on every topic since the last time, in the order in which it arrived."""
        now = time.time_ns()
        arrived = [
            Message(topic, info["received_timestamp"] or now, data)
            for topic, reader in self._readers.items()
            for data, info in take(reader, reader.msg_type)
        ]
        for message in sorted(arrived, key=lambda message: message.stamp_ns):
            self._take(message, self._types[message.topic])
        self._check()

    def _take(self, message: Message, type_name: str) -> None:
        steady_ns = time.monotonic_ns()
        if message.topic.rpartition("/")[2] in LASTING:
            self._ring.set_lasting(message)
        elif type_name == PICTURES:
            self._ring.add_picture(message, steady_ns)
        else:
            self._ring.add(message, steady_ns)
        if type_name == SAFETY_STATE:
            self._on_safety_state(message.data)
        elif type_name == STOP_REQUEST:
            source, reason = read_stop_request(message.data)
            self._trigger.on_request(Incident(reason, source), time.monotonic())

    def _on_safety_state(self, data: bytes) -> None:
        try:
            state = deserialize_message(data, SafetyState)
        except CORRUPT:
            return  # It is in the ring as it came.
        incident = Incident(state.stop_reason, state.stop_source, state.stop_id)
        self._trigger.on_state(state.state == SafetyState.ARMED, incident, time.monotonic())

    def _check(self) -> None:
        if self._writing is not None and self._writing.is_alive():
            return
        incident = self._trigger.take_due(time.monotonic())
        if incident is not None:
            arguments = (incident, self._ring.snapshot(), dict(self._types))
            self._writing = threading.Thread(target=self._write, args=arguments, name="incident writer", daemon=True)
            self._writing.start()

    def _write(self, incident: Incident, messages: list[Message], types: dict[str, str]) -> None:
        """Write the file and name it in the audit log. In a thread of its own."""
        moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self._folder / f"incident_{moment}_stop{incident.stop_id}.mcap"
        try:
            written = write_mcap(path, messages, types, _definition)
        except (OSError, StrandsRobotsError) as error:
            self.get_logger().error(f"the incident could not be written to {path}: {error}")
            self._record("incident_lost", incident, {"problem": str(error)})
            return
        self.get_logger().warning(f"incident written: {path}")
        self._record("incident", incident, _describe(written))

    def _record(self, kind: str, incident: Incident, details: Mapping[str, object]) -> None:
        stop = {"stop_id": incident.stop_id, "reason": incident.reason, "run_id": self._given.run_id}
        self._audit.record(kind, {**stop, **details}, actor=incident.source, durability=Durability.NOW)


def _never(data: bytes) -> None:
    """Stand where rclpy wants a callback."""


def _describe(written: McapSummary) -> dict[str, object]:
    return {
        "file": str(written.path), "sha256": written.sha256, "bytes": written.size, "messages": written.messages,
        "began_us": written.began_ns // 1000, "ended_us": written.ended_ns // 1000,
    }  # fmt: skip


def _message_class(type_name: str) -> Any:
    """Return the class of a message type; None when its package is not installed here."""
    package, _, name = type_name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name, None)
    except ImportError:
        return None


def _find(package: str, name: str) -> str:
    """Return the text of an installed message file; raises LookupError."""
    try:
        return (Path(get_package_share_directory(package)) / "msg" / f"{name}.msg").read_text(encoding="utf-8")
    except (PackageNotFoundError, OSError) as error:
        raise LookupError(str(error)) from error


def _definition(type_name: str) -> str:
    return message_definition(type_name, _find)


def main() -> int:
    """Run incident_node until a signal."""
    return run_node(IncidentNode)
