"""`strands-robots real reconnect`: a lost arm is connected again, whoever else listens on the graph."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graph import Graph, wait_for
from strands_robots.msg import ActionChunk, GateState, JointCommand

from strands_robots.ros.messages import qos

from .simulated_bus import SimulatedBus, write_calibration

pytest.importorskip("lerobot.motors.feetech")


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[SimulatedBus]:
    bus = SimulatedBus(tmp_path)
    yield bus
    bus.close()


def reconnect(graph: Graph, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "strands_robots.cli.entry", "real", "reconnect", *options]
    return subprocess.run(command, env=graph.environment, capture_output=True, text=True, timeout=60.0)


def test_lost_arm_is_connected_again_beside_a_recorder_and_holds_where_it_is(bus: SimulatedBus, tmp_path: Path) -> None:
    with Graph() as graph:
        recorder = graph.client("rosbag2_recorder")
        for kind, topic in ((JointCommand, "command"), (ActionChunk, "action_chunk")):
            recorder.create_subscription(kind, f"so101/{topic}", lambda message: None, qos.COMMAND)
        gates = recorder.listen(GateState, "so101/gate_state", qos.STATE)
        calibration = write_calibration(tmp_path / "mine.json")
        graph.start(
            "driver_node", robot="so101=so101", port=bus.port, calibration=str(calibration), autostart="activate",
            heartbeat_timeout=3.0, answer_timeout=1.0,
        )  # fmt: skip
        wait_for(lambda: gates, 40.0, "the driver, which starts although its topics have a listener")
        refused = reconnect(graph)
        assert refused.returncode == 1 and "connected and active" in refused.stderr
        bus.do("unplug")
        wait_for(lambda: "link lost" in gates[-1].latch_reason, 10.0, "the lost link")
        refused = reconnect(graph, "--robot", "koch")
        assert refused.returncode == 1 and "'koch'" in refused.stderr and "so101" in refused.stderr
        wait_for(lambda: "is lost" in graph.processes[0].text, 10.0, "the inactive driver")
        refused = reconnect(graph)
        assert refused.returncode == 1, refused.stdout
        assert "configure was refused" in refused.stderr and "does not exist" in refused.stderr, refused.stderr
        bus.do("plug")
        before = bus.joint("shoulder_lift")
        session = gates[-1].session
        done = reconnect(graph, "--robot", "so101")
        assert done.returncode == 0, done.stderr + graph.report()
        assert "'so101' is connected" in done.stdout
        wait_for(lambda: gates[-1].session != session, what="the gate of the new connection")
        assert gates[-1].latched, "connecting is not resuming"
        assert bus.torque() == "111111" and abs(bus.joint("shoulder_lift") - before) < 0.05
