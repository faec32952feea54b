"""From a stop request to held actuators, with the graph under load: two arms that swing, three cameras with a reader, audit.

A trial: both arms swing; the client publishes a StopRequest; the first applied set-point without a source is the one the actuators
brake with. Half the trials call the service instead. Then the graph is resumed. Three loads:

* plain: as said;
* disk: beside it a process writes and syncs to the disk of the audit log as fast as it takes it;
* flood: beside it a process sends forged resumes and stale commands as fast as a core can;
* half: beside it other processes leave half a core of the machine to the graph;
* full: beside it as many processes as there are cores never rest.

The reference of the same trials is the bare middleware: a node of ten lines that answers each StopRequest with a JointCommand.

Run it with: python benchmarks/bench_stop.py [--load plain --load half ...] [--trials 1000]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _load import busy, left
from _report import report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test" / "system"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from graph import Client, Graph, wait_for
from sensor_msgs.msg import Image
from strands_robots.msg import JointCommand, StopRequest
from strands_robots.srv import ResumeGraph, StopGraph
from two_arms import ARMS, JOINTS, SOURCE, TwoArms

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration, to_time

ECHO = "bench/echo"
TRIALS = {"plain": 1000, "disk": 200, "flood": 200, "half": 200, "full": 200}
"""Loads, and how many stops are measured under each."""

BUSY = {"half": left(0.5), "full": left(0.0)}
"""Cores that other work takes."""

GOALS = {"plain": 10.0, "half": 10.0, "full": 20.0}
"""99th percentile of the time to braking [ms]."""

SWITCH_INTERVAL = 0.0005
"""How long the measuring thread waits for the one that receives [s]; Python's own is 5 ms, as much as is measured."""


class Operator(TwoArms):
    """Moves both arms, stops them, and notes when the set-points obey."""

    def __init__(self, client: Client) -> None:
        self.braking: dict[str, float] = {}
        self.echoed: list[float] = []
        super().__init__(client)
        self.stops = client.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        self.stop_client = client.create_client(StopGraph, "safety/stop")
        client.create_subscription(JointCommand, ECHO, lambda _: self.echoed.append(time.monotonic()), qos.COMMAND)
        wait_for(lambda: self.stops.get_subscription_count() >= 2, 10.0, "robots and supervisor that hear a stop")
        wait_for(
            lambda: client.count_publishers(ECHO) and client.count_subscribers("safety/stop_request") >= 3, 20.0, "echo"
        )
        wait_for(self.stop_client.service_is_ready, 10.0, "the service of stops")

    def begin(self) -> int:
        """Arm and swing both arms; return how often they stopped again before they were under way, for want of a heartbeat."""
        for stalls in range(20):
            self.arm()
            with contextlib.suppress(AssertionError):
                self.swing()
                return stalls
        raise AssertionError("both arms stopped 20 times before they were under way: the machine is too busy")

    def stop(self, by_service: bool) -> float:
        """Ask for a stop by service or topic; return the time until the later of both arms braked [s]."""
        self.braking.clear()
        self.echoed.clear()
        self.asked = time.monotonic()
        if by_service:
            self.stop_client.call_async(StopGraph.Request(source=SOURCE, reason="benchmark"))
        else:
            self.stops.publish(StopRequest(source=SOURCE, reason="benchmark"))
        wait_for(lambda: len(self.braking) == len(ARMS), 5.0, "braking")
        return max(self.braking.values()) - self.asked

    def echo(self) -> float:
        """Return how long the bare node took to answer the last stop on the topic [s]."""
        wait_for(lambda: self.echoed, 5.0, "the answer of the bare node")
        return self.echoed[0] - self.asked

    def _on_applied(self, arm: str) -> Callable[[JointCommand], None]:
        remember = super()._on_applied(arm)

        def note(message: JointCommand) -> None:
            if not message.source:
                self.braking.setdefault(arm, time.monotonic())
            remember(message)

        return note


