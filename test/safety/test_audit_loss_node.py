"""safety_node without a record: stops are not delayed, and a graph that must be recorded is armed only while it is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from graph import Graph, wait_for
from strands_robots.msg import AuditState, SafetyState

from strands_robots.ros.messages import qos

from .test_safety_node import Rig


@pytest.mark.guarantee(
    "Audit",
    "a stop waits for no record: it is out before it is recorded, and its answer waits 0.1 s at most",
    "nodes/safety/stop_services.py",
)
def test_stop_without_audit_node_is_not_delayed_and_says_so(graph: Graph, tmp_path: Path) -> None:
    rig = Rig(graph, tmp_path, audit_wait=3.0)
    robot = rig.robot()
    rig.wait_armed(robot)
    rig.states.clear()
    begin = time.monotonic()
    response = rig.stop()
    assert time.monotonic() - begin >= 3.0, "the answer waits for a receipt"
    assert (response.success, response.audited) == (True, False)
    assert "NOT RECORDED within 3 s" in response.message
    stopped = [state for state in rig.states if state.state != SafetyState.ARMED]
    assert len(stopped) > 40, "the stop was out all that time, at 20 Hz"


@pytest.mark.guarantee(
    "Audit", "with `on_audit_loss` `stop` nothing is armed unrecorded", "nodes/safety/audit_monitor.py"
)
def test_graph_that_must_be_recorded_is_armed_only_while_it_is(graph: Graph, tmp_path: Path) -> None:
    rig = Rig(graph, tmp_path, on_audit_loss="stop", arm_on_start=False, audit_wait=0.0)
    robot = rig.robot()
    rig.wait_at_rest()
    refused = rig.resume()
    assert (refused.success, refused.refusal) == (False, "not_recorded")
    audit = rig.client.create_publisher(AuditState, "audit/state", qos.STATE)
    wait_for(audit.get_subscription_count, 10.0, "safety_node on audit/state")

    def resumed() -> bool:
        audit.publish(AuditState())
        return bool(rig.resume().success)

    wait_for(resumed, 10.0, "the resume of a graph that is recorded")
    rig.wait_armed(robot)
    audit.publish(AuditState(alarm="No space left on device"))
    state = rig.wait(SafetyState.STOPPED, "NOT RECORDED")
    assert "No space left on device" in state.stop_reason
    assert rig.resume().refusal == "not_recorded"
