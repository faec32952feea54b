"""audit_node as a process: what it hears is in the log; kill -9, garbage and floods lose nothing unnamed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from graph import Client, Graph, Process, wait_for
from strands_robots.msg import AuditEvent, AuditState, AuditWanted, GateState, RefusalCount, SafetyState, StopRequest

from strands_robots.audit.audit_key import MAC_FILE, load_or_create_keys
from strands_robots.audit.event import Durability
from strands_robots.audit.log.record import Record
from strands_robots.audit.read.findings import Report
from strands_robots.audit.read.query import Query, records
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.read.verify import VerifyKeys, verify
from strands_robots.ros.audit.audit_publisher import AuditPublisher
from strands_robots.ros.messages import qos


class Bench:
    """audit_node on a graph of its own, and one client."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        self.graph = graph
        self.log, self.keys = folder / "log", folder / "keys"
        self.process = self.start()
        self.client: Client = graph.client()
        self.states = self.client.listen(AuditState, "audit/state")
        wait_for(lambda: self.states, 30.0, "audit/state")

    def start(self) -> Process:
        return self.graph.start("audit_node", folder=str(self.log), key_folder=str(self.keys))

    def publisher(self, kind: Any, topic: str, profile: Any) -> Any:
        publisher = self.client.create_publisher(kind, topic, profile)
        wait_for(publisher.get_subscription_count, 10.0, f"audit_node on {topic}")
        return publisher

    def records(self, *kinds: str) -> list[Record]:
        return [record for record, _ in records(FolderReader(self.log), Query(kinds=kinds))]

    def end(self) -> Report:
        """End audit_node in order, and verify the log."""
        self.process.send(signal.SIGINT)
        assert self.process.wait() == 0
        return self.verify()

    def verify(self) -> Report:
        keys = load_or_create_keys(self.keys, create=False)
        return verify(FolderReader(self.log), VerifyKeys(keys.mac, keys.signing.public))


def counted(found: list[Record]) -> int:
    return sum(int(str(record.details["count"])) for record in found)


@pytest.fixture
def bench(graph: Graph, tmp_path: Path) -> Iterator[Bench]:
    yield Bench(graph, tmp_path)


def test_events_are_recorded_and_urgent_ones_confirmed(bench: Bench) -> None:
    port = AuditPublisher(bench.client, with_receipts=True)
    confirmed: list[int] = []
    for number in range(20):
        port.record("policy_start", {"policy": "act", "number": number}, robot="so101", actor="operator/anna")
    sequence = port.record("approval", {"decision": "approved"}, durability=Durability.NOW)
    port.when_on_disk(sequence, confirmed.append)
    wait_for(lambda: confirmed, 10.0, "receipt")
    assert port.is_on_disk(sequence) and not port.is_on_disk(1)
    approval = next(record for record in bench.records("approval"))
    assert approval.index == confirmed[0] and approval.details == {"decision": "approved"}
    again: list[int] = []
    port.when_on_disk(sequence, again.append)
    assert again == confirmed
    # The graph is looked at once a second.
    wait_for(lambda: bench.records("node_start"), 10.0, "the start of a node")
    port.close()
    assert bench.end().findings == []
    starts = bench.records("policy_start")
    assert [record.details["number"] for record in starts] == list(range(20))
    assert {(record.event.source, record.event.robot, record.event.actor) for record in starts} == {
        ("/test_client", "so101", "operator/anna")
    }
    assert bench.records("audit_start")


def test_killed_audit_node_misses_nothing_that_happened_meanwhile(bench: Bench) -> None:
    port = AuditPublisher(bench.client, with_receipts=True)
    first = port.record("approval", durability=Durability.NOW)
    wait_for(lambda: port.is_on_disk(first), 10.0, "receipt")
    bench.process.send(signal.SIGKILL)
    assert bench.process.wait() == -signal.SIGKILL
    for number in range(100):
        port.record("note", {"number": number})
    bench.process = bench.start()
    last = port.record("approval", durability=Durability.NOW)
    wait_for(lambda: port.is_on_disk(last), 30.0, "receipt of the restarted node")
    # Zenoh's history comes back in part: what is lacking is asked for once a second.
    wait_for(lambda: len(bench.records("note")) >= 100, 10.0, "what happened meanwhile")
    port.close()
    report = bench.end()
    assert not report.is_broken and not report.has_gaps, report.findings
    assert sorted(int(str(record.details["number"])) for record in bench.records("note")) == list(range(100))
    assert len(bench.records("approval")) == 2


