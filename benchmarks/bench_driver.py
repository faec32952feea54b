"""A real arm's path from command to motor: driver_node, LeRobot's bus at the pace of 1 Mbaud, and the simulated servos behind it.

* bus: how many reads and writes of six servos a second the driver makes when nothing waits, and how even its 100 Hz are;
* command: from publishing a JointCommand until the first servo has another goal;
* stop: from publishing a StopRequest, with stop category 0, until no servo gives torque;
* processor: what driver_node uses at 100 Hz, holding and moving.

The bus is a process of its own, whose answers take as long as their bytes on the wire. Run it with: python benchmarks/bench_driver.py
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from _report import report
from bench_node import processor_seconds

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from contract.robot_under_test import RobotUnderTest
from drivers.driven_arm import NAMES, ROBOT, DrivenArm
from drivers.simulated_bus import MOUNTS, write_calibration
from graph import Graph, wait_for
from strands_robots.msg import StopRequest

from strands_robots.drivers.feetech import FeetechDriver, FeetechOptions
from strands_robots.servo_bus.process import BusOptions, BusProcess

PERIOD_MS = 10.0
REFERENCE = {
    "wire_time_of_a_cycle_ms": 2.1,
    "control_period_ms": PERIOD_MS,
    "command_latency_p99_ms": "below two control periods",
    "stop_latency_p99_ms": "below two control periods and the wire's time for the torque of six servos",
}


def serve(folder: str) -> None:
    """Be the bus until killed; print when the first servo's goal changes, and when the last torque goes."""
    bus = BusProcess(BusOptions("so101", link=Path(folder) / "bus", mounts=MOUNTS))
    servos, receive = bus.arm.servos, bus.bus.receive
    last: dict[str, Any] = {"goal": servos[0].goal, "torque": True}

    def watched(*request: Any) -> bytes:
        answer = receive(*request)
        goal, torque = servos[0].goal, any(servo.torque for servo in servos)
        if goal != last["goal"]:
            print(f"goal {time.monotonic()}", flush=True)
        if last["torque"] and not torque:
            print(f"off {time.monotonic()}", flush=True)
        last.update(goal=goal, torque=torque)
        return answer

    bus.bus.receive = watched  # type: ignore[method-assign]
    print("ready", flush=True)
    bus.run(lambda: False)


