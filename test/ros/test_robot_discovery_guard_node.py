"""Who counts as another robot of the same name: who speaks as one, and never who only listens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graph import Graph, wait_for
from sensor_msgs.msg import JointState
from strands_robots.msg import ActionChunk, GateState, JointCommand

from strands_robots.nodes.driver.robot_discovery_guard import other_robot
from strands_robots.ros.messages import qos


@pytest.fixture
def graph() -> Iterator[Graph]:
    with Graph() as graph:
        yield graph


def test_listener_of_the_command_topics_is_no_rival(graph: Graph) -> None:
    driver, recorder = graph.client("driver_node"), graph.client("rosbag2_recorder")
    for kind, topic in ((JointCommand, "command"), (ActionChunk, "action_chunk"), (GateState, "gate_state")):
        recorder.create_subscription(kind, f"so101/{topic}", lambda message: None, qos.COMMAND)
    wait_for(lambda: driver.count_subscribers("/so101/command"), what="the listener")
    assert other_robot(driver, "so101") == ""


@pytest.mark.parametrize(("kind", "topic"), [(GateState, "gate_state"), (JointState, "joint_states")])
def test_node_that_speaks_as_the_robot_is_a_rival(graph: Graph, kind: type, topic: str) -> None:
    driver, other = graph.client("driver_node"), graph.client("other_driver")
    other.create_publisher(kind, f"so101/{topic}", qos.STATE)
    wait_for(lambda: driver.count_publishers(f"/so101/{topic}"), what="the other robot")
    # A publisher may be discovered before the name of its node.
    wait_for(lambda: other_robot(driver, "so101") == "/other_driver", what="the other robot's name")
    assert other_robot(driver, "koch") == ""
