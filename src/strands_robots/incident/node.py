"""incident_node: keeps the last seconds of the graph in memory, and writes an MCAP file when the robots stop."""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.clock import Clock, ClockType
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message

from strands_robots.audit.event import Durability
from strands_robots.errors import StrandsRobotsError
from strands_robots.incident.mcap_file import Written, write_mcap
from strands_robots.incident.ring import Message, Ring, RingConfig
from strands_robots.incident.schemas import message_definition
from strands_robots.incident.trigger import Incident, Trigger
from strands_robots.msg import SafetyState
from strands_robots.ros.audit_port import audit_of
from strands_robots.ros.main import run_node
from strands_robots.ros.parameters import parameter, read_parameters
from strands_robots.ros.safety_ports import read_stop_request

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
SAFETY_STATE = "strands_robots/msg/SafetyState"
STOP_REQUEST = "strands_robots/msg/StopRequest"
LASTING = ("robot_description", "tf_static")
"""Topics that are said once and stay valid."""

_LOOK_PERIOD = 0.5
_CHECK_PERIOD = 0.1
_MOST_TOPICS = 128
_UNREADABLE = (rclpy_implementation.RCLError, UnicodeDecodeError, RuntimeError)


def _profile(depth: int, is_lasting: bool = False) -> QoSProfile:
    """Return a reader's profile: best effort, so that no control loop resends anything for this node."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if is_lasting else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if is_lasting else DurabilityPolicy.VOLATILE,
    )


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
    pictures: bool = parameter(False, "keep compressed pictures; then every camera is encoded all the time")
    picture_period: float = parameter(0.5, "shortest time between two kept pictures of a camera [s]", minimum=0.0)


class IncidentNode(Node):
    """Subscribes to the graph as bytes, and hands them to the ring; a thread writes the file."""

    def __init__(self) -> None:
        super().__init__("incident_node")
        self._given = read_parameters(self, IncidentParameters)
        given = self._given.folder
        home = Path(os.environ.get("ROS_HOME", "") or "~/.ros").expanduser()
        self._folder = Path(given).expanduser() if given else home / "strands_robots" / "incidents"
        seconds = self._given.seconds + self._given.after
        self._ring = Ring(RingConfig(seconds, self._given.max_bytes, self._given.picture_period))
        self._trigger = Trigger(self._given.after, self._given.spacing)
        self._types: dict[str, str] = {}
        self._audit = audit_of(self)
        self._writing: threading.Thread | None = None
        self._prefix = self.get_namespace().rstrip("/") + "/"
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_LOOK_PERIOD, self._look, clock=steady)
        self.create_timer(_CHECK_PERIOD, self._check, clock=steady)
        self._look()

    def destroy_node(self) -> None:
        """Let a file that is being written come to its end."""
        if self._writing is not None:
            self._writing.join(0.5)
        self._audit.close(0.2)
        super().destroy_node()

    def _look(self) -> None:
        """Subscribe to what is new on the graph."""
        for topic, types in self.get_topic_names_and_types():
            if topic not in self._types and len(types) == 1 and len(self._types) < _MOST_TOPICS:
                self._consider(topic, types[0])

    def _consider(self, topic: str, type_name: str) -> None:
        is_lasting = topic.rpartition("/")[2] in LASTING
        is_picture = type_name == PICTURES and self._given.pictures
        is_ours = topic.startswith(self._prefix) or topic in ("/tf", "/tf_static")
        if not is_ours or not (is_lasting or is_picture or type_name in STREAMS | {SAFETY_STATE, STOP_REQUEST}):
            return
        kind = _message_class(type_name)
        if kind is None:
            return
        self._types[topic] = type_name

        def take(data: bytes) -> None:
            self._take(topic, type_name, data, is_lasting, is_picture)

        self.create_subscription(kind, topic, take, _profile(50, is_lasting), raw=True)

    def _take(self, topic: str, type_name: str, data: bytes, is_lasting: bool, is_picture: bool) -> None:
        message = Message(topic, time.time_ns(), data)
        if is_lasting:
            self._ring.set_lasting(message)
        elif is_picture:
            self._ring.add_picture(message, time.monotonic_ns())
        else:
            self._ring.add(message, time.monotonic_ns())
        if type_name == SAFETY_STATE:
            self._on_safety_state(data)
        elif type_name == STOP_REQUEST:
            source, reason = read_stop_request(data)
            self._trigger.on_request(Incident(reason, source), time.monotonic())

    def _on_safety_state(self, data: bytes) -> None:
        try:
            state = deserialize_message(data, SafetyState)
        except _UNREADABLE:
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


def _describe(written: Written) -> dict[str, object]:
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