class WatchedBus:
    """The bus in a process of its own, and what it says.

    Its argument is "servo-bus", by which the driver knows that the terminal's other end is not another program.
    """

    def __init__(self, folder: Path) -> None:
        self.port = str(folder / "bus")
        self.events: list[tuple[str, float]] = []
        self._process = subprocess.Popen(
            [sys.executable, __file__, "servo-bus", str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert cast("IO[str]", self._process.stdout).readline() == "ready\n"
        threading.Thread(target=self._read, daemon=True).start()

    def first(self, kind: str, since: float, timeout: float = 5.0) -> float:
        """Return when something happened first after `since` [s, steady time]."""
        found = wait_for(lambda: [at for what, at in list(self.events) if what == kind and at >= since], timeout, kind)
        return found[0]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _read(self) -> None:
        for line in cast("IO[str]", self._process.stdout):
            kind, _, at = line.partition(" ")
            self.events.append((kind, float(at)))


def measure_bus(bus: WatchedBus, calibration: Path, seconds: float) -> dict[str, float]:
    """Return cycles a second without waiting, and how even 100 Hz are."""
    driver = FeetechDriver(ROBOT.config, FeetechOptions(bus.port, calibration))
    driver.connect()
    position, velocity, effort = (np.zeros(len(NAMES)) for _ in range(3))
    turns = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        driver.read(position, velocity, effort)
        driver.set_target(position)
        turns.append(time.monotonic() - start)
    driver.disconnect()
    arm = DrivenArm(bus.port, calibration)
    publish, ticks = arm.heard.publish_state, []

    def note(*state: Any) -> None:
        ticks.append(time.monotonic())
        publish(*state)

    arm.heard.publish_state = note  # type: ignore[method-assign]
    arm.arm()
    time.sleep(seconds)
    arm.close()
    away = np.abs(np.diff(ticks) * 1e3 - PERIOD_MS)
    health = arm.driver.health
    return {
        "bus_cycles_hz": len(turns) / sum(turns),
        "bus_cycle_p50_ms": 1e3 * float(np.median(turns)),
        "bus_cycle_p99_ms": 1e3 * float(np.percentile(turns, 99)),
        "loop_rate_hz": (len(ticks) - 1) / (ticks[-1] - ticks[0]),
        "loop_jitter_p50_ms": float(np.median(away)),
        "loop_jitter_p99_ms": float(np.percentile(away, 99)),
        "loop_jitter_max_ms": float(away.max()),
        "loop_incomplete_reads_percent": 100.0 * health.incomplete / max(health.cycles, 1),
    }


def measure_node(bus: WatchedBus, calibration: Path, trials: int, seconds: float) -> dict[str, float]:
    """Return the latencies of driver_node and its processor time."""
    limits = ROBOT.config.limits()
    with Graph() as graph:
        process = graph.start(
            "driver_node", robot="so101=so101", port=bus.port, calibration=str(calibration), autostart="activate",
            stop_category=0,
        )  # fmt: skip
        robot = RobotUnderTest(
            graph, "so101", limits.names, limits.lower.tolist(), limits.upper.tolist(), uses_simulated_time=False
        )
        robot.make_free()
        used, start = processor_seconds(process.pid), time.monotonic()
        time.sleep(seconds)
        holding = (processor_seconds(process.pid) - used) / (time.monotonic() - start)
        used, start = processor_seconds(process.pid), time.monotonic()
        commands = [_command(robot, bus) for _ in range(trials)]
        moving = (processor_seconds(process.pid) - used) / (time.monotonic() - start)
        stops = [_stop(robot, bus) for _ in range(max(trials // 4, 1))]
    return {
        **_spread("command_latency", commands),
        **_spread("stop_to_torque_off", stops),
        "driver_node_holding_cores": holding,
        "driver_node_commanded_cores": moving,
    }


def _command(robot: RobotUnderTest, bus: WatchedBus) -> float:
    """Return one latency [s]; NaN when the gate did not take the command, as on a machine that starves the heartbeat."""
    robot.make_free()
    goal = robot.other(0, 0.05)
    command = robot.command(goal)
    asked = time.monotonic()
    robot.command_publisher.publish(command)
    try:
        latency = bus.first("goal", asked, 2.0) - asked
    except AssertionError:
        return float("nan")
    wait_for(lambda: robot.gate.at_rest and not robot.gate.playing, what="rest")
    time.sleep(0.013 + 0.01 * np.random.default_rng().random())  # Another phase of the control period each time.
    return latency


def _stop(robot: RobotUnderTest, bus: WatchedBus) -> float:
    """Return one latency [s]; NaN when the gate had stopped the robot before."""
    robot.make_free()
    time.sleep(0.2)
    asked = time.monotonic()
    robot.stop_publisher.publish(StopRequest(source="operator/bench", reason="benchmark"))
    try:
        return bus.first("off", asked, 2.0) - asked
    except AssertionError:
        return float("nan")


def _spread(name: str, seconds: list[float]) -> dict[str, float]:
    taken = 1e3 * np.array(seconds)[~np.isnan(seconds)]
    p50, p99, most = np.percentile(taken, (50, 99, 100))
    return {
        f"{name}_p50_ms": float(p50), f"{name}_p99_ms": float(p99), f"{name}_max_ms": float(most),
        f"{name}_trials": float(len(taken)), f"{name}_not_taken": float(len(seconds) - len(taken)),
    }  # fmt: skip


def main() -> None:
    """Measure, print and write results/driver.json."""
    if sys.argv[1:2] == ["servo-bus"]:
        serve(sys.argv[2])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200, help="commands measured; a quarter as many stops")
    parser.add_argument("--seconds", type=float, default=15.0, help="length of each measurement of rates [s]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bus = WatchedBus(folder)
        try:
            calibration = write_calibration(folder / "mine.json")
            figures = measure_bus(bus, calibration, arguments.seconds)
            figures |= measure_node(bus, calibration, arguments.trials, arguments.seconds)
        finally:
            bus.close()
    report("driver", figures, REFERENCE)


if __name__ == "__main__":
    main()
