"""sim_node as its users see it: command latency, rates, image age, pacing and processor time, on real processes.

Run it after `source install/setup.bash`: python benchmarks/bench_node.py [--seconds 20] [--no-cameras] [--busy 1.0]

With --busy other processes keep that many cores busy; a half-loaded machine of two cores is --busy 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import rclpy
from _load import busy
from _report import report
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from graph import Graph, Process, wait_for
from strands_robots.msg import GateState, JointCommand

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import fill_time, to_duration, to_seconds

CAMERAS = ("so101/wrist/image_raw", "overhead/image_raw")
GOALS = {"tick_lateness_p99_ms": "under 1 on a half-loaded machine", "image_age_p99_ms": "under 5"}
REFERENCE = {
    "real_time_factor": "1.00 +- 0.02",
    "joint_states_rate_hz": "100 +- 2",
    "command_latency_p50_ms": 2.2,
    "command_latency_p99_ms": 5.7,
    "tick_lateness_p50_ms": 0.1,
    "tick_lateness_p99_ms": 1.4,
    "image_age_p99_ms": 5.0,
    "image_rate_hz": 30.0,
    "processor_cores": "0.28 to 0.4",
}


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used [s]. Source: proc(5), fields utime and stime."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(seconds: float, cameras: bool) -> None:
    """In a process of its own, as a user's node: print the rate of joint_states and age and rate of pictures."""
    rclpy.init()
    node = rclpy.create_node("watch")
    ages: list[float] = []
    states: list[float] = []

    def on_image(message: Image, info: Any) -> None:
        ages.append(time.time() - info["source_timestamp"] * 1e-9)

    node.create_subscription(
        JointState, "so101/joint_states", lambda message: states.append(time.monotonic()), qos.STATE
    )
    for topic in CAMERAS if cameras else ():
        node.create_subscription(Image, topic, on_image, qos.IMAGE_READER)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    end = time.monotonic() + 20.0
    while (len(states) < 10 or (cameras and len(ages) < 10)) and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.1)
    print("ready", flush=True)
    time.sleep(0.5)
    executor.spin_once(timeout_sec=0.0)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        executor.spin_once(timeout_sec=0.1)
    ages.clear()
    states.clear()
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        executor.spin_once(timeout_sec=0.1)
    elapsed = time.monotonic() - start
    figures = {"joint_states_rate_hz": len(states) / elapsed}
    if cameras:
        p50, p99 = np.percentile(ages, (50, 99)) * 1e3
        figures |= {
            "image_age_p50_ms": p50,
            "image_age_p99_ms": p99,
            "image_rate_hz": len(ages) / len(CAMERAS) / elapsed,
        }
    print(json.dumps(figures), flush=True)


class Commander:
    """Sends one command at a time and waits until it is seen in command_applied."""

    def __init__(self) -> None:
        self.node = rclpy.create_node("commander")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.applied: JointCommand | None = None
        self.gate: GateState | None = None
        self.clock = Clock()
        subscribe = self.node.create_subscription
        subscribe(JointCommand, "so101/command_applied", lambda m: setattr(self, "applied", m), qos.COMMAND)
        subscribe(GateState, "so101/gate_state", lambda m: setattr(self, "gate", m), qos.STATE)
        subscribe(Clock, "/clock", lambda m: setattr(self, "clock", m), qos.CLOCK)
        self.health: list[DiagnosticArray] = []
        subscribe(DiagnosticArray, "/diagnostics", lambda m: self.health.append(m), qos.STATE)
        self.publisher = self.node.create_publisher(JointCommand, "so101/command", qos.COMMAND)
        self._sequence = time.time_ns()

    def wait(self, condition: Any, timeout: float) -> bool:
        """Spin until the condition holds; False after the timeout [s]."""
        end = time.perf_counter() + timeout
        while not condition():
            if time.perf_counter() > end:
                return False
            self.executor.spin_once(timeout_sec=0.02)
        return True

    def round_trip(self) -> float:
        """Return how long one command took until it was seen back [s]; NaN when it was not."""
        assert self.applied is not None
        self._sequence += 1
        sequence = self._sequence
        message = JointCommand(
            source="operator/bench", sequence=sequence, lifetime=to_duration(1.0),
            joint_names=self.applied.joint_names, values=self.applied.values,
        )  # fmt: skip
        message.values[0] += random.uniform(-0.02, 0.02)
        fill_time(message.header.stamp, to_seconds(self.clock.clock))
        start = time.perf_counter()
        self.publisher.publish(message)
        seen = self.wait(lambda: self.applied.sequence == sequence, 0.5)
        return time.perf_counter() - start if seen else float("nan")