def test_node_that_was_not_heard_is_asked_and_sends_again(bench: Bench) -> None:
    """As where a middleware keeps no history: the first numbers are never sent until audit_node asks for them."""
    asked = bench.client.listen(AuditWanted, "audit/wanted", qos.STATE)
    events = bench.publisher(AuditEvent, "audit/events", qos.AUDIT)

    def send(*numbers: int) -> None:
        for number in numbers:
            events.publish(AuditEvent(source="/far", session="s", sequence=number, kind="note", details="{}"))

    def wanted(*gap: int) -> bool:
        return any(
            (entry.first, entry.last, entry.next) == gap
            for message in list(asked)
            for entry in message.sources
            if entry.source == "/far"
        )

    send(1, 5)
    wait_for(lambda: wanted(2, 4, 6), 10.0, "the question for 2 to 4")
    send(3, 2, 4)
    wait_for(lambda: wanted(0, 0, 6), 10.0, "the word that nothing is missing")
    port = AuditPublisher(bench.graph.client("near"))
    heard = bench.client.listen(AuditEvent, "audit/events", qos.STATE)
    port.record("note")
    lacking = bench.publisher(AuditWanted, "audit/wanted", qos.STATE)

    def is_sent_again() -> bool:
        lacking.publish(AuditWanted())
        return any(event.source == "/near" and event.sequence == 1 for event in list(heard))

    wait_for(is_sent_again, 10.0, "the event again")
    port.close()
    report = bench.end()
    assert not report.is_broken and not report.has_gaps, report.findings
    assert sorted(record.event.sequence for record in bench.records("note") if record.event.source == "/far") == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_garbage_on_its_topics_is_recorded_and_survived(bench: Bench) -> None:
    events = bench.publisher(AuditEvent, "audit/events", qos.AUDIT)
    for data in (b"\x00\x01\x00\x00", b"\x00\x01\x00\x00" + b"\xff" * 200):
        events.publish(data)
    events.publish(AuditEvent(source="/x", kind="checkpoint", details="no json", monotonic=float("nan")))
    events.publish(AuditEvent(source="audit", kind="Bad Kind", details='{"a": NaN}', sequence=9))
    wait_for(lambda: len(bench.records("malformed")) == 2, 10.0, "malformed events")
    assert bench.records("unreadable_event")
    wait_for(lambda: bench.records("sequence_gap"), 10.0, "the gap, which nothing fills")
    gap = bench.records("sequence_gap")[0]
    assert (gap.details["source"], gap.details["to"]) == ("/audit", 8)
    assert not bench.end().is_broken


def test_what_gates_and_supervisor_say_is_recorded(bench: Bench) -> None:
    gates = bench.publisher(GateState, "so101/gate_state", qos.STATE)
    safety = bench.publisher(SafetyState, "safety/state", qos.SAFETY)
    requests = bench.publisher(StopRequest, "safety/stop_request", qos.SAFETY)
    refusals = [RefusalCount(reason="expired", count=50_000)]
    for latched in (True, False):
        gates.publish(GateState(robot="so101", session="s", latched=latched, latch_reason="starting" * latched))
        safety.publish(SafetyState(session="s", state=SafetyState.ARMED, arm_epoch=1))
    gates.publish(GateState(robot="so101", session="s", lease_holder="policy/act", refusals=refusals))
    safety.publish(SafetyState(session="s", state=SafetyState.STOPPING, stop_id=1, stop_source="operator/anna"))
    safety.publish(SafetyState(session="s", state=SafetyState.ARMED, stop_id=1, arm_epoch=2))
    for _ in range(100):
        requests.publish(StopRequest(source="operator/anna", reason="smoke"))
        time.sleep(0.001)  # A volatile queue of ten: faster ones would push each other out.
    requests.publish(b"\x00\x01\x00\x00" + b"\xff" * 50)
    wait_for(lambda: bench.records("stop_malformed"), 10.0, "malformed")
    wait_for(lambda: counted(bench.records("stop_request")) > 20, 10.0, "requests")
    wait_for(lambda: bench.records("gate_refusals"), 10.0, "refusals")
    assert [record.details["latched"] for record in bench.records("latch")] == [True, False]
    assert bench.records("gate_refusals")[0].details["count"] == 50_000
    assert bench.records("lease")[0].event.actor == "policy/act"
    assert len(bench.records("stop")) == len(bench.records("resume")) == 1
    assert len(bench.records("stop_request")) < 10
    assert bench.end().findings == []


def test_flood_is_counted_and_others_are_heard(bench: Bench) -> None:
    flood, quiet = AuditPublisher(bench.client), AuditPublisher(bench.graph.client("quiet"), with_receipts=True)
    for number in range(5000):
        flood.record("note", {"number": number})
        if number == 2500:
            sequence = quiet.record("approval", durability=Durability.NOW)
    wait_for(lambda: quiet.is_on_disk(sequence), 10.0, "receipt")
    wait_for(lambda: bench.records("suppressed", "sequence_gap"), 10.0, "the count")
    for port in (flood, quiet):
        port.close()
    assert not bench.end().is_broken


def test_unwritable_folder_is_an_alarm_and_the_node_goes_on(bench: Bench) -> None:
    bench.log.rename(bench.log.with_name("moved"))
    bench.log.write_text("a file in the way")
    wait_for(lambda: bench.states[-1].alarm, 10.0, "alarm")
    port = AuditPublisher(bench.client, with_receipts=True)
    sequence = port.record("stop", durability=Durability.NOW)
    wait_for(lambda: bench.states[-1].pending, 10.0, "held events")
    assert not port.is_on_disk(sequence)
    bench.log.unlink()
    wait_for(lambda: port.is_on_disk(sequence), 10.0, "receipt")
    wait_for(lambda: not bench.states[-1].alarm, 10.0, "end of the alarm")
    port.close()
    report = bench.end()
    assert set(report.counts) == {"segment_missing"}, "the moved segments are missing here"
    assert bench.records("poison")


def test_refused_key_ends_the_node_with_2(graph: Graph, tmp_path: Path) -> None:
    load_or_create_keys(tmp_path / "keys", create=True)
    (tmp_path / "keys" / MAC_FILE).chmod(0o644)
    process = graph.start("audit_node", folder=str(tmp_path / "log"), key_folder=str(tmp_path / "keys"))
    assert process.wait(30.0) == 2
    assert "mode 0644" in process.text


def test_second_audit_node_on_a_folder_is_refused(bench: Bench) -> None:
    second = bench.start()
    assert second.wait(30.0) == 2
    assert "by another process" in second.text
    assert not bench.end().is_broken
