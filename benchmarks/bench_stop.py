"""From a stop request to held actuators, with the graph under load: two arms that swing, four cameras that somebody reads.

A trial: both arms swing; a process of its own publishes a StopRequest; the first applied set-point without a source is the one the
actuators brake with. Half the trials call the service instead. Then the graph is resumed.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _report import report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from graph import Client, Graph, wait_for
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from strands_robots.msg import ActionChunk, GateState, JointCommand, SafetyState, StopRequest
from strands_robots.srv import ResumeGraph

from strands_robots.robot_config import load_robot
from strands_robots.ros import qos
from strands_robots.ros.stamps import to_duration, to_seconds, to_time

ROBOTS = ("left", "right")
TRIALS = int(os.environ.get("STRANDS_ROBOTS_BENCH_TRIALS", "1000"))
JOINTS = load_robot("so101").limits().names


class Operator:
    """Moves both arms, stops them, and notes when the set-points obey."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.braking: dict[str, float] = {}
        self.applied: dict[str, JointCommand] = {}
        self.gates: dict[str, GateState] = {}
        self.sequence = time.time_ns()
        self.clock = client.listen(Clock, "/clock", qos.CLOCK, keep=1)
        self.safety = client.listen(SafetyState, "safety/state", qos.SAFETY, keep=1)
        self.stops = client.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        self.chunks = {robot: client.create_publisher(ActionChunk, f"{robot}/action_chunk", qos.COMMAND) for robot in ROBOTS}
        self.resume_client = client.create_client(ResumeGraph, "safety/resume")
        for robot in ROBOTS:
            client.create_subscription(JointCommand, f"{robot}/command_applied", self._on_applied(robot), qos.COMMAND)
            client.create_subscription(GateState, f"{robot}/gate_state", self._on_gate(robot), qos.STATE)
        wait_for(self._is_ready, 30.0, "two armed robots")

    def swing(self) -> None:
        """Let both arms swing for a few seconds and wait until they do."""
        armed = to_seconds(self.clock[-1].clock)
        wait_for(lambda: to_seconds(self.clock[-1].clock) > armed + 0.02, 5.0, "time")
        for robot, publisher in self.chunks.items():
            times = np.arange(100) * 0.05
            rows = np.tile(list(self.applied[robot].values), (len(times), 1))
            rows[:, 0] += 0.15 * np.sin(math.pi * times)
            self.sequence += 1
            message = ActionChunk(
                source="operator/bench", sequence=self.sequence, lifetime=to_duration(0.5), joint_names=list(JOINTS),
                horizon=len(rows), control_period=to_duration(0.05), values=rows.ravel().tolist(),
            )  # fmt: skip
            message.header.stamp = to_time(to_seconds(self.clock[-1].clock))
            publisher.publish(message)
        wait_for(lambda: all(self.applied[robot].source for robot in ROBOTS), 5.0, "moving arms")

    def stop(self) -> float:
        """Ask for a stop; return the time until the later of both arms braked [s]."""
        self.braking.clear()
        asked = time.monotonic()
        self.stops.publish(StopRequest(source="operator/bench", reason="benchmark"))
        wait_for(lambda: len(self.braking) == len(ROBOTS), 5.0, "braking")
        return max(self.braking.values()) - asked

    def resume(self) -> None:
        """Wait for evidence of rest and arm again."""
        wait_for(lambda: self.safety[-1].state == SafetyState.STOPPED, 10.0, "STOPPED")
        future = self.resume_client.call_async(
            ResumeGraph.Request(source="operator/bench", reason="benchmark", stop_id=self.safety[-1].stop_id)
        )
        wait_for(future.done, 10.0, "the answer of resume")
        assert future.result().success, future.result().message
        wait_for(lambda: not any(gate.latched for gate in self.gates.values()), 10.0, "armed robots")

    def _is_ready(self) -> bool:
        return (
            len(self.gates) == len(ROBOTS)
            and not any(gate.latched for gate in self.gates.values())
            and len(self.applied) == len(ROBOTS)
            and bool(self.clock and self.safety)
            and self.resume_client.service_is_ready()
            and self.stops.get_subscription_count() >= 2
        )

    def _on_applied(self, robot: str) -> Any:
        def note(message: JointCommand) -> None:
            if not message.source and robot not in self.braking:
                self.braking[robot] = time.monotonic()
            self.applied[robot] = message

        return note

    def _on_gate(self, robot: str) -> Any:
        return lambda message: self.gates.__setitem__(robot, message)


def watch_cameras() -> None:
    """Read every camera until killed; the load of the benchmark, in a process of its own."""
    client = Client(int(os.environ["ROS_DOMAIN_ID"]), "bench_watcher")
    for camera in ("overhead", *(f"{robot}/wrist" for robot in ROBOTS)):
        client.listen(Image, f"{camera}/image_raw", qos.IMAGE, keep=1)
    while True:
        time.sleep(1.0)


def measure() -> np.ndarray:
    """Return the latencies of all trials [s]."""
    with Graph() as graph, tempfile.TemporaryDirectory() as folder:
        graph.start("sim_node", robots=[f"{robot}=so101" for robot in ROBOTS], camera_rate=10.0)
        graph.start("safety_node", run_id="bench", arm_on_start=True, latch_folder=folder, robots=list(ROBOTS))
        watcher = subprocess.Popen([sys.executable, __file__, "watch"], env=graph.environment)
        try:
            operator = Operator(graph.client())
            latencies = []
            for _ in range(TRIALS):
                operator.swing()
                latencies.append(operator.stop())
                operator.resume()
        finally:
            watcher.kill()
            watcher.wait()
    return np.array(latencies)


def main() -> None:
    """Measure, print and write results/stop.json."""
    if sys.argv[1:] == ["watch"]:
        watch_cameras()
    latencies = 1e3 * measure()
    p50, p99 = np.percentile(latencies, (50, 99))
    report(
        "stop",
        {
            "trials": float(len(latencies)),
            "latency_p50_ms": float(p50),
            "latency_p99_ms": float(p99),
            "latency_max_ms": float(latencies.max()),
        },
        {"latency_p99_ms": 10.0, "control_period_ms": 10.0},
    )


if __name__ == "__main__":
    main()