@contextmanager
def watching(graph: Graph, seconds: float, cameras: bool) -> Iterator[IO[str]]:
    """Start a process that watches the robot; gives what it prints."""
    command = [sys.executable, __file__, "--watch", str(seconds), *([] if cameras else ["--no-cameras"])]
    with subprocess.Popen(command, env=graph.environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "ready" in process.stdout.readline()
            yield process.stdout
        finally:
            process.kill()


def measure(graph: Graph, sim: Process, seconds: float, cameras: bool) -> dict[str, float]:
    """Return the figures of a running graph.

    safety_node starts last: the start of another process on a busy machine may cost the robot its heartbeat.
    """
    commander = Commander()
    with watching(graph, seconds + 8.0, cameras) as watch_output:
        run = f"bench-{os.getpid()}"
        folder = Path(tempfile.gettempdir()) / run
        graph.start("safety_node", run_id=run, arm_on_start=True, latch_folder=str(folder))
        is_armed = commander.wait(lambda: commander.gate is not None and not commander.gate.latched, 30.0)
        assert is_armed, f"the robot was not armed; the gate says {commander.gate}"
        assert commander.wait(lambda: commander.applied is not None and commander.clock.clock.nanosec, 10.0)
        commander.wait(lambda: False, 1.0)
        commander.health.clear()
        wall, simulated, used = time.monotonic(), to_seconds(commander.clock.clock), processor_seconds(sim.pid)
        latencies = []
        while time.monotonic() - wall < seconds:
            latencies.append(commander.round_trip())
            commander.wait(lambda: False, random.uniform(0.01, 0.03))
        elapsed = time.monotonic() - wall
        figures: dict[str, float] = {
            "real_time_factor": (to_seconds(commander.clock.clock) - simulated) / elapsed,
            "processor_cores": (processor_seconds(sim.pid) - used) / elapsed,
        }
        figures |= json.loads(watch_output.readline())
    times = np.array(latencies) * 1e3
    seen = times[np.isfinite(times)]
    assert len(seen), f"no command was seen back; the gate says {commander.gate}"
    p50, p99 = np.percentile(seen, (50, 99))
    figures |= {"command_latency_p50_ms": p50, "command_latency_p99_ms": p99, "command_latency_max_ms": seen.max()}
    figures |= {"commands": len(times), "commands_not_seen": len(times) - len(seen)}
    return {name: float(value) for name, value in (figures | _lateness(commander.health)).items()}


def _lateness(health: list[DiagnosticArray]) -> dict[str, float]:
    """Return the pacing that the node itself reports."""
    worlds = [s for array in health for s in array.status if s.name.endswith("sim_node: world")]
    values = [{v.key: v.value for v in world.values} for world in worlds]
    names = ("tick_lateness_p50_ms", "tick_lateness_p99_ms", "tick_lateness_max_ms")
    return {name: float(np.median([float(v[name]) for v in values])) for name in names} | {
        "schedule_shifts": float(values[-1]["schedule_shifts"])
    }


def main() -> None:
    """Start the graph, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--no-cameras", action="store_true")
    parser.add_argument("--busy", type=float, default=0.0, help="cores that other work takes")
    parser.add_argument("--watch", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.watch:
        watch(given.watch, not given.no_cameras)
        return
    with Graph() as graph, busy(given.busy):
        os.environ |= graph.environment
        sim = graph.start("sim_node", robots=["so101=so101"], cameras=not given.no_cameras)
        rclpy.init()
        try:
            wait_for(lambda: sim.exit_code is None, 1.0)
            figures = measure(graph, sim, given.seconds, not given.no_cameras)
        except AssertionError:
            print(graph.report())
            raise
        finally:
            rclpy.try_shutdown()
    name = f"node{'_without_cameras' * given.no_cameras}{'_busy' * bool(given.busy)}"
    report(name, figures | {"busy_cores": given.busy}, REFERENCE, GOALS)


if __name__ == "__main__":
    main()
