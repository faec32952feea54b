"""audit_node: listens to the graph, and writes a log that cannot be changed unnoticed. Wall and steady time only."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import Parameter, ParameterEvent
from rclpy.clock import Clock, ClockType
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.qos import qos_profile_parameter_events
from rclpy.serialization import deserialize_message
from strands_robots.msg import (
    AuditEvent,
    AuditReceipt,
    AuditState,
    AuditWanted,
    AuditWantedSource,
    GateState,
    SafetyState,
    StopRequest,
)  # fmt: skip

from strands_robots.audit.audit_key import load_or_create_keys
from strands_robots.audit.event import Event
from strands_robots.audit.intake.intake import Intake
from strands_robots.audit.intake.missing import Wanted
from strands_robots.audit.intake.source import EventSource
from strands_robots.audit.intake.throttle import ThrottleConfig
from strands_robots.audit.log.layout import default_key_folder, default_log_folder
from strands_robots.audit.log.store import AuditStore, StoreConfig, SyncPolicy
from strands_robots.audit.log.writer import AuditWriter, DurableEvent, WriterConfig, WriterStatus
from strands_robots.audit.read.query import Query, newest_segments, records
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.watches.gate import GateView, GateWatch
from strands_robots.audit.watches.graph import NodeWatch, WallClockMonitor
from strands_robots.audit.watches.process_ends import ProcessEnds
from strands_robots.audit.watches.safety import SafetyView, SafetyWatch, StopRequestWatch
from strands_robots.ros.audit.audit_publisher import event_from_msg
from strands_robots.ros.calls.drain import LateReader
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.stamps import to_time
from strands_robots.ros.process import diagnostics
from strands_robots.ros.process.graph_names import nodes_of_graph
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters
from strands_robots.ros.process.unreadable import CORRUPT
from strands_robots.ros.robot.robot_discovery import RobotDiscovery

_FAILURES = (rclpy_implementation.RCLError, rclpy_implementation.InvalidHandle)
_STATES = {
    SafetyState.ARMED: "armed",
    SafetyState.STOPPING: "stopping",
    SafetyState.STOPPED: "stopped",
    SafetyState.STOP_NOT_CONFIRMED: "stop_not_confirmed",
}
_LARGEST = 2**64 - 1

_REMEMBERED = 4096
"""Records of the log that are read at the start, to know events that their sources send again."""

_LOOK_PERIOD = 0.1
"""Time between two looks at the states of the robots and of safety_node; an event has the time at which its message came [s]."""

_CLOSING = 0.6
"""Longest time for writing what is held when the node ends [s]."""


@dataclass(frozen=True)
class AuditParameters:
    """Parameters of audit_node."""

    run_id: str = parameter("", "run of the graph, from bringup; only recorded")
    folder: str = parameter(
        "", "folder of the log; empty for strands_robots/audit/<domain and namespace> in $ROS_HOME or ~/.ros"
    )
    key_folder: str = parameter("", "folder of the keys; empty for strands_robots/audit_keys in $ROS_HOME or ~/.ros")
    create_keys: bool = parameter(True, "make keys when there are none")
    segment_bytes: int = parameter(16 << 20, "a segment of this size is followed by the next [bytes]", minimum=65536)
    segment_age: float = parameter(86400.0, "a segment of this age is followed by the next [s]", minimum=1.0)
    keep_bytes: int = parameter(
        0, "the oldest segments are removed above this size of all [bytes]; 0 keeps all", minimum=0
    )
    checkpoint_period: float = parameter(10.0, "time between two signed checkpoints in the log [s]", minimum=0.1)
    sync: str = parameter(
        "by_class",
        "when records are synced to the disk: by the class of the event, all, or none",
        choices=[policy.value for policy in SyncPolicy],
    )
    rate: float = parameter(200.0, "events of one source stored for long [1/s]; more are counted only", minimum=1.0)
    burst: int = parameter(1000, "events of one source stored at once", minimum=1)
    process_ends: str = parameter("", "file in which bringup writes ends of processes; empty for none")


class AuditNode(Node):
    """Wires topics to the intake, and the writer to its topics."""

    def __init__(self) -> None:
        super().__init__("audit_node")
        parameters = read_parameters(self, AuditParameters)
        namespace = self.get_namespace()
        path = Path(parameters.folder).expanduser() if parameters.folder else default_log_folder(os.environ, namespace)
        key_path = Path(parameters.key_folder).expanduser() if parameters.key_folder else default_key_folder(os.environ)
        keys = load_or_create_keys(key_path, parameters.create_keys)
        store = AuditStore(
            path,
            keys,
            StoreConfig(
                segment_bytes=parameters.segment_bytes,
                segment_age=parameters.segment_age,
                keep_bytes=parameters.keep_bytes,
                checkpoint_period=parameters.checkpoint_period,
                sync=SyncPolicy(parameters.sync),
            ),
        )
        self._receipts = self.create_publisher(AuditReceipt, "audit/receipts", qos.AUDIT_RECEIPTS)
        self._wanted = self.create_publisher(AuditWanted, "audit/wanted", qos.STATE)
        self._states = self.create_publisher(AuditState, "audit/state", qos.STATE)
        self._writer = AuditWriter(store, WriterConfig(), on_written=self._on_written)
        self._intake = Intake(self._writer.submit, ThrottleConfig(rate=parameters.rate, burst=parameters.burst))
        self._source = EventSource(self.get_fully_qualified_name())
        self._age = 0.0  # How long ago that happened which is reported now [s].
        self._remember(path)
        self._writer.start()
        self._report("audit_start", {"folder": str(path), "keys": str(key_path), "parameters": asdict(parameters)})
        self._log_state(self._writer.status)
        ends = parameters.process_ends
        self._ends = ProcessEnds(Path(ends).expanduser(), parameters.run_id) if ends else None
        self._listen()

    def destroy_node(self) -> None:
        """Write what is held, end the log in order, then end."""
        with contextlib.suppress(*_FAILURES):
            self._look()
        self._look_at_ends()
        self._flush()
        self._intake.finish()
        if not self._writer.close(_CLOSING):
            self.get_logger().error(
                f"the audit log did not end in order: {self._writer.status.alarm or 'it took too long'}"
            )
        super().destroy_node()

    def _listen(self) -> None:
        """Subscribe to everything. What others may send malformed is taken as bytes."""
        self._gates: dict[str, GateWatch] = {}
        self._safety = SafetyWatch(self._report)
        self._requests = StopRequestWatch(self._report)
        self._nodes = NodeWatch(self._report)
        self._clocks = WallClockMonitor(self._report)
        self._last_state = (0.0, "")
        self._diagnostics = diagnostics.DiagnosticsPort(self)
        self.create_subscription(AuditEvent, "audit/events", self._on_event, qos.AUDIT_READER, raw=True)
        self.create_subscription(StopRequest, "safety/stop_request", self._on_stop_request, qos.SAFETY, raw=True)
        self.create_subscription(ParameterEvent, "/parameter_events", self._on_parameters, qos_profile_parameter_events)
        self._states_reader = LateReader(self)
        self._states_reader.subscribe(SafetyState, "safety/state", self._on_safety_state, qos.SAFETY)
        self._discovery = RobotDiscovery(self, (), self._on_gate_state, subscribe=self._states_reader.subscribe)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_LOOK_PERIOD, self._look, clock=steady)
        self.create_timer(0.5, self._look_at_nodes, clock=steady)
        self.create_timer(1.0, self._flush, clock=steady)
        self.create_timer(1.0, self._diagnose, clock=steady)

    def _remember(self, path: Path) -> None:
        log = FolderReader(path)
        try:
            for record, _ in records(log, Query(), newest_segments(log, _REMEMBERED)):
                self._intake.remember(record.event)
        except OSError:
            return  # No log yet, or none that can be read: then there is nothing to remember.

    def _report(self, kind: str, details: dict[str, object], **names: Any) -> None:
        self._intake.take(self._source.event(kind, details, age=self._age, **names))

    def _look(self) -> None:
        self._states_reader.look(self._set_age)
        self._set_age(0.0)
        self._publish_state()

    def _set_age(self, age: float) -> None:
        self._age = age

    # --- What is heard --------------------------------------------------------------------------------------

    def _on_event(self, data: bytes) -> None:
        try:
            event = event_from_msg(deserialize_message(data, AuditEvent))
        except CORRUPT as error:
            self._report("unreadable_event", {"reason": str(error), "beginning": data[:512]})
            return
        self._intake.take(event)

    def _on_safety_state(self, message: SafetyState) -> None:
        self._safety.see(
            SafetyView(
                session=message.session,
                run_id=message.run_id,
                state=_STATES.get(message.state, f"unknown ({message.state})"),
                arm_epoch=message.arm_epoch,
                stop_id=message.stop_id,
                stop_source=message.stop_source,
                stop_reason=message.stop_reason,
                message=message.message,
                robots=tuple(sorted(robot.robot for robot in message.robots)),
            ),
            time.monotonic(),
        )

    def _on_stop_request(self, data: bytes) -> None:
        try:
            message = deserialize_message(data, StopRequest)
        except CORRUPT as error:
            self._requests.see_malformed(data, clip(str(error), 200))
            return
        self._requests.see(clip(message.source, 128), clip(message.reason, 256))

    def _on_gate_state(self, message: GateState) -> None:
        watch = self._gates.setdefault(message.robot, GateWatch(self._report))
        watch.see(
            GateView(
                robot=message.robot,
                session=message.session,
                latched=message.latched,
                latch_reason=message.latch_reason,
                arm_epoch=message.arm_epoch,
                lease_holder=message.lease_holder,
                refusals={entry.reason: entry.count for entry in message.refusals},
                last_refusal=message.last_refusal,
            )
        )

    def _on_parameters(self, event: ParameterEvent) -> None:
        if not event.node.startswith(self.get_namespace().rstrip("/") + "/"):
            return
        changes = {
            "new": _values(event.new_parameters),
            "changed": _values(event.changed_parameters),
            "deleted": [entry.name for entry in event.deleted_parameters],
        }
        self._report("parameters", {"node": event.node, **{name: change for name, change in changes.items() if change}})

    def _look_at_ends(self) -> None:
        for event in self._ends.take() if self._ends is not None else ():
            self._intake.take(event)

    def _look_at_nodes(self) -> None:
        self._look_at_ends()
        self._clocks.see(time.time_ns() // 1000, time.monotonic_ns() // 1000)
        self._nodes.see(name for name in nodes_of_graph(self) if "/_" not in name)

    def _flush(self) -> None:
        """Once a second: what was counted is reported."""
        for watch in self._gates.values():
            watch.flush()
        self._safety.tick(time.monotonic())
        self._requests.flush()
        self._intake.tick()
        self._wanted.publish(_wanted(self._intake.wanted()))

    # --- What is said ---------------------------------------------------------------------------------------

    def _on_written(self, written: Sequence[DurableEvent]) -> None:
        """Confirm events of other nodes. Called by the writer's thread."""
        for entry in written:
            if entry.event.source == self._source.name or not entry.event.session:
                continue
            try:
                self._receipts.publish(_receipt(entry.event, entry.index))
            except _FAILURES:
                return  # The context is shut down.

    def _publish_state(self) -> None:
        status, now = self._writer.status, time.monotonic()
        if status.alarm != self._last_state[1]:
            self._log_state(status)
        elif now - self._last_state[0] < 1.0:
            return
        self._last_state = (now, status.alarm)
        message = AuditState(
            log=status.log,
            next_index=status.head.next_index,
            synced_index=status.synced_index,
            head=status.head.hash,
            pending=status.pending,
            lost=status.lost,
            repeated=self._intake.repeated,
            alarm=clip(status.alarm, 512),
            checkpoint=json.dumps(status.checkpoint.as_json()) if status.checkpoint is not None else "",
        )
        message.header.stamp = to_time(time.time())
        self._states.publish(message)

    def _log_state(self, status: WriterStatus) -> None:
        if status.alarm:
            self.get_logger().error(f"the audit log cannot be written: {status.alarm}; events are held in memory")
        else:
            self.get_logger().info(f"audit log {status.log}, record {status.head.next_index}")

    def _diagnose(self) -> None:
        status = self._writer.status
        level = diagnostics.ERROR if status.alarm else diagnostics.WARN if status.lost else diagnostics.OK
        values = {"log": status.log, "records": status.head.next_index, "pending": status.pending, "lost": status.lost}
        message = status.alarm or (f"{status.lost} events were lost" if status.lost else "records are written")
        self._diagnostics.publish(diagnostics.status("audit_node: log", level, message, values))


def _receipt(event: Event, index: int) -> AuditReceipt:
    return AuditReceipt(source=event.source, session=clip(event.session, 64), sequence=event.sequence, index=index)


def _wanted(sources: Sequence[Wanted]) -> AuditWanted:
    entries = [
        AuditWantedSource(
            source=entry.source,
            session=clip(entry.session, 64),
            first=entry.first,
            last=entry.last,
            next=min(entry.next, _LARGEST),
        )
        for entry in sources
    ]
    return AuditWanted(sources=entries)


def _values(parameters: Sequence[Parameter]) -> dict[str, object]:
    return {entry.name: parameter_value_to_python(entry.value) for entry in parameters}


def main() -> int:
    """Run audit_node until a signal."""
    return run_node(AuditNode, grace=5.0, is_audited=False)