def watch_cameras() -> None:
    """Read every camera until killed; the load of the benchmark, in a process of its own."""
    client = Client(int(os.environ["ROS_DOMAIN_ID"]), "bench_watcher")
    for camera in ("overhead", *(f"{robot}/wrist" for robot in ARMS)):
        client.listen(Image, f"{camera}/image_raw", qos.IMAGE, keep=1)
    while True:
        time.sleep(1.0)


def echo_stops() -> None:
    """Answer each StopRequest with a JointCommand until killed; what the middleware alone takes."""
    client = Client(int(os.environ["ROS_DOMAIN_ID"]), "bench_echo")
    answers = client.create_publisher(JointCommand, ECHO, qos.COMMAND)
    client.create_subscription(
        StopRequest, "safety/stop_request", lambda _: answers.publish(JointCommand()), qos.SAFETY
    )
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
    sys.setswitchinterval(SWITCH_INTERVAL)
    with Graph() as graph, tempfile.TemporaryDirectory(dir=disk) as folder, busy(BUSY.get(load, 0.0)):
        graph.start("sim_node", robots=[f"{robot}=so101" for robot in ARMS], camera_rate=10.0)
        graph.start("safety_node", run_id="bench", arm_on_start=True, latch_folder=folder, robots=list(ARMS))
        graph.start("audit_node", run_id="bench", folder=f"{folder}/audit", key_folder=f"{folder}/keys")
        roles = [["watch"], ["echo"], *{"disk": [["saturate", folder]], "flood": [["flood"]]}.get(load, [])]
        helpers = [
            subprocess.Popen(
                [sys.executable, __file__, *role], env=graph.environment, stdout=subprocess.PIPE, text=True
            )
            for role in roles
        ]
        try:
            operator = Operator(graph.client())
            latencies, echoes, stalls = [], [], 0
            for trial in range(trials):
                stalls += operator.begin()
                by_service = trial % 2 == 1
                latencies.append(operator.stop(by_service))
                if not by_service:
                    echoes.append(operator.echo())
                operator.wait_stopped()
        finally:
            for helper in helpers:
                helper.kill()
        printed = [helper.communicate()[0] for helper in helpers]
    figures = {
        "trials": float(trials),
        "stopped_before": float(stalls),
        **percentiles("", latencies),
        **percentiles("bare_", echoes),
    }
    for name in ("p50", "p99"):
        figures[f"{name}_ratio"] = figures[f"{name}_ms"] / figures[f"bare_{name}_ms"]
    if load == "flood":
        figures["flood_pairs_per_s"] = float(np.median([float(line) for line in printed[-1].split()]))
    return figures


def percentiles(prefix: str, latencies: list[float]) -> dict[str, float]:
    """Return the median, the 99th percentile and the greatest of latencies [s], in ms."""
    p50, p99, most = np.percentile(1e3 * np.array(latencies), (50, 99, 100))
    return {f"{prefix}p50_ms": float(p50), f"{prefix}p99_ms": float(p99), f"{prefix}max_ms": float(most)}


def main() -> None:
    """Measure, print and write results/stop_<load>.json."""
    roles = {"watch": watch_cameras, "echo": echo_stops, "flood": flood, "saturate": saturate_disk}
    if sys.argv[1:2] and sys.argv[1] in roles:
        roles[sys.argv[1]](*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", action="append", choices=list(TRIALS), help="a load; all when not given")
    parser.add_argument("--trials", type=int, default=0, help="stops under each load; 0 for its own number")
    arguments = parser.parse_args()
    for load in arguments.load or TRIALS:
        figures = measure(load, arguments.trials or TRIALS[load])
        goals = {"p99_ms": f"under {GOALS[load]:.0f}"} if load in GOALS else {}
        report(f"stop_{load}", figures, {"control_period_ms": 10.0}, goals)


if __name__ == "__main__":
    main()
