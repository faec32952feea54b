"""The incident recorder's parts: memory, trigger, and a file that a reader of MCAP and ROS 2 understands."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import mcap.reader
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap_ros2.decoder import DecoderFactory

from strands_robots.core.errors import ConfigurationError
from strands_robots.incident.ring import Ring, RingConfig
from strands_robots.incident.trigger import Incident, Trigger
from strands_robots.mcap.mcap_file import write_mcap
from strands_robots.mcap.message import Message
from strands_robots.mcap.schemas import message_definition

FILES = {
    (
        "test_msgs",
        "Outer",
    ): "# A\nHeader_like header\nother_msgs/Point[<=4] p\nstring<=8 name\nuint8 B=1\nfloat64[] v\n",
    ("test_msgs", "Header_like"): "int32 sec\n",
    ("other_msgs", "Point"): "float64 x\nfloat64 y\n",
    ("std_msgs", "String"): "string data\n",
}
SECOND = 10**9


def find(package: str, name: str) -> str:
    return FILES[package, name]


def message(topic: str = "/a", stamp: float = 0.0, size: int = 10) -> Message:
    return Message(topic, round(stamp * SECOND), b"x" * size)


def string(text: str) -> bytes:
    """A std_msgs/String in CDR, little endian."""
    return b"\x00\x01\x00\x00" + struct.pack("<I", len(text) + 1) + text.encode() + b"\x00"


def test_definition_has_every_dependency_once() -> None:
    text = message_definition("test_msgs/msg/Outer", find)
    assert text.startswith("# A\n")
    assert [line for line in text.splitlines() if line.startswith("MSG:")] == [
        "MSG: test_msgs/Header_like",
        "MSG: other_msgs/Point",
    ]
    assert text.count("=" * 80) == 2


def test_missing_definition_is_named() -> None:
    with pytest.raises(ConfigurationError, match="test_msgs/msg/Nothing"):
        message_definition("test_msgs/msg/Nothing", find)


def test_ring_keeps_the_last_seconds() -> None:
    ring = Ring(RingConfig(seconds=2.0))
    for step in range(100):
        ring.add(message(stamp=step * 0.1), round(step * 0.1 * SECOND))
    stamps = [entry.stamp_ns / SECOND for entry in ring.snapshot()]
    assert stamps[0] == pytest.approx(7.9) and stamps[-1] == pytest.approx(9.9)


def test_ring_is_not_emptied_by_a_jump_of_the_wall_clock() -> None:
    ring = Ring(RingConfig(seconds=30.0))
    ring.add(message(stamp=5000.0), 0)
    ring.add(message(stamp=1400.0), SECOND)
    assert len(ring.snapshot()) == 2


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), max_size=60))
def test_ring_is_bounded(steps: list[tuple[int, int]]) -> None:
    ring, now = Ring(RingConfig(seconds=5.0, max_bytes=100)), 0
    for passed, size in steps:
        now += passed * SECOND
        ring.add(Message("/a", now, b"x" * size), now)
        held = ring.snapshot()
        assert ring.size == sum(len(entry.data) for entry in held) <= 100
        assert all(now - entry.stamp_ns <= 5 * SECOND for entry in held)


def test_message_larger_than_the_ring_is_not_held() -> None:
    ring = Ring(RingConfig(max_bytes=5))
    ring.add(message(), 0)
    assert ring.snapshot() == [] and ring.size == 0


def test_pictures_are_thinned_for_each_topic() -> None:
    ring = Ring(RingConfig(picture_period=0.5))
    taken = [ring.add_picture(message(topic), step * SECOND // 30) for step in range(30) for topic in ("/a", "/b")]
    assert sum(taken) == 4


def test_lasting_message_comes_first_and_once() -> None:
    ring = Ring(RingConfig(seconds=1.0))
    ring.set_lasting(message("/description", 1.0))
    ring.set_lasting(message("/description", 2.0))
    assert [entry.stamp_ns for entry in ring.snapshot()] == [2 * SECOND]
    ring.add(message("/a", 50.0), 0)
    assert [(entry.topic, entry.stamp_ns) for entry in ring.snapshot()] == [
        ("/description", 50 * SECOND),
        ("/a", 50 * SECOND),
    ]


def test_file_is_read_by_mcap_and_its_messages_by_ros2_types(tmp_path: Path) -> None:
    messages = [Message("/chatter", SECOND + step, string(f"hello {step}")) for step in range(5)]
    messages.append(Message("/unknown", SECOND, b""))
    path = tmp_path / "new" / "incident.mcap"
    written = write_mcap(
        path, messages, {"/chatter": "std_msgs/msg/String"}, lambda name: message_definition(name, find)
    )
    assert written.messages == {"/chatter": 5}
    assert (written.began_ns, written.ended_ns) == (SECOND, SECOND + 4)
    assert (written.size, written.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    assert path.stat().st_mode & 0o777 == 0o600 and len(list(path.parent.iterdir())) == 1
    with path.open("rb") as file:
        reader = mcap.reader.make_reader(file, decoder_factories=[DecoderFactory()])
        assert reader.get_header().profile == "ros2"
        texts = [decoded.data for _, _, _, decoded in reader.iter_decoded_messages()]
    assert texts == [f"hello {step}" for step in range(5)]


def test_file_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "incident.mcap"
    path.write_text("older")
    with pytest.raises(FileExistsError):
        write_mcap(path, [], {}, str)
    assert path.read_text() == "older" and len(list(tmp_path.iterdir())) == 1
    assert write_mcap(tmp_path / "empty.mcap", [], {}, str).began_ns == 0


def test_stop_is_one_incident_with_the_time_after_it() -> None:
    trigger = Trigger(after=2.0, spacing=10.0)
    trigger.on_state(False, Incident("start", stop_id=0), 0.0)
    assert trigger.take_due(5.0) is None, "not armed yet: no stop"
    trigger.on_state(True, Incident(""), 6.0)
    trigger.on_request(Incident("smoke", "operator/anna"), 7.0)
    trigger.on_state(False, Incident("smoke", "operator/anna", 4), 7.05)
    assert trigger.take_due(8.9) is None
    assert trigger.take_due(9.0) == Incident("smoke", "operator/anna", 4)
    assert trigger.take_due(9.1) is None
    trigger.on_request(Incident("again"), 12.0)
    assert trigger.take_due(16.0) is None, "belongs to the one before"
    trigger.on_request(Incident("later"), 18.0)
    assert trigger.take_due(20.0) == Incident("later")


def test_second_stop_while_latched_is_named_by_the_stop_that_is_latched() -> None:
    trigger = Trigger(after=2.0, spacing=10.0)
    trigger.on_state(True, Incident(""), 0.0)
    trigger.on_state(False, Incident("smoke", "operator/anna", 4), 1.0)
    assert trigger.take_due(3.0) == Incident("smoke", "operator/anna", 4)
    trigger.on_request(Incident("again", "operator/ben"), 20.0)
    trigger.on_state(False, Incident("smoke", "operator/anna", 4), 20.05)
    assert trigger.take_due(22.0) == Incident("again", "operator/ben", 4)


def test_stop_without_a_request_is_an_incident() -> None:
    trigger = Trigger(after=0.0, spacing=10.0)
    trigger.on_state(True, Incident(""), 0.0)
    trigger.on_state(False, Incident("heartbeat", stop_id=1), 1.0)
    assert trigger.take_due(1.0) == Incident("heartbeat", stop_id=1)
