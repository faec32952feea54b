"""From a stop request to held actuators, with the graph under load: two arms that swing, three cameras that somebody reads, audit.

A trial: both arms swing; the client publishes a StopRequest; the first applied set-point without a source is the one the actuators
brake with. Half the trials call the service instead. Then the graph is resumed. Three loads:

* plain: as said;
* disk: beside it a process writes and syncs to the disk of the audit log as fast as it takes it;
* flood: beside it a process sends forged resumes and stale commands as fast as a core can.

Run it with: python benchmarks/bench_stop.py [--load plain --load disk --load flood] [--trials 1000]
"""

from __future__ import annotations

import argparse
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
from strands_robots.srv import ResumeGraph, StopGraph

from strands_robots.robot_config import load_robot
from strands_robots.ros import qos
from strands_robots.ros.stamps import to_duration, to_seconds, to_time

ROBOTS = ("left", "right")
TRIALS = {"plain": 1000, "disk": 200, "flood": 200}
"""Loads, and how many stops are measured under each."""
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
        self.chunks = {
            robot: client.create_publisher(ActionChunk, f"{robot}/action_chunk", qos.COMMAND) for robot in ROBOTS
        }
        self.resume_client = client.create_client(ResumeGraph, "safety/resume")
        self.stop_client = client.create_client(StopGraph, "safety/stop")
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

    def stop(self, by_service: bool) -> float:
        """Ask for a stop by service or topic; return the time until the later of both arms braked [s]."""
        self.braking.clear()
        asked = time.monotonic()
        if by_service:
            self.stop_client.call_async(StopGraph.Request(source="operator/bench", reason="benchmark"))
        else:
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
            and self.stop_client.service_is_ready()
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


def saturate_disk(folder: str) -> None:
    """Write and sync blocks of 1 MB to the disk of a folder until killed."""
    block = os.urandom(1 << 20)
    while True:
        with (Path(folder) / "saturate.bin").open("wb", buffering=0) as file:
            for _ in range(64):
                file.write(block)
                os.fsync(file.fileno())


def flood() -> None:
    """Send forged resumes and stale commands until killed; print how many each second."""
    client = Client(int(os.environ["ROS_DOMAIN_ID"]), "bench_flood")
    commands = client.create_publisher(JointCommand, "left/command", qos.COMMAND)
    resumes = client.create_client(ResumeGraph, "safety/resume")
    stale = JointCommand(
        source="operator/bench",
        sequence=1,
        lifetime=to_duration(0.5),
        joint_names=list(JOINTS),
        values=[0.0] * len(JOINTS),
    )
    stale.header.stamp = to_time(1.0)
    forged = ResumeGraph.Request(
        source="operator/mallory", reason="let me", stop_id=1, challenge="0" * 64, key_id="0" * 16, signature=bytes(64)
    )
    while True:
        sent, began = 0, time.monotonic()
        while time.monotonic() < began + 1.0:
            commands.publish(stale)
            future = resumes.call_async(forged)
            resumes.remove_pending_request(future)
            sent += 1
        print(sent / (time.monotonic() - began), flush=True)


def measure(load: str, trials: int) -> dict[str, float]:
    """Return the latencies of all trials under one load [ms], and what a flood reached [1/s]."""
    disk = Path(__file__).resolve().parents[1] / "build"
    with Graph() as graph, tempfile.TemporaryDirectory(dir=disk) as folder:
        graph.start("sim_node", robots=[f"{robot}=so101" for robot in ROBOTS], camera_rate=10.0)
        graph.start("safety_node", run_id="bench", arm_on_start=True, latch_folder=folder, robots=list(ROBOTS))
        graph.start("audit_node", run_id="bench", folder=f"{folder}/audit", key_folder=f"{folder}/keys")
        roles = [["watch"], *{"disk": [["saturate", folder]], "flood": [["flood"]]}.get(load, [])]
        helpers = [
            subprocess.Popen(
                [sys.executable, __file__, *role], env=graph.environment, stdout=subprocess.PIPE, text=True
            )
            for role in roles
        ]
        try:
            operator = Operator(graph.client())
            latencies = []
            for trial in range(trials):
                operator.swing()
                latencies.append(operator.stop(by_service=trial % 2 == 1))
                operator.resume()
        finally:
            for helper in helpers:
                helper.kill()
        printed = [helper.communicate()[0] for helper in helpers]
    p50, p99, most = np.percentile(1e3 * np.array(latencies), (50, 99, 100))
    figures = {"trials": float(trials), "p50_ms": float(p50), "p99_ms": float(p99), "max_ms": float(most)}
    if load == "flood":
        figures["flood_pairs_per_s"] = float(np.median([float(line) for line in printed[-1].split()]))
    return {f"{load}_{name}": value for name, value in figures.items()}


def main() -> None:
    """Measure, print and write results/stop.json."""
    roles = {"watch": watch_cameras, "flood": flood, "saturate": saturate_disk}
    if sys.argv[1:2] and sys.argv[1] in roles:
        roles[sys.argv[1]](*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", action="append", choices=list(TRIALS), help="a load; all when not given")
    parser.add_argument("--trials", type=int, default=0, help="stops under each load; 0 for its own number")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    for load in arguments.load or TRIALS:
        figures.update(measure(load, arguments.trials or TRIALS[load]))
    report("stop", figures, {"latency_p99_ms": 10.0, "control_period_ms": 10.0})


if __name__ == "__main__":
    main()
