"""The Foxglove server as its clients see it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.nodes.foxglove.server import FoxgloveServer

from .client import FoxgloveClient


@pytest.fixture
def server() -> Iterator[FoxgloveServer]:
    server = FoxgloveServer("test", 0)
    server.advertise("/chatter", "std_msgs/msg/String", "string data\n")
    yield server
    server.close()


@pytest.fixture
def client(server: FoxgloveServer) -> Iterator[FoxgloveClient]:
    client = FoxgloveClient(server.port)
    yield client
    client.close()


def until(condition: object, timeout: float = 5.0) -> None:
    end = time.monotonic() + timeout
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.005)


def test_topic_is_advertised_with_type_definition_and_encoding(server: FoxgloveServer, client: FoxgloveClient) -> None:
    client.until(lambda: "/chatter" in client.channels)
    channel = client.channels["/chatter"]
    assert client.server["name"] == "test"
    assert (channel["encoding"], channel["schemaName"], channel["schemaEncoding"], channel["schema"]) == (
        "cdr", "std_msgs/msg/String", "ros2msg", "string data\n",
    )  # fmt: skip


def test_bytes_reach_who_subscribed_as_they_were_sent(server: FoxgloveServer, client: FoxgloveClient) -> None:
    client.until(lambda: "/chatter" in client.channels)
    assert server.wanted() == set()
    client.subscribe("/chatter", 7)
    until(lambda: server.wanted() == {"/chatter"})
    assert server.take_newcomers() == {"/chatter"} and server.take_newcomers() == set()
    server.send("/chatter", b"\x00\x01\x00\x00\x03\x00\x00\x00hi\x00", 123456789)
    client.until(lambda: client.received.get(7))
    assert client.received[7] == [(123456789, b"\x00\x01\x00\x00\x03\x00\x00\x00hi\x00")]


def test_topic_that_nobody_looks_at_any_more_is_not_wanted(server: FoxgloveServer, client: FoxgloveClient) -> None:
    client.until(lambda: "/chatter" in client.channels)
    client.subscribe("/chatter", 1)
    until(lambda: server.wanted())
    client.unsubscribe(1)
    until(lambda: not server.wanted())
    client.subscribe("/chatter", 2)
    until(lambda: server.wanted())
    client.close()
    until(lambda: not server.wanted())


def test_topic_that_is_withdrawn_is_unadvertised(server: FoxgloveServer, client: FoxgloveClient) -> None:
    client.until(lambda: "/chatter" in client.channels)
    server.withdraw("/chatter")
    client.until(lambda: "/chatter" not in client.channels)
    assert server.topics == []


def test_server_listens_on_the_loopback_only(server: FoxgloveServer) -> None:
    listening = [
        line.split()[1]
        for file in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in open(file, encoding="ascii").read().splitlines()[1:]  # noqa: SIM115
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{server.port:04X}")
    ]
    assert listening == [f"0100007F:{server.port:04X}"]


def test_port_that_is_taken_is_refused_with_its_number() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} of 127.0.0.1 cannot be used"):
            FoxgloveServer("test", port)
