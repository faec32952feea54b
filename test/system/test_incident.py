"""incident_node as a process: a stop leaves a file with what came before it, and the audit log's topic names it."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

import mcap.reader
from graph import Graph, wait_for
from mcap_ros2.decoder import DecoderFactory
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import String
from strands_robots.msg import AuditEvent, GateState, SafetyState, StopRequest

from strands_robots.ros.messages import qos

PERIOD = 0.02


def test_stop_leaves_a_file_that_the_audit_log_names(graph: Graph, tmp_path: Path) -> None:
    graph.start("incident_node", folder=str(tmp_path / "incidents"), after=0.3, spacing=1.0, run_id="run-1")
    client = graph.client()
    events = client.listen(AuditEvent, "audit/events", qos.AUDIT)
    joints = client.create_publisher(JointState, "so101/joint_states", qos.STATE)
    gates = client.create_publisher(GateState, "so101/gate_state", qos.STATE)
    safety = client.create_publisher(SafetyState, "safety/state", qos.SAFETY)
    stops = client.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
    description = client.create_publisher(String, "so101/robot_description", qos.DESCRIPTION)
    description.publish(String(data="<robot/>"))
    publishers = (joints, gates, safety, stops, description)
    wait_for(lambda: all(publisher.get_subscription_count() for publisher in publishers), 30.0, "incident_node")
    state = SafetyState(session="s", state=SafetyState.ARMED)
    for number in range(60):
        if number == 40:
            stops.publish(StopRequest(source="operator/anna", reason="smoke"))
            state = SafetyState(session="s", state=SafetyState.STOPPING, stop_id=3, stop_source="operator/anna")
        joints.publish(JointState(name=["pan"], position=[float(number)]))
        gates.publish(GateState(robot="so101"))
        safety.publish(state)
        time.sleep(PERIOD)
    event = wait_for(lambda: next((event for event in events if event.kind == "incident"), None), 10.0, "the record")
    details = json.loads(event.details)
    path = Path(details["file"])
    assert (event.actor, event.durability, details["stop_id"]) == ("operator/anna", AuditEvent.NOW, 3)
    assert details["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert details["messages"]["/so101/joint_states"] > 40
    with path.open("rb") as file:
        reader = mcap.reader.make_reader(file, decoder_factories=[DecoderFactory()])
        decoded = [(channel.topic, message) for _, channel, _, message in reader.iter_decoded_messages()]
    positions = [message.position[0] for topic, message in decoded if topic == "/so101/joint_states"]
    assert positions == sorted(positions) and positions[-1] > 40.0, "with the time after the stop"
    texts = [message.data for topic, message in decoded if topic == "/so101/robot_description"]
    assert texts == ["<robot/>"]
    assert {"/safety/stop_request", "/safety/state", "/so101/gate_state"} <= {topic for topic, _ in decoded}
    assert len(list((tmp_path / "incidents").iterdir())) == 1


def test_pictures_are_taken_only_of_cameras_that_somebody_else_looks_at(graph: Graph, tmp_path: Path) -> None:
    graph.start("incident_node", folder=str(tmp_path / "incidents"), after=0.0, spacing=1.0, picture_period=0.0)
    client = graph.client()
    events = client.listen(AuditEvent, "audit/events", qos.AUDIT)
    stops = client.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
    previews = {
        name: client.create_publisher(CompressedImage, f"so101/{name}/preview/compressed", qos.IMAGE)
        for name in ("wrist", "front")
    }
    wait_for(stops.get_subscription_count, 30.0, "incident_node")
    assert not any(publisher.get_subscription_count() for publisher in previews.values())
    reader = client.create_subscription(Image, "so101/wrist/image_raw", lambda message: None, qos.IMAGE_READER)
    wait_for(previews["wrist"].get_subscription_count, 10.0, "the look at the same camera")
    assert not previews["front"].get_subscription_count()
    for number in range(3):
        previews["wrist"].publish(CompressedImage(format="jpeg", data=bytes([number])))
    time.sleep(0.5)  # The messages are collected five times a second.
    stops.publish(StopRequest(source="operator/anna"))
    event = wait_for(lambda: next((event for event in events if event.kind == "incident"), None), 10.0, "the record")
    assert json.loads(event.details)["messages"]["/so101/wrist/preview/compressed"] >= 1
    client.destroy_subscription(reader)
    wait_for(lambda: not previews["wrist"].get_subscription_count(), 10.0, "the end of the look")


def test_file_that_cannot_be_written_is_named_too(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    graph.start("incident_node", folder=str(tmp_path / "in the way"), after=0.0)
    client = graph.client()
    events = client.listen(AuditEvent, "audit/events", qos.AUDIT)
    stops = client.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
    wait_for(stops.get_subscription_count, 30.0, "incident_node")
    stops.publish(StopRequest(source="operator/anna", reason="smoke"))
    event = wait_for(
        lambda: next((event for event in events if event.kind == "incident_lost"), None), 10.0, "the record"
    )
    assert "exists" in json.loads(event.details)["problem"]
