"""A pair of real arms in one graph, an SO-101 and a Koch on two simulated buses: each moves by its name, and one's fault stops both."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from drivers.simulated_bus import MOUNTS, SimulatedBus, write_calibration, write_dynamixel_calibration
from graph import Client, Graph, Process, wait_for
from sensor_msgs.msg import JointState
from strands_robots.action import MoveTo
from strands_robots.msg import GateState, SafetyState
from strands_robots.srv import ResumeGraph

from strands_robots.ros.messages import qos

pytest.importorskip("lerobot.motors.feetech")
pytest.importorskip("dynamixel_sdk")

pytestmark = [pytest.mark.long, pytest.mark.learning]


@dataclass
class Pair:
    """The graph and both buses."""

    left: SimulatedBus
    right: SimulatedBus
    graph: Graph
    client: Client


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folders: list[Path] = [tmp_path_factory.mktemp(name) for name in ("left", "right")]
    left = SimulatedBus(folders[0])
    right = SimulatedBus(folders[1], MOUNTS, "--robot", "koch")
    mine = write_calibration(folders[0] / "l.json")
    other = write_dynamixel_calibration(folders[1] / "r.json", "koch")
    try:
        with Graph() as graph:
            command = [sys.executable, "-m", "strands_robots.cli.entry", "real", "--robot", "left:=so101"]
            command += ["--port", left.port, "--calibration", str(mine), "--no-incidents"]
            command += ["--second", f"right:=koch,{right.port},{other}"]
            graph.processes.append(Process(command, {**graph.environment, "ROS_HOME": str(folders[0])}))
            yield Pair(left, right, graph, graph.client())
    finally:
        left.close()
        right.close()


def test_each_arm_moves_by_its_name_and_the_fault_of_one_stops_both(pair: Pair) -> None:
    from rclpy.action import ActionClient

    client = pair.client
    gates = {name: client.listen(GateState, f"{name}/gate_state", qos.STATE) for name in ("left", "right")}
    states = {name: client.listen(JointState, f"{name}/joint_states", qos.STATE) for name in ("left", "right")}
    safety = client.listen(SafetyState, "safety/state", qos.SAFETY)
    wait_for(lambda: safety and all(gates[n] and gates[n][-1].at_rest and states[n] for n in gates), 60.0, "two arms")
    assert pair.left.torque() == pair.right.torque() == "111111"
    assert all(gates[name][-1].latched for name in gates)

    def are_armed() -> bool:
        request = ResumeGraph.Request(source="operator/test", reason="test", stop_id=safety[-1].stop_id)
        client.call(ResumeGraph, "safety/resume", request)
        time.sleep(0.2)
        return not any(gates[name][-1].latched for name in gates)

    wait_for(are_armed, 30.0, "two armed arms")
    mover = ActionClient(client, MoveTo, "move_to")
    wait_for(mover.server_is_ready, 20.0, "motion_node")
    goal = MoveTo.Goal(robot="right", source="operator/test", joint_names=["shoulder_pan"], positions=[0.4])
    stood = pair.left.joint("shoulder_pan")
    sent = mover.send_goal_async(goal)
    wait_for(sent.done, 10.0, "the goal")
    result = sent.result().get_result_async()
    wait_for(result.done, 20.0, "the end of the motion")
    assert result.result().result.success, result.result().result.message
    assert pair.right.joint("shoulder_pan") == pytest.approx(0.4, abs=0.03)
    assert pair.left.joint("shoulder_pan") == pytest.approx(stood, abs=0.01)
    pair.right.do("temperature wrist_flex 80")
    wait_for(lambda: "wrist_flex" in safety[-1].stop_reason, 10.0, "the stop")
    wait_for(lambda: all(gates[name][-1].latched for name in gates), 5.0, "two stopped arms")
    mover.destroy()
