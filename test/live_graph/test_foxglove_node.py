"""foxglove_node on a graph: what is there is offered, with its definition, and passed on while somebody looks."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from graph import Client, Graph, wait_for
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from strands_robots.ros.messages import qos

from .client import FoxgloveClient


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Graph, Client, int]]:
    with Graph() as graph:
        port = free_port()
        graph.start("foxglove_node", port=port)
        yield graph, graph.client(), port


@pytest.fixture
def viewer(served: tuple[Graph, Client, int]) -> Iterator[FoxgloveClient]:
    def connected() -> FoxgloveClient | None:
        try:
            return FoxgloveClient(served[2])
        except OSError:
            return None

    viewer = wait_for(connected, 20.0, "foxglove_node's port")
    yield viewer
    viewer.close()


def test_topics_come_with_their_nested_definition_and_their_bytes(
    served: tuple[Graph, Client, int], viewer: FoxgloveClient
) -> None:
    publisher = served[1].create_publisher(JointState, "arm/joint_states", qos.STATE)
    viewer.until(lambda: "/arm/joint_states" in viewer.channels)
    channel = viewer.channels["/arm/joint_states"]
    assert channel["schemaName"] == "sensor_msgs/msg/JointState" and channel["encoding"] == "cdr"
    assert re.search(r"^MSG: std_msgs/Header$", channel["schema"], re.MULTILINE)
    assert publisher.get_subscription_count() == 0, "nobody looks yet"
    viewer.subscribe("/arm/joint_states", 1)
    wait_for(publisher.get_subscription_count, 10.0, "foxglove_node's subscription")
    publisher.publish(JointState(name=["elbow"], position=[0.25]))
    viewer.until(lambda: viewer.received.get(1))
    heard = deserialize_message(viewer.received[1][0][1], JointState)
    assert list(heard.name) == ["elbow"] and heard.position[0] == 0.25
    viewer.unsubscribe(1)
    wait_for(lambda: publisher.get_subscription_count() == 0, 10.0, "the end of the subscription")
    served[1].destroy_publisher(publisher)
    viewer.until(lambda: "/arm/joint_states" not in viewer.channels)


def test_what_was_said_once_is_told_to_every_viewer(served: tuple[Graph, Client, int], viewer: FoxgloveClient) -> None:
    publisher = served[1].create_publisher(String, "arm/robot_description", qos.DESCRIPTION)
    publisher.publish(String(data="<robot/>"))
    other = FoxgloveClient(served[2])
    for number, client in enumerate((viewer, other)):
        client.until(lambda client=client: "/arm/robot_description" in client.channels)
        client.subscribe("/arm/robot_description", number)
        client.until(lambda client=client, number=number: client.received.get(number))
        assert deserialize_message(client.received[number][0][1], String).data == "<robot/>"
    other.close()
    served[1].destroy_publisher(publisher)


def test_own_messages_of_the_package_have_a_definition(
    served: tuple[Graph, Client, int], viewer: FoxgloveClient
) -> None:
    from strands_robots.msg import GateState

    publisher = served[1].create_publisher(GateState, "arm/gate_state", qos.STATE)
    viewer.until(lambda: "/arm/gate_state" in viewer.channels)
    assert "MSG: strands_robots/RefusalCount" in viewer.channels["/arm/gate_state"]["schema"]
    served[1].destroy_publisher(publisher)
