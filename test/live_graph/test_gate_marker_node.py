"""gate_marker_node on a graph: the gate's words, in the robot's frame, for early and late readers."""

from __future__ import annotations

from graph import Graph, wait_for
from strands_robots.msg import GateState
from visualization_msgs.msg import MarkerArray

from strands_robots.ros.messages import qos


def test_gate_is_shown_above_its_robot_and_a_silent_one_as_such() -> None:
    with Graph() as graph:
        graph.start("gate_marker_node", robots=["arm=panda"])
        client = graph.client()
        publisher = client.create_publisher(GateState, "arm/gate_state", qos.STATE)
        wait_for(publisher.get_subscription_count, 20.0, "gate_marker_node's subscription")
        heard = client.listen(MarkerArray, "gate_markers", qos.DESCRIPTION)

        def says(word: str) -> bool:
            return bool(heard) and word in heard[-1].markers[0].text

        def publish_until(word: str, state: GateState) -> None:
            def condition() -> bool:
                publisher.publish(state)
                return says(word)

            wait_for(condition, 10.0, word)

        publish_until("stopped", GateState(robot="arm", latched=True, latch_reason="stop: test", at_rest=True))
        marker = heard[-1].markers[0]
        assert marker.header.frame_id == "arm/panda_link0" and marker.text == "arm: stopped, at rest\nstop: test"
        publish_until("armed", GateState(robot="arm", at_rest=True))
        wait_for(lambda: says("not heard"), 10.0, "silence told")
